"""Tensors from files: each format read, each damaged or hostile file refused.

Begin in `test_formats`, which reads what other programs wrote; `test_strangers` has files that
want too much memory, run code, or are not what their names say.
"""
