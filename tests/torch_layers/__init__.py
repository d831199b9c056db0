"""The torch modules: their numbers, their gradients, and how they stand in for torch's.

Begin in `test_ghost_batch_norm`. `test_drop_ins` loads weights, scripts, copies and moves them as
one does torch.nn.BatchNorm2d; `test_reference_norm` trains on NumPy.
"""
