"""Conventions: the same words for different numbers. Begin in `sheet`."""
