"""The sheets that teach: each complete in itself, with input cells of its own.

A lesson is a file or a folder: its numbers in NumPy (`case.py`), and its page as content
(`sheet.py`), words, numbers and formulas in the vocabulary of `draw.content`, without a place.
Begin with `catalog.py`, the list of all; a new lesson is one entry there.
"""
