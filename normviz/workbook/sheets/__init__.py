"""The sheets of the book that ships, one file or folder each, lessons in a room of their own.

A sheet is content for the vocabulary in `normviz.workbook.draw`. Begin in `subject`, the
numbers a book is about, and `norm`, the sheet of one normalization.
"""
