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
    WEIGHT,
    Banner,
    Caption,
    Item,
    Line,
    Rule,
    Step,
)
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.sheets.case import Array, Case, Settings

TITLE = "Inputs"
FIXED, RANDOM = "Fixed", "Random"
SHOWN = GENERAL.filled(PAPER)


def build(book: Book, case: Case) -> Sheet:
    """The sheet of inputs."""
    frame = Frame(case.sets("batch_norm"))
    sheet = Sheet(
        book,
        TITLE,
        f"Inputs: change a {INPUT_WORD} cell and every sheet follows",
        f"{INPUT_WORD.capitalize()} cells are yours. Set Numbers to Random for new whole numbers "
        "from −4 to 4 at every recalculation (F9); set it back to Fixed for the numbers you see in "
        f"{INPUT_WORD}. Groups and splits decide which cells a formula reads, so they are built "
        "into this file: the sheet Playground lets you turn them, and normviz workbook makes a "
        "file with others.",
        of_tensor(frame.layout),
        frame=frame,
        tab=INPUT_EDGE,
    )
    sheet.draw(
        *_settings(case.settings),
        Banner("x and the upstream gradient dy"),
        *_typed_and_used("x", "x", case.x),
        *_typed_and_used("grad_output", "dy", case.grad_output),
        Banner("One γ and one β for each channel, and the running statistics before this batch"),
        *_channel_parameters(case),
        Banner("One γ and one β for each element, for LayerNorm and RMSNorm"),
        *_element_parameters(case, frame),
    )
    return sheet


def _settings(settings: Settings) -> Sequence[Item]:
    return (
        Banner("Settings"),
        Line(
            "switch",
            "Numbers",
            FIXED,
            rule=Rule("Choose Fixed or Random.", options=(FIXED, RANDOM)),
            note="Fixed or Random; press F9 to draw again",
        ),
        Line(
            "eps",
            "ε (eps)",
            settings.eps,
            rule=POSITIVE,
            note="added to the variance, inside the root",
        ),
        Line(
            "momentum",
            "momentum",
            settings.momentum,
            rule=WEIGHT,
            note="weight of the new value in the running statistics, as in torch",
        ),
        Line(
            "groups",
            "groups",
            settings.groups,
            look=SHOWN,
            note="of channels, for GroupNorm; built in",
        ),
        Line(
            "splits",
            "splits",
            settings.splits,
            look=SHOWN,
            note="of the batch, for GhostBatchNorm; built in",
        ),
    )


def _typed_and_used(name: str, symbol: str, values: Array) -> Sequence[Step]:
    """A tensor as it is typed, and as the other sheets use it, drawn anew where so switched."""
    used = f'IF({{switch}}="{RANDOM}",RANDBETWEEN(-4,4),{{typed_{name}}})'
    typed = Caption(f"{symbol}, as typed", sentence="Yours to change.")
    shown = Caption(f"{symbol} in use", sentence="What all sheets read: as typed, or random.")
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


def _element_parameters(case: Case, per_channel: Frame) -> Sequence[Step]:
    """γ and β of LayerNorm and RMSNorm: one for each element, at first that of its channel."""
    frame, channels = Frame(case.sets("layer_norm")), per_channel.parameter_of
    sentence = "At first that of its channel; type over it."
    return [
        Step(
            f"{name}_elements",
            Caption(f"{symbol} for each element", sentence=sentence),
            values,
            "parameter",
            lambda index, name=name: f"{{{name}[{channels[index] - 1}]}}",  # type: ignore[misc]
            INPUT_NUMBER.but(italic=True),
            frame,
            NUMBERS,
        )
        for name, symbol, values in (
            ("gamma", "γ (weight)", case.weight("layer_norm")),
            ("beta", "β (bias)", case.bias("layer_norm")),
        )
    ]
