"""Steps and statistics sets as spreadsheet formulas, which every sheet draws from.

Begin in `steps`: one formula a step, from the cells of those before it. `slices` has the steps of
a tensor that is shown in part, `set_labels` a set's number by formula, `differences` how far two
blocks are apart, and `evaluator` computes a formula in Python.
"""
