"""Steps and statistics sets as spreadsheet formulas. Begin in `steps`."""
