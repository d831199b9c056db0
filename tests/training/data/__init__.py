"""Data sets: what is read, fetched and refused, and how batches are made.

Begin in `test_data`. `test_datasets` holds each set to its checksums, from a server of the test's
own, and `test_augment` the moved and turned digits to their definition.
"""
