"""The lesson Evaluation: what the running statistics do, step by step.

Begin in `sheet`, which draws four batches and what they leave; `keras` adds the momentum of Keras,
`ghost` the splits of Ghost BN, `tables` what the three have in common, and `case` the numbers.
"""
