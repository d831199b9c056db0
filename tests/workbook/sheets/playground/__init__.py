"""The playground turned every way: begin in `typed`, which types a case into the sheet.

`test_switches` turns the five switches, `test_norms` the drop-down, `test_settings` types what
makes no sense.
"""
