"""The running statistics, step by step: where they begin, and how slowly they follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normviz.workbook.book.charts import Axis
from normviz.workbook.book.styles import BOLD, NUMBER, RESULT
from normviz.workbook.draw.content import (
    Band,
    Banner,
    Caption,
    CellFormula,
    Cells,
    Drawn,
    Graph,
    Item,
    Line,
    Stack,
    Table,
    Words,
)
from normviz.workbook.sheets.lessons.evaluation.case import (
    BATCHES,
    CHANNELS,
    STEPS,
    EvaluationCase,
)
from normviz.workbook.sheets.lessons.evaluation.tables import CHANNEL_NAMES, moved, of_channels

INKS = ("2F6DA8", "C2611F")
"""Channels 0 and 1 in a chart: the ink that goes with the color of their set."""


def trajectory(case: EvaluationCase) -> Sequence[Item]:
    """One row a step: what the batch brings, and where the running statistics are then."""
    means, variances = case.running()
    parts = (
        ("mean", "batch mean μ", "mean", means),
        ("var", "batch variance s²", "unbiased", variances),
    )
    tables: list[Table] = []
    graphs: list[Graph] = []
    for key, words, statistic, running in parts:
        of_batches = [t["mean"] if key == "mean" else case.unbiased(t) for t in case.traces]
        tables += [
            Table(
                Cells(
                    f"running_{key}",
                    running,
                    moved(f"running_{key}", f"{{first_{key}}}", f"{{batch_{key}[t-1]}}"),
                    of_channels(BOLD),
                ),
                axes=("t", "c"),
                down=("at first", *range(1, STEPS + 1)),
                down_is="step",
                labelled=not tables,
                across=CHANNEL_NAMES,
                caption=Caption(f"running_{key}"),
                steps="" if tables else "step",
            ),
            Table(
                Cells(
                    f"batch_{key}",
                    np.tile(of_batches, (STEPS // BATCHES, 1)),
                    _of_batch(statistic),
                    of_channels(NUMBER),
                ),
                axes=("t", "c"),
                skip=1,
                down=range(1, STEPS + 1),
                down_is="step",
                labelled=False,
                across=CHANNEL_NAMES,
                caption=Caption(words),
            ),
        ]
        lines = [
            line
            for c in range(CHANNELS)
            for line in (
                Drawn(f"running, c = {c}", f"running_{key}[t=1:{STEPS + 1},c={c}]", INKS[c]),
                Drawn(f"batch, c = {c}", f"batch_{key}[c={c}]", INKS[c], thin=True),
            )
        ]
        title = f"running_{key}"
        steps, across = f"step[t=1:{STEPS + 1}]", Axis("step")
        graphs.append(Graph(title, lines, steps, across, Axis(title), rows=14, blocks=2))
    left = [
        ("left_4", f"left after {BATCHES} steps", BATCHES),
        ("left_all", f"left after {STEPS} steps", STEPS),
    ]
    percent = RESULT.but(number="0.0%")
    return (
        Banner(
            "The running statistics follow",
            "new = (1 − momentum) · old + momentum · batch; from step 5 on the batches come again",
        ),
        Band((*tables, Stack(graphs))),
        *(
            Line(
                name,
                label,
                (1 - case.momentum) ** steps,
                f"(1-{{momentum}})^{steps}",
                percent,
                "of the value it began with is still in the running statistic",
            )
            for name, label, steps in left
        ),
        Words(
            "A layer that has seen few batches still carries its first values, mean 0 and variance "
            "1, and evaluates badly however well it trains. Try: momentum 0.5, then 0.01."
        ),
    )


def _of_batch(statistic: str) -> CellFormula:
    """The statistic of the batch of a step; the batches come again and again."""
    return lambda t, _: f"{{{statistic}{t % BATCHES + 1}}}"
