"""What other numbers of groups or splits would do: the question arises on the norm's own sheet."""

from __future__ import annotations

from collections.abc import Iterator

from normviz.norms.norm import Norm
from normviz.norms.sizes import SizeArgument, place_of
from normviz.reference.trace import Trace
from normviz.workbook.book.styles import PLAIN
from normviz.workbook.draw.content import Banner, Item, Line, judged, whole


def other_sizes(trace: Trace) -> Iterator[Item]:
    """An input cell for the number of parts, and what normviz says to it, a refusal or a size."""
    norm, shape = trace.norm, trace.sets.shape
    for size in norm.sizes:
        if size.parts:
            yield from _asked(norm, shape, size)


def _asked(norm: Norm, shape: tuple[int, ...], size: SizeArgument) -> Iterator[Item]:
    total = shape[place_of(norm.pattern, size)]
    tried = next(number for number in range(2, total + 2) if total % number)
    before, after = refusal(norm, shape, size.argument, tried)
    divides = f"MOD({total},{{tried}})=0"
    fits = f'{{tried}}&" {size.parts} of "&{total}/{{tried}}&" {size.divides}s"'
    refused = f'"{before}"&{{tried}}&"{after}"'
    yield Banner(f"Which numbers of {size.parts} there can be", "a trial: no step below follows it")
    yield Line("tried", size.argument, tried, rule=whole(1, total + 1))
    yield Line(
        "answer",
        "what normviz says",
        f"{before}{tried}{after}",
        f"IF({divides},{fits},{refused})",
        PLAIN.but(bold=True, indent=1, wrap=True),
        wide=True,
        marks=judged(f"NOT({divides})"),
    )


def refusal(norm: Norm, shape: tuple[int, ...], argument: str, value: int) -> tuple[str, str]:
    """What the norm says to a number that does not divide, before and after the number.

    Raises:
        RuntimeError: where it does not refuse.
    """
    try:
        norm.on(shape, {argument: value})
    except ValueError as error:
        before, given, after = str(error).partition(f"={value}")
        return before + given[:1], after
    raise RuntimeError(f"{norm.name} takes {argument} = {value} on {shape}")
