"""The NumPy code against torch in float64, finite differences and extended precision.

Begin in `functional/test_equivalence`; layers and traces are held to the same numbers here.
`norm_calls` and `chosen` say what is called, `oracle` asks torch, `truth` computes from the
definition.
"""
