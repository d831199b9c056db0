"""Layer to layer: what a norm leaves to the next one. Begin in `sheet`."""
