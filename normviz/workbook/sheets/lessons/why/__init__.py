"""Why: what becomes of activations and gradients in a deep stack. Begin in `sheet`."""
