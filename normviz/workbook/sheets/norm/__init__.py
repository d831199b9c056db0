"""The sheet of one normalization: every step, forward and backward, as live formulas.

Begin in `sheet`, which puts it together; `page` draws the steps of a trace, for the explained layer
too, and `laws` what must hold whatever the inputs: the closed form, running statistics, equations.
"""
