"""Four numbers: where the backward pass of BatchNorm comes from. Begin in `sheet`."""
