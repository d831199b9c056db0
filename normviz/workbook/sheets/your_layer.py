"""The box that says how to get such a workbook of one's own layer."""

from __future__ import annotations

from normviz.workbook.book.styles import BODY, CODE, INK, LABEL, LINE
from normviz.workbook.draw.content import Banner, Entry, Item, Listing

HEADING = "How do I get this for my layer?"
ABOUT = (
    "# normviz is the Python package that made this workbook; who gave you the workbook has its "
    "folder. In it, with Python 3.11 or newer:"
)
INSTALL = "pip install ."
COMMAND = "normviz explain x.npy --op layer_norm -o mine.xlsx"
PYTHON = (
    "import normviz, torch",
    "layer, x = torch.nn.LayerNorm(8), torch.randn(2, 5, 8)",
    'normviz.explain(layer, x, "mine.xlsx")',
)
MAKES = (
    "A workbook like this one, about your layer and your tensor: every step forward and backward "
    "as live formulas, and beside them the layer's own y and dx with PASS or FAIL (of a tensor in "
    "a file, normviz's own). dy is grad_output=..., random numbers where it is not given. A name "
    "that ends in .html makes it a page. A layer in Python needs torch. For a layer inside a "
    "model: normviz.explain(model, x, "
    '"mine.xlsx", layer="encoder.norm1").'
)


def box() -> tuple[Item, ...]:
    """Install line, one command, three lines of Python, and what they make."""
    code = CODE.but(color=INK, edge=LINE, indent=1, wrap=True)
    name = LABEL.but(edge=LINE, indent=1)
    rows = (
        ("install", Entry(f"{ABOUT}\n{INSTALL}", code)),
        ("a tensor in a file", Entry(COMMAND, code)),
        ("a layer in Python", Entry("\n".join(PYTHON), code)),
        ("what you get", Entry(MAKES, BODY)),
    )
    return Banner(HEADING), Listing(rows, looks=(name,), shares=(20, 112))
