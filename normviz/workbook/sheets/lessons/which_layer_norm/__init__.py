"""Three layers that are called LayerNorm. Begin in `sheet`."""
