"""A run as people look at it: figures, ``report.html``, ``results.xlsx``, the verdicts.

``page`` fills the templates, ``plots`` draws curves and endings, ``claims`` and ``study`` show
verdicts as table, file and figure; ``workbook`` makes the sheets.
"""
