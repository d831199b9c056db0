"""The file for spreadsheet programs: the same bytes every time, values beside formulas.

Begin in `test_file`, which reads it back with other programs' readers; `test_charts` looks at the
charts, `test_libreoffice` at the pictures.
"""
