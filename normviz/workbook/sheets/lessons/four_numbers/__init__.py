"""The lesson Four numbers: where the backward pass of BatchNorm comes from.

One channel of four values. Begin in `sheet`, which draws it: of `graph`, every arrow there and back
with its number, and `proofs`, which add up the paths and move one x; `case` has the numbers.
"""
