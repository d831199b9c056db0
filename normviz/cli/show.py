"""A trace in the terminal, as tables with the names and numbers of the workbook."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.numbers import written
from normviz.reference.steps import Step
from normviz.reference.trace import Trace
from normviz.workbook.book.layout import Regions
from normviz.workbook.book.styles import INK, set_color
from normviz.workbook.draw.tensor import axes_of, range_text
from normviz.workbook.explain.selection import Selection
from normviz.workbook.explain.shown_part import ShownFrame

Array = npt.NDArray[Any]
NUMBER = 10
"""Columns of the terminal for one number."""


def needs_rich() -> Any:
    """The rich library, for what is printed with it.

    Raises:
        ModuleNotFoundError: without rich, with one line on how to get it.
    """
    try:
        return importlib.import_module("rich")
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "normviz show needs rich, which is not installed: pip install 'normviz[terminal]'"
        ) from None


def show(trace: Trace, selection: Selection, console: Any = None) -> None:
    """Print every step of a trace: its name, formula, NumPy expression and numbers.

    Elements and statistics have the color of their statistics set, as in the workbook. With
    ``console`` (a rich console) it is printed there.

    Raises:
        ModuleNotFoundError: without rich.

    >>> from normviz import trace
    >>> from normviz.workbook.explain.selection import select
    >>> t = trace("layer_norm", np.array([[1.0, 2.0, 6.0]]), normalized_shape=(3,))
    >>> show(t, select(t.sets))  # doctest: +SKIP
    """
    needs_rich()
    from rich.console import Console

    Printer(trace, selection, console or Console()).run()


class Printer:
    """Prints a trace; the frame says which values are shown and how they are laid out."""

    def __init__(self, trace: Trace, selection: Selection, console: Any) -> None:
        self.trace, self.selection, self.console = trace, selection, console
        self.frame = ShownFrame(trace.sets, selection)
        # What the pattern calls x's axes counts; of tokens and rows the others have names, too.
        usual, named = axes_of(trace.sets) or ("n", "c"), (*trace.sets.dimension_names, "", "")
        self.down, self.across = (
            own if own.isidentifier() else other
            for own, other in zip(named, usual[:2], strict=False)
        )

    def run(self) -> None:
        """Print the head, then the steps in their order."""
        self._head()
        self._tensor("x  the input", self.trace.x)
        for name, symbol in (("weight", "γ"), ("bias", "β")):
            value = self.trace.arguments.get(name)
            if value is not None:
                self._values(f"{name}  {symbol}", "parameter", value)
        number = 0
        for step in self.trace.steps:
            number += not step.is_given
            self._step(step, 0 if step.is_given else number)
        self._buffers()

    def _head(self) -> None:
        from rich.panel import Panel
        from rich.text import Text

        trace, sets = self.trace, self.trace.sets
        mode = "training" if trace.training else "evaluation, with the stored statistics"
        lines = [
            f"x {sets.shape}   {sets.count:,} statistics sets of {sets.size:,} elements",
            f"ε = {trace.eps:g}   {mode}",
        ]
        if not self.selection.is_whole:
            lines.append(f"shown: {self.selection}; statistics are of the whole tensor")
        self.console.print(
            Panel(Text("\n".join(lines)), title=Text(str(trace.norm)), title_align="left")
        )

    def _step(self, step: Step, number: int) -> None:
        title = f"{number}  " if number else ""
        title += f"{step.title}  {step.symbol}"
        lines = (step.formula, step.numpy, step.sentence)
        if step.kind == "element":
            self._tensor(title, step.value, lines)
        else:
            self._values(title, step.kind, step.value, lines)

    def _caption(self, title: str, lines: Sequence[str] = ()) -> None:
        from rich.text import Text

        self.console.print()
        self.console.print(Text(title, style="bold cyan"))
        for text, style in zip(lines, ("", "dim", "italic"), strict=False):
            self.console.print(Text(f"  {text}", style=style))

    def _tensor(self, title: str, values: Array, lines: Sequence[str] = ()) -> None:
        """Images down and channels across, as on a sheet."""

        self._caption(title, lines)
        layout = self.frame.layout
        height, width = layout.block
        shown = self.selection.take(values.reshape(self.trace.sets.shape))
        blocks = shown.reshape(layout.images, layout.channels, height, width)
        # As many channels side by side as the terminal is wide, the others below.
        fitting = max(1, (self.console.width - 10) // (NUMBER * width + 2))
        for first in range(0, layout.channels, fitting):
            self._band(blocks, range(first, min(first + fitting, layout.channels)))

    def _band(self, blocks: Array, channels: range) -> None:
        """Some channels of all images."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        layout = self.frame.layout
        labels = np.array(self.frame.set_of).reshape(blocks.shape)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), header_style="dim")
        table.add_column("", style="dim", no_wrap=True)
        for c in channels:
            table.add_column(
                f"{self.across} = {layout.channel_number(c)}", justify="center", no_wrap=True
            )
        height = blocks.shape[2]
        for n in range(layout.images):
            for row in range(height):
                cells = [
                    Text.assemble(
                        *(
                            (f"{written(value):>{NUMBER - 1}} ", _look(label))
                            for value, label in zip(
                                blocks[n, c, row], labels[n, c, row], strict=True
                            )
                        )
                    )
                    for c in channels
                ]
                name = f"{self.down} = {layout.image_number(n)}" if row == 0 else ""
                table.add_row(name, *cells)
            if height > 1 and n < layout.images - 1:
                table.add_row()
        self.console.print(table)

    def _values(self, title: str, per: str, values: Array, lines: Sequence[str] = ()) -> None:
        """One number for each set or parameter, with what it stands for."""
        from rich.columns import Columns
        from rich.text import Text

        self._caption(title, lines)
        found = self.frame.pick(per, np.asarray(values))
        regions = self.frame.sets if per == "set" else self.frame.parameters
        texts = []
        for label, value in enumerate(found, start=1):
            text = Text()
            text.append(f"{self._name(per, label, regions)} ", "dim")
            text.append(
                f"{written(value):>{NUMBER - 1}} ", _look(label) if per == "set" else "bold"
            )
            texts.append(text)
        self.console.print(Columns(texts, padding=(0, 3)))

    def _name(self, per: str, label: int, regions: Regions) -> str:
        """A set or parameter by the axes of its pattern, or by its places on those of x."""
        sets = self.trace.sets
        if not self.trace.norm.name.isidentifier():
            if per == "set":
                return sets.name_of_set(int(self.frame.set_numbers[label - 1]))
            return sets.name_of_parameter(int(self.frame.parameter_numbers[label - 1]))
        inner = self._inner(per, label)
        channels = range_text(self.across, regions.channels(label))
        if per == "set":
            return ", ".join([channels, range_text(self.down, regions.images(label)), *inner])
        # A parameter is of all images, and of all channels where its place is on other axes.
        return ", ".join([channels, *inner] if 1 in self._told(per) or not inner else inner)

    def _inner(self, per: str, label: int) -> list[str]:
        """The place of a set or parameter on the axes after x's first two, where it has one."""
        layout, told = self.frame.layout, self._told(per)
        of = self.frame.set_of if per == "set" else self.frame.parameter_of
        places = [int(at) for at in np.unravel_index(of.index(label), layout.shape)]
        return [
            f"{letter} = {layout.inner_number(axis, places[axis])}"
            for axis, letter in enumerate(layout.inner_letters, start=2)
            if axis in told and self.trace.sets.shape[axis] > 1
        ]

    def _told(self, per: str) -> set[int]:
        """The axes of x that tell one set or parameter from another."""
        sets = self.trace.sets
        affine = {name for names in sets.affine for name in names}
        return {
            factor.dimension + at
            for factor in sets.factors
            if (factor.name in affine if per == "parameter" else not factor.shared)
            for at in range(len(factor.lengths))
        }

    def _buffers(self) -> None:
        for name, value in self.trace.running_buffers().items():
            if name.startswith("running_"):
                lines = ("new = (1 − momentum) · old + momentum · batch",)
                self._values(f"{name} after this batch", "parameter", value, lines)


def _look(label: Any) -> str:
    return f"#{INK} on #{set_color(int(label))}"
