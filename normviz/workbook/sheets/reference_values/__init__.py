"""The sheet Reference: what NumPy and torch gave, which the checks hold the sheets to.

Begin in `sheet`, which draws the constants. `torch_values` asks torch, or takes its values for the
books that ship from the two .json files, so that these are built without torch.
"""
