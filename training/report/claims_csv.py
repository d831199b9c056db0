"""The verdicts as a table for other programs: ``claims.csv``, one row for each part of a claim."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from training.files import write_whole
from training.results.claims import Random
from training.results.verdicts import Judgment

COLUMNS = (
    "claim", "verdict", "confidence", "part", "part_verdict", "part_confidence", "seeds",
    "margin", "low", "high", "unit", "measured",
)  # fmt: skip


def write_claims_csv(judgments: Sequence[Judgment], folder: Path) -> None:
    """Write ``claims.csv``; a number that is not known is left empty.

    Confidences are fractions; a positive margin is as claimed, with its 95 % interval.

    Raises:
        TrainingError: when it cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for judgment in judgments:
        claim = (judgment.claim.text, judgment.verdict.value, _number(judgment.confidence))
        for finding in judgment.findings:
            margin = finding.margin
            interval = (margin.mean, margin.low, margin.high) if margin else (None,) * 3
            unit = "" if isinstance(finding.part, Random) else finding.part.measure.unit
            writer.writerow(
                (
                    *claim,
                    finding.part,
                    finding.verdict.value,
                    _number(finding.confidence),
                    finding.seeds,
                    *map(_number, interval),
                    unit,
                    finding.words,
                )
            )
    write_whole(folder / "claims.csv", text.getvalue())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
