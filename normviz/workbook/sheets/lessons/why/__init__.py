"""The lesson Why: what becomes of activations and gradients in a deep stack.

Eight layers with and without a norm, and below them which norm to use when. Begin in `sheet`, which
draws both stacks and their charts; `case` runs them in NumPy.
"""
