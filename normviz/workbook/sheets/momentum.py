"""The input cell for momentum, which says at once what to type for Keras' number."""

from __future__ import annotations

from normviz.workbook.draw.content import WEIGHT, Line

MOST_AS_TORCH = 0.5
"""Above it a momentum is more likely Keras', which weighs the old value."""

NOTE = "weight of the new value in the running statistics, as in torch"


def momentum(value: float, note: str = NOTE) -> Line:
    """The cell, its note turning to a question where the number looks like Keras'."""
    asks = (
        '"✗ "&{momentum}&" as in Keras, where momentum weighs the old value? Torch weighs the new '
        'one: for the same layer type "&ROUND(1-{momentum},9)&"."'
    )
    says = f'IF({{momentum}}>{MOST_AS_TORCH!r},{asks},"{note}")'
    return Line("momentum", "momentum", value, rule=WEIGHT, note=note, noting=says)
