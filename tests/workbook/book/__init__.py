"""The model of a workbook: colors that can be told apart, looks that stand in one place.

Begin in `test_styles`: the word and the color of an input, and the decimals of a number, are one
line each. `test_colors` sees them with every kind of color vision.
"""
