"""The lesson Four numbers: `sheet.py` draws it, of `graph.py` (arrows) and `nudge.py` (a proof)."""
