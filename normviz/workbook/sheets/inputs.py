"""The inputs: every number a student may change, in yellow, and what the other sheets use."""

from __future__ import annotations

from collections.abc import Sequence

from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import GENERAL, INPUT_EDGE, INPUT_NUMBER, INPUT_WORD, PAPER
from normviz.workbook.draw.columns import of_tensor
from normviz.workbook.draw.content import (
    NOT_NEGATIVE,
    NUMBERS,
    POSITIVE,
    Banner,
    Caption,
    Item,
    Line,
    Rule,
    Step,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.sheets.case import Array, Case
from normviz.workbook.sheets.contents import your_layer
from normviz.workbook.sheets.kinds import WHOLES
from normviz.workbook.sheets.momentum import momentum

TITLE = "Inputs"
FIXED, RANDOM = "Fixed", "Random"
SHOWN = GENERAL.filled(PAPER)
NAMES = {"x_scale": "scale", "x_offset": "offset"}
"""Names of the workbook for cells that act on all of x."""

MOVES = "a norm takes it out again, as far as ε lets it"


def build(book: Book, case: Case) -> Sheet:
    """The sheet of inputs."""
    frame = Frame(case.sets("batch_norm"))
    one = WHOLES[len(case.shape)][0].removesuffix("s")
    sheet = Sheet(
        book,
        TITLE,
        "Inputs: the numbers that the sheets of the norms read",
        f"{INPUT_WORD.capitalize()} cells are yours. Set Numbers to Random for new whole numbers "
        "from −4 to 4 at every recalculation (F9); set it back to Fixed for the numbers you see in "
        f"{INPUT_WORD}. {_built_in(case)}",
        of_tensor(frame.layout),
        frame=frame,
        tab=INPUT_EDGE,
    )
    sheet.draw(
        *_settings(case),
        *your_layer.box(),
        Banner("x and the upstream gradient dy"),
        *_typed_and_used("x", "x", case.x),
        *_typed_and_used("grad_output", "dy", case.grad_output),
        Banner(f"One γ and one β for each {one}, and the running statistics before this batch"),
        *_channel_parameters(case),
    )
    for name, block in NAMES.items():
        book.name(name, sheet.page, sheet.placed[block].area)
    if case.has_element_parameters:
        users = "LayerNorm and RMSNorm" if one == "channel" else case.norms["per_head"].title
        sheet.draw(
            Banner(f"One γ and one β {case.of_each}, for {users}"),
            *_element_parameters(case, frame, one),
        )
    return sheet


def _built_in(case: Case) -> str:
    """What cannot be turned on this sheet."""
    if len(case.shape) == 4:
        return (
            "Groups and splits decide which cells a formula reads, so they are built into this "
            "file: the sheet Playground lets you turn them, and normviz workbook makes a file with "
            "others."
        )
    return (
        "Shapes, and the number of parts that an axis is cut into, decide which cells a formula "
        "reads, so they are built into this file: normviz workbook makes a file with others."
    )


def _settings(case: Case) -> Sequence[Item]:
    settings = case.settings
    return (
        Banner("Settings"),
        Line(
            "switch",
            "Numbers",
            FIXED,
            rule=Rule("Choose Fixed or Random.", options=(FIXED, RANDOM)),
            note="Fixed or Random; press F9 to draw again",
        ),
        Line("scale", "scale", 1.0, rule=NUMBERS, note=f"every x is multiplied by it: {MOVES}"),
        Line("offset", "offset", 0.0, rule=NUMBERS, note="is then added to every x"),
        Line(
            "eps",
            "ε (eps)",
            settings.eps,
            rule=POSITIVE,
            note="added to the variance, inside the root",
        ),
        momentum(settings.momentum),
        *(
            Line(name, label, value, look=SHOWN, note=f"{note}; built in")
            for name, label, value, note in _parts(case)
        ),
    )


def _parts(case: Case) -> Sequence[tuple[str, str, int, str]]:
    """The numbers of parts that an axis is cut into: name, label, value and a note."""
    settings = case.settings
    if "group_norm" in case.norms:
        return (
            ("groups", "groups", settings.groups, "of channels, for GroupNorm"),
            ("splits", "splits", settings.splits, "of the batch, for GhostBatchNorm"),
        )
    if "per_head" in case.norms:
        return (("groups", "heads", settings.groups, "that the features of a token are"),)
    return ()


def _typed_and_used(name: str, symbol: str, values: Array) -> Sequence[Step]:
    """A tensor as it is typed, and as the other sheets use it, drawn anew where so switched."""
    drawn, kept, words = "RANDBETWEEN(-4,4)", f"{{typed_{name}}}", "as typed, or random."
    if name == "x":
        drawn, kept = (f"{{scale}}*{number}+{{offset}}" for number in (drawn, kept))
        words = "scale · x + offset, x as typed or random."
    used = f'IF({{switch}}="{RANDOM}",{drawn},{kept})'
    typed = Caption(f"{symbol}, as typed", sentence="Yours to change.")
    shown = Caption(f"{symbol} in use", sentence=f"What the sheets of the norms read: {words}")
    return (
        Step(f"typed_{name}", typed, values, "element", None, INPUT_NUMBER, rule=NUMBERS),
        Step(name, shown, values, "element", used, SHOWN),
    )


def _channel_parameters(case: Case) -> Sequence[Step]:
    return [
        Step(name, Caption(caption), values, "parameter", None, INPUT_NUMBER, rule=rule)
        for name, caption, values, rule in (
            ("gamma", "γ (weight)", case.gamma, NUMBERS),
            ("beta", "β (bias)", case.beta, NUMBERS),
            ("running_mean", "running mean", case.running_mean, NUMBERS),
            ("running_var", "running variance", case.running_var, NOT_NEGATIVE),
        )
    ]


def _element_parameters(case: Case, per_channel: Frame, one: str) -> Sequence[Step]:
    """γ and β of a norm that has others than one a channel, at first those of the channel."""
    other = case.other_parameters
    frame, channels = Frame(case.sets(other)), per_channel.parameter_of
    sentence = f"At first that of its {one}; type over it."
    return [
        Step(
            f"{name}_elements",
            Caption(f"{symbol} {case.of_each}", sentence=sentence),
            values,
            "parameter",
            lambda index, name=name: f"{{{name}[{channels[index] - 1}]}}",  # type: ignore[misc]
            INPUT_NUMBER.but(italic=True),
            frame,
            NUMBERS,
        )
        for name, symbol, values in (
            ("gamma", "γ (weight)", case.weight(other)),
            ("beta", "β (bias)", case.bias(other)),
        )
    ]
