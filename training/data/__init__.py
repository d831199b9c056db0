"""Images: which data sets there are, how they get here, and how batches are made of them.

Begin in ``load``: a data set as tensors, and the batches of an epoch. Another data set is an entry
of ``datasets``; ``download`` fetches it; ``augment`` moves images; ``seeding`` derives every random
choice from the seed.
"""
