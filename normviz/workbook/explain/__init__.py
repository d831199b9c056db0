"""The book of one's own layer or tensor, every step on its very numbers.

Begin in `explain`, what `normviz.explain` is; `selection` and `shown_part` say which part of a
large tensor is shown and what the rest adds, the sheets follow.
"""
