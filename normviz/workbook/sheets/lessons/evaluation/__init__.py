"""Evaluation: what the running statistics do. Begin in `sheet`."""
