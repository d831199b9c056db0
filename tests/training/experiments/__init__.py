"""Trials and studies as data: what a file may say, and what it means.

Begin in `test_config`, the fields of a trial and their defaults; `test_study` reads the studies,
their questions and what would refute them.
"""
