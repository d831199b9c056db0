"""What NumPy and torch gave, which the checks hold the sheets to. Begin in `sheet`."""
