"""The arithmetic by hand, in NumPy: forward, backward, step by step.

Begin in `core`, which is the whole of it in plain lines; `blockwise` is the same, fast. On these
stand `functional` (the functions, named as torch's), `layers` (with state) and `trace` (every step
kept), whose words are in `steps`.
"""
