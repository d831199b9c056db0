"""What a normalization is: the notation, the sets, and the declared norms.

Begin in `test_sets`. `test_every_surface` takes every declared norm, and two that nobody foresaw,
through everything that reads a declaration.
"""
