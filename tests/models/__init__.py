"""The normalizations of published models, held to identify, verify and explain.

Begin in `zoo`, which lists the families, small and with random weights; `make models` asks all of
them again and writes the table of normviz/README.md.
"""
