"""The lesson Batches: what follows when samples share their statistics.

A bias before BatchNorm is dead, two half batches are not one batch, devices that do not talk are
Ghost BN. Begin in `sheet`, which draws it; `case` has the numbers as NumPy and the reference give
them.
"""
