"""The sheet of one normalization, forward and backward. Begin in `sheet`."""
