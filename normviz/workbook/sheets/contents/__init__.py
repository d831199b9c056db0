"""The first sheet: what there is, a lecture through it, and how to get such a book of one's own.

Begin with `sheet.py`; `lecture.py` has the stops of the lecture. The box about a layer of one's
own is `normviz.workbook.sheets.your_layer`, which Inputs shows too.
"""
