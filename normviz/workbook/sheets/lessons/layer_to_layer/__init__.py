"""The lesson Layer to layer: what a norm leaves to the next one.

x, a norm by drop-down, ReLU, a convolution, and the statistics that the next layer finds. Begin in
`sheet`, which draws it; `case` has the numbers as the reference gives them.
"""
