"""The NumPy code against torch in float64, finite differences and extended precision.

Begin in `test_equivalence`. `calls` and `chosen` say what is called, `oracle` asks torch, `truth`
computes from the definition; `test_mutations` sees that wrong code fails.
"""
