"""The sheets: their numbers, their words, and that their checks keep their word.

Begin in `test_recalculation`. `test_overwritten` types over formulas and sees the verdict turn,
`test_symbols` reads every text: one meaning a symbol.
"""
