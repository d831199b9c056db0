"""A run read back and counted: no file is written here but tables of numbers.

In their order: ``run_folder`` reads all tasks, ``kept`` what stays of them without the folder,
``over_seeds`` puts a trial's seeds together with ``intervals``, ``comparisons`` puts two trials
beside each other, ``verdicts`` holds claims to them by ``measures``, ``study_table`` does so for a
study. ``cost`` is what a run takes.
"""
