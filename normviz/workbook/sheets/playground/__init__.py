"""The playground: one sheet on which five switches make every normalization there is.

Begin with `reach.py`: what a set reaches over, and which declared norm is which setting. `case.py`
holds the input cells and what NumPy makes of them, `reading.py` the cells that read the settings
(`table.py` and `says.py` with them), `sheet.py` draws the steps in the grids of `rows.py`, and
`head.py`, `strips.py` and `settings.py` what stands around them.
"""
