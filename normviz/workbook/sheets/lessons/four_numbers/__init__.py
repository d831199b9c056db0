"""The lesson Four numbers: where the backward pass of BatchNorm comes from.

One channel of four values. Begin in `sheet`, which draws it: of `graph`, every arrow there and back
with its number, and `nudge`, the proof that moves one x; `case` has the numbers.
"""
