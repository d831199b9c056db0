"""Batches: a bias before a norm, accumulation, devices. Begin in `sheet`."""
