"""``results.xlsx``: a run folder as a workbook, made with the explainer's own cells and lint."""
