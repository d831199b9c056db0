"""What a norm refuses in training: a function from its sets to the sentence of the error, or None.

One value per set is refused by every norm with running statistics: the unbiased variance that they
move to divides by m - 1.
"""

from collections.abc import Callable

from normviz.norms.partition import StatisticsSets

Refusal = Callable[[StatisticsSets], str | None]


def one_value(advice: str, only_one_sample: bool = False) -> Refusal:
    """Refuse one value per set: its variance is 0, so the output would not depend on x.

    ``advice`` is what to use instead, as a user can.
    """

    def refuse(sets: StatisticsSets) -> str | None:
        if sets.size != 1 or (only_one_sample and sets.shape[0] != 1):
            return None
        return (
            f"x must have more than 1 value per statistics set in training, got shape {sets.shape}"
            f" for {sets.op}: one value is its own mean and its variance is 0, so the output would "
            f"be the bias alone: use {advice}"
        )

    return refuse


def no_values(sets: StatisticsSets) -> str | None:
    """Refuse sets of no elements."""
    if sets.size:
        return None
    return f"x must have spatial elements to normalize, got shape {sets.shape}"
