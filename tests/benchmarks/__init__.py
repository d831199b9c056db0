"""Speed and memory, as ratios within one run: `make bench`.

Begin in `__main__`, which lists what can be measured. `contest` takes two rivals in turn and keeps
the best of several rounds; no test depends on what is measured here.
"""
