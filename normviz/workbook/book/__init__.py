"""The model of a workbook: what a cell, a page, a chart, a look is. It knows no medium.

Begin in `cells`; `address` says where a cell is, `formula` reads a formula, `styles` holds every
look, format and color, `charts` what is drawn over the cells, `sizes` how large things are.
"""
