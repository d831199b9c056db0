"""The lesson Conventions: the same words for different numbers, library by library.

Which variance, which momentum, where ε stands, groups or their size. Begin in `sheet`, which draws
it; `case` has the numbers as NumPy and the reference give them.
"""
