"""What a normalization is: which elements of a tensor share one mean and one variance.

Begin in `notation`, the one line that says it; `partition` is what the line means on a shape,
`norm` the declaration of a normalization, `declared` those that normviz comes with, `sets` how
they are asked for. Nothing in here computes a mean.
"""
