"""The book that is filled in: steps left empty, which mark themselves. Begin in `exercise`."""
