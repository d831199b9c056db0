"""A run as people look at it: figures, the report's page, the results workbook.

Begin in `test_report`, which builds all of them from one small run; `test_plots` and
`test_workbook` look into the parts.
"""
