"""Formulas computed in Python, for cells whose value no spreadsheet program has stored.

Begin in `evaluate`, which walks a formula; `operands` are what it computes with, `functions` those
that it knows, `criteria` the tests of COUNTIF and its like.
"""
