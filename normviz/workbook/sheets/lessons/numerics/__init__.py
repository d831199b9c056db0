"""Numerics: rounding, and what one value cannot give. Begin in `sheet`."""
