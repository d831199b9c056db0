"""The first sheet: what there is, a lecture through it, and how to get such a book of one's own.

Begin with `sheet.py`; `lecture.py` has the stops of the lecture, `your_layer.py` the box about a
layer of one's own, which Inputs shows too.
"""
