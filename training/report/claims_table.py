"""The verdicts on the published claims as a table in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from training.results.verdicts import Judgment, Verdict, confidence_words

STYLES = {Verdict.SUPPORTED: "green", Verdict.REFUTED: "red", Verdict.UNDECIDED: ""}


def claims_table(judgments: Sequence[Judgment]) -> Table:
    """Return the table: a row a claim, with its verdict, confidence, seeds and reason."""
    table = Table(title="The published claims")
    table.add_column("claim", ratio=3)
    table.add_column("verdict", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("seeds", justify="right", no_wrap=True)
    table.add_column("why", ratio=4)
    for judgment in judgments:
        verdict = judgment.verdict
        style = STYLES[verdict]
        table.add_row(
            judgment.claim.text,
            f"[{style}]{verdict.value}[/{style}]" if style else verdict.value,
            confidence_words(judgment.confidence),
            " to ".join(map(str, judgment.seeds)),
            judgment.reason.replace("[", r"\["),
        )
    return table
