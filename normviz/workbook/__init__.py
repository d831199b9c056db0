"""The workbook: the arithmetic as cells that are live, for a spreadsheet program or a browser.

A book is a model of cells (`book`), filled by sheets (`sheets`, `explain`, `exercise`) out of
content (`draw`) and formulas (`formulas`), refused where no medium could show it (`lint`), and
written by a medium (`xlsx`, `page`). Begin in `build`, the book that ships.
"""
