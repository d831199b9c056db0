"""The inputs: every number a student may change, in yellow, and what the other sheets use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from normviz.workbook.book import input_rules as typed
from normviz.workbook.book.address import fixed
from normviz.workbook.book.cells import Book, Choice, Page
from normviz.workbook.book.styles import (
    INPUT_NUMBER,
    INPUT_TEXT,
    LABEL,
    NUMBER,
    PAPER,
    PROSE,
)
from normviz.workbook.draw.page_head import FIRST_ROW, begin, explain
from normviz.workbook.draw.panels import (
    Caption,
    Formula,
    Paint,
    evenly,
)
from normviz.workbook.draw.sections import (
    Body,
    Frame,
    Piece,
    StepPage,
)
from normviz.workbook.sheets.case import Array, Case

TITLE = "Inputs"
FIXED, RANDOM = "Fixed", "Random"
SHOWN = NUMBER.but(number="General", fill=PAPER)


@dataclass(frozen=True)
class InputCells:
    """Where the other sheets find the inputs, as references to the sheet Inputs."""

    page: Page
    placed: dict[str, Body]
    settings: dict[str, tuple[int, int]]

    def at(self, name: str, index: int) -> str:
        """One value of an input in use: x, grad_output, weight, bias, running_mean, ..."""
        return f"{self.page.title}!{self.placed[name].at(index)}"

    def setting(self, name: str) -> str:
        """A single setting: switch, eps or momentum."""
        return f"{self.page.title}!{fixed(*self.settings[name])}"


def build(book: Book, case: Case) -> InputCells:
    """The sheet of inputs; returns where everything stands."""
    page = begin(book, TITLE, "Inputs: change a yellow cell and every sheet follows", "D6A700")
    steps = StepPage(page, Frame(case.sets("batch_norm")), FIRST_ROW)
    explain(
        page,
        "Yellow cells are yours. Set Numbers to Random for new whole numbers from −4 to 4 at every "
        "recalculation (F9); set it back to Fixed for the numbers you see in yellow. Groups and "
        "splits decide which cells a formula reads, so they are built into this file: the sheet "
        "Playground lets you turn them, and normviz workbook makes a file with others.",
        steps.last_column,
    )
    settings = _settings(steps, case)
    cells = InputCells(page, steps.placed, settings)
    steps.section("x and the upstream gradient dy")
    switch = fixed(*settings["switch"])
    for name, symbol, values in (("x", "x", case.x), ("grad_output", "dy", case.grad_output)):
        steps.draw(_typed_and_used(steps, name, symbol, values, switch))
    steps.section("One γ and one β for each channel, and the running statistics before this batch")
    steps.draw(_channel_parameters(case))
    _element_parameters(steps, case)
    _allow_numbers(page, steps.placed)
    return cells


def _settings(steps: StepPage, case: Case) -> dict[str, tuple[int, int]]:
    page, settings = steps.page, case.settings
    rows = (
        ("switch", "Numbers", FIXED, INPUT_TEXT, "Fixed or Random; press F9 to draw again"),
        ("eps", "ε (eps)", settings.eps, INPUT_NUMBER, "added to the variance, inside the root"),
        (
            "momentum",
            "momentum",
            settings.momentum,
            INPUT_NUMBER,
            "weight of the new value in the running statistics, as in torch",
        ),
        ("groups", "groups", settings.groups, SHOWN, "of channels, for GroupNorm; built in"),
        ("splits", "splits", settings.splits, SHOWN, "of the batch, for GhostBatchNorm; built in"),
    )
    steps.section("Settings")
    places = {}
    for name, label, value, style, note in rows:
        page.span((steps.row, 2, steps.row, 3), label, LABEL)
        page.span((steps.row, 4, steps.row, 5), value, style)
        page.span((steps.row, 7, steps.row, steps.last_column), note, PROSE)
        places[name] = (steps.row, 4)
        steps.row += 1
    steps.row += 1
    _allow(page, places)
    return places


def _allow(page: Page, places: dict[str, tuple[int, int]]) -> None:
    """What may be typed into the settings."""
    row, column = places["switch"]
    area = (row, column, row, column)
    hint = "Choose Fixed or Random."
    page.choices.append(Choice(area, (FIXED, RANDOM), title="Numbers", hint=hint))
    for name, rule, hint in (
        ("eps", typed.POSITIVE, "A number above 0, at most 1E6; the usual value is 1E-5."),
        ("momentum", typed.WEIGHT, "A number from 0 to 1; torch's default is 0.1."),
    ):
        row, column = places[name]
        page.choices.append(typed.only((row, column, row, column), rule, name, hint))


def _allow_numbers(page: Page, placed: dict[str, Body]) -> None:
    """What may be typed into the tensors: text would turn every step into an error."""
    for name, symbol in (
        *(("typed_x", "x"), ("typed_grad_output", "dy")),
        *(("gamma", "γ"), ("beta", "β"), ("gamma_elements", "γ"), ("beta_elements", "β")),
        ("running_mean", "running mean"),
    ):
        page.choices.append(typed.only(placed[name].area, typed.NUMBER, symbol, "A number."))
    area, hint = placed["running_var"].area, "A number, zero or more."
    page.choices.append(typed.only(area, typed.NOT_NEGATIVE, "running variance", hint))


def _typed_and_used(
    steps: StepPage, name: str, symbol: str, values: Array, switch: str
) -> Sequence[Piece]:
    """A tensor as it is typed, and as the other sheets use it, drawn anew where so switched."""

    def used(index: int) -> str:
        typed = steps.placed[f"typed_{name}"].at(index)
        return f'IF({switch}="{RANDOM}",RANDBETWEEN(-4,4),{typed})'

    flat = values.ravel().tolist()
    return (
        Piece(
            f"typed_{name}",
            Caption(f"{symbol}, as typed", sentence="Yours to change."),
            flat,
            "element",
            None,
            evenly(INPUT_NUMBER),
        ),
        Piece(
            name,
            Caption(f"{symbol} in use", sentence="What all sheets read: as typed, or random."),
            flat,
            "element",
            used,
            evenly(SHOWN),
        ),
    )


def _channel_parameters(case: Case) -> Sequence[Piece]:
    pieces = (
        ("gamma", "γ (weight)", case.gamma),
        ("beta", "β (bias)", case.beta),
        ("running_mean", "running mean", case.running_mean),
        ("running_var", "running variance", case.running_var),
    )
    return [
        Piece(
            name,
            Caption(caption),
            values.tolist(),
            "parameter",
            None,
            evenly(INPUT_NUMBER),
            alone=name == "running_mean",
        )
        for name, caption, values in pieces
    ]


def _element_parameters(steps: StepPage, case: Case) -> None:
    """γ and β of LayerNorm and RMSNorm: one for each element, at first that of its channel."""
    channels = steps.frame.parameter_of
    steps.frame = Frame(case.sets("layer_norm"))
    steps.section("One γ and one β for each element, for LayerNorm and RMSNorm")

    def of_channel(name: str) -> Formula:
        return lambda index: steps.placed[name].at(channels[index] - 1)

    sentence = "At first that of its channel; type over it."
    look: Paint = evenly(INPUT_NUMBER.but(italic=True))
    steps.draw(
        [
            Piece(
                f"{name}_elements",
                Caption(f"{symbol} for each element", sentence=sentence),
                values.ravel().tolist(),
                "parameter",
                of_channel(name),
                look,
                alone=True,
            )
            for name, symbol, values in (
                ("gamma", "γ (weight)", case.weight("layer_norm")),
                ("beta", "β (bias)", case.bias("layer_norm")),
            )
        ]
    )
