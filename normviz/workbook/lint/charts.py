"""Rules for charts: what LibreOffice forgives and Excel does not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_AXES = ("catAx", "valAx", "dateAx", "serAx")


def axis_is_shown(chart: ET.Element) -> Iterator[str]:
    """An axis without delete=0 is hidden by newer Excel."""
    for kind in _AXES:
        for axis in chart.iter(f"{CHART}{kind}"):
            delete = axis.find(f"{CHART}delete")
            if delete is None or delete.get("val", "1") not in ("0", "false"):
                yield f"a {kind} lacks delete=False"


def scatter_has_style(chart: ET.Element) -> Iterator[str]:
    """A scatter chart must name its scatterStyle."""
    for scatter in chart.iter(f"{CHART}scatterChart"):
        if scatter.find(f"{CHART}scatterStyle") is None:
            yield "a scatter chart lacks scatterStyle"


CHART_RULES: tuple[Callable[[ET.Element], Iterator[str]], ...] = (axis_is_shown, scatter_has_style)
