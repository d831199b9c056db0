"""``results.xlsx``: begin in ``book``, which puts the sheets together; each sheet is a file.

``parts`` are the headings, tables and scales that all of them share. A sheet's formulas point to
the trials' own sheets, where the histories lie.
"""
