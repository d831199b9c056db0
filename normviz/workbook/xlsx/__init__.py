"""The medium of spreadsheet programs: a book as an .xlsx file, the same bytes every time.

Begin in `write`; openpyxl writes the file, `cached_values` puts the value beside each formula,
`libreoffice` makes pictures of the sheets.
"""
