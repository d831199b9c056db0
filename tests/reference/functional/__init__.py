"""The functions of `normviz.reference.functional`: values, refusals, memory, layouts.

Begin in `test_equivalence`, the wide grid against torch; `test_mutations` sees that wrong code
fails it.
"""
