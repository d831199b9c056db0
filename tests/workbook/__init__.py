"""The workbook: the folders are the rooms of `normviz/workbook`.

Begin in `sheets/test_recalculation`, the proof: independent engines compute every cell of every
book anew. `engines` runs them: ironcalc, LibreOffice, Gnumeric.
"""
