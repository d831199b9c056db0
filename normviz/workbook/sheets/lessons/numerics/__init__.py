"""The lesson Numerics: rounding, what ε does, and what one value cannot give.

Begin in `sheet`, which draws a variance in three ways at a growing offset; `limits` draws ε and the
single value, and `case` has the numbers in every precision.
"""
