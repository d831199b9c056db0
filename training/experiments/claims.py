"""The published claims as data: what was said, and what would have to hold.

A claim stands when every one of its parts does. ``verdicts.py`` holds the parts to the seeds of a
run; nothing here looks at a number. They are those of the two course projects; the literature's
claims are the files *.toml beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from training.experiments.trials import find_trial

SPAN = 10  # epochs that count as early, and as late; late ones of recipe B are those after epoch 10
TARGET = 99.4  # percent of the test set; the level the published comparison turns on
ONE_DIGIT = 0.01  # points: one of 10,000 test digits


@dataclass(frozen=True)
class Measure:
    """What a claim is about, in words; ``training.results.measures`` counts it in a history."""

    name: str
    more: str  # "FIRST ... SECOND", where FIRST has the larger number
    unit: str = "points"
    resolution: float = ONE_DIGIT  # differences below it are not seen


LAST, BEST = "last", "best"
LATE_DEVIATION, EARLY_FALL, CROSSING = "late deviation", "early fall", "crossing"
MEASURES = {
    LAST: Measure("accuracy of the last epoch", "ends above"),
    BEST: Measure("accuracy of the best epoch", "peaks above"),
    LATE_DEVIATION: Measure(
        f"standard deviation about a straight line over the last {SPAN} epochs",
        "is less steady than",
    ),
    EARLY_FALL: Measure(f"largest fall within the first {SPAN} epochs", "falls further than"),
    CROSSING: Measure(f"first epoch at {TARGET} %", "is later than", "epochs", 1.0),
}
# Points: about what one seed differs from the next at the last epoch; chosen when runs were seen.
STEADY = 0.05


@dataclass(frozen=True)
class More:
    """``first`` has more of the measure than ``second``, over the seeds that both have."""

    first: str
    second: str
    measure: str = LAST

    @property
    def trials(self) -> tuple[str, ...]:
        """The trials that it needs."""
        return (self.first, self.second)

    def __str__(self) -> str:
        return f"{self.first} {MEASURES[self.measure].more} {self.second}"


@dataclass(frozen=True)
class AtMost:
    """``trial`` has at most ``limit`` of the measure."""

    trial: str
    measure: str
    limit: float

    @property
    def trials(self) -> tuple[str, ...]:
        """The trials that it needs."""
        return (self.trial,)

    def __str__(self) -> str:
        measure = MEASURES[self.measure]
        return f"{self.trial}: {measure.name} at most {self.limit:g} {measure.unit}"


@dataclass(frozen=True)
class Random:
    """``trial`` ends no better than a network that gives every digit the same answer."""

    trial: str

    @property
    def trials(self) -> tuple[str, ...]:
        """The trials that it needs."""
        return (self.trial,)

    def __str__(self) -> str:
        config = find_trial(self.trial)
        form = "counted once" if config.l1_form == "correct" else "accumulated, as published"
        return f"{self.trial} is random (λ = {config.l1:g}, {form})"


Part = More | AtMost | Random


@dataclass(frozen=True)
class Claim:
    """One published statement."""

    name: str
    text: str
    parts: tuple[Part, ...]
    remark: str = ""

    @property
    def trials(self) -> tuple[str, ...]:
        """The trials that it needs, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.trials))


OF_FIVE = ("bn-l1", "bn-l2", "bn-l1-l2", "gbn", "gbn-l1-l2")


HALF_THE_BATCH = (
    "Ghost BatchNorm's two ran with batches of 64, the others with 128, and none of them is "
    "BatchNorm without a penalty: it is a comparison of recipes, not of norms."
)


def _others(name: str) -> list[str]:
    return [other for other in OF_FIVE if other != name]


CLAIMS = (
    Claim(
        "ghost-best",
        "Ghost BatchNorm is the best of its five",
        tuple(More("gbn", other) for other in _others("gbn")),
        "Published as best epochs; held here to the last epoch, which nothing was chosen by. "
        + HALF_THE_BATCH,
    ),
    Claim(
        "l2-beats-l1",
        "With BatchNorm, L2 beats L1 in accuracy and steadiness",
        (More("bn-l2", "bn-l1"), More("bn-l1", "bn-l2", LATE_DEVIATION)),
        f"Steadiness: the standard deviation of the test accuracy about a straight line over the "
        f"last {SPAN} epochs.",
    ),
    Claim(
        "both-between",
        "L1 and L2 together lie between L1 and L2, and cross 99.4 % later than L2",
        (
            More("bn-l2", "bn-l1-l2"),
            More("bn-l1-l2", "bn-l1"),
            More("bn-l1-l2", "bn-l2", CROSSING),
        ),
        "Open where a seed never crosses: how much later it would have is not known.",
    ),
    Claim(
        "ghost-both-worst",
        "L1 and L2 with Ghost BatchNorm is the lowest of its five, and irregular early",
        (
            *(More(other, "gbn-l1-l2") for other in _others("gbn-l1-l2")),
            *(More("gbn-l1-l2", other, EARLY_FALL) for other in _others("gbn-l1-l2")),
        ),
        "Irregular: the largest fall of the test accuracy from one epoch to the next within the "
        f"first {SPAN}. {HALF_THE_BATCH}",
    ),
    Claim(
        "layer-best",
        "LayerNorm is the best of BatchNorm, GroupNorm and LayerNorm, and steady after epoch 10",
        (More("ln", "bn"), More("ln", "gn"), AtMost("ln", LATE_DEVIATION, STEADY)),
        f"Steady: a standard deviation of at most {STEADY} points over epochs 11 to 20. In this "
        "recipe the learning rate is 0.001 from epoch 9 on, which steadies any of the three.",
    ),
    Claim(
        "l1-random",
        "L1 makes the model random",
        tuple(
            Random(name)
            for name in ("bn-l1-accumulated", "bn-l1-fixed", "bn-l1-fixed-low", "bn-l1")
        ),
        "Said of L1 as such, so one network that learns under a correctly counted L1 refutes it; "
        "for that the test digits decide, not the seeds.",
    ),
)
