"""The sheet Checks: `sheet.py` draws it and says what Contents shows of it.

`must_be_zero.py` has what holds for any input, `shipped.py` every formula against its value.
"""
