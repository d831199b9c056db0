"""What the trials with an L1 say together: up to which strength it learns when counted once."""

from __future__ import annotations

from dataclasses import dataclass

from training.experiments.claims import Random
from training.experiments.trials import TRIALS
from training.results.intervals import Estimate
from training.results.over_seeds import Overview, overviews
from training.results.run_folder import Results
from training.results.verdicts import Verdict, find

# Strength by strength: the published loop, and the same network and recipe with a correct L1.
PAIRS = (
    ("bn-l1-accumulated", "bn-l1-fixed"),
    ("bn-l1-accumulated-low", "bn-l1-fixed-low"),
    (None, "bn-l1"),
)


@dataclass(frozen=True)
class Strength:
    """One row: what an L1 of one strength came to; None where it was not run or is not whole."""

    strength: float
    recipe: str
    published: float | None
    accumulated: Estimate | None
    counted_once: Estimate | None
    learns: bool  # counted once, with every seed


def strengths(run: Results) -> list[Strength]:
    """Return what each strength came to, the strongest first."""
    trials = {trial.name: trial for trial in overviews(run)}
    rows = []
    for wrong, right in PAIRS:
        config = TRIALS[right]
        published = TRIALS[wrong].published if wrong else None
        rows.append(
            Strength(
                config.l1,
                config.recipe,
                published.last if published else None,
                _last(trials.get(wrong or "")),
                _last(trials.get(right)),
                find(Random(right), run).verdict is Verdict.REFUTED,
            )
        )
    return rows


def largest_that_learns(rows: list[Strength]) -> Strength | None:
    """Return the largest strength tried with which a correct L1 ends above a constant answer.

    With every seed; not necessarily as high as without a penalty.
    """
    return max((row for row in rows if row.learns), key=lambda row: row.strength, default=None)


def _last(trial: Overview | None) -> Estimate | None:
    return trial.last if trial else None
