"""The medium of spreadsheet programs: a book as an .xlsx file, the same bytes every time.

Begin in `write`; openpyxl writes the `frame` of a file, `cells` what stands in it with the value
beside each formula, `normal_form` makes bytes repeatable; `libreoffice` makes pictures of sheets.
"""
