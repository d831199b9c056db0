"""A user's torch code: which normalization a layer is, and its twin in NumPy.

Begin in `test_identify`. `not_norms` has layers that look like a normalization and are none;
`test_from_torch` takes weights and modes over into NumPy.
"""
