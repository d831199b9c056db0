"""The inputs: every number a student may change, and what the other sheets use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from normviz.norms.words import listed
from normviz.workbook.book.cells import Book
from normviz.workbook.book.changes import CHANGES, MARKED
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
from normviz.workbook.draw.page_head import CONTENTS
from normviz.workbook.draw.sheet import Sheet
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.sheets import your_layer
from normviz.workbook.sheets.momentum import momentum
from normviz.workbook.sheets.subject.case import Array, Case
from normviz.workbook.sheets.subject.kinds import IMAGES

TITLE = "Inputs"
FIXED, RANDOM = "Fixed", "Random"
SHOWN = GENERAL.filled(PAPER)
NAMES = {"x_scale": "scale", "x_offset": "offset"}
"""Names of the workbook for cells that act on all of x."""

MOVES = "a norm divides its size out, but for ε; a minus stays"


def build(book: Book, case: Case) -> Sheet:
    """The sheet of inputs."""
    frame = Frame(case.sets("batch_norm"))
    one = case.kind.cut[0].removesuffix("s")
    sheet = Sheet(
        book,
        TITLE,
        "Inputs: the numbers that the sheets of the norms read",
        f"{INPUT_WORD.capitalize()} cells are yours. Set Numbers to Random for new whole numbers "
        "from −4 to 4 at every recalculation (F9); set it back to Fixed for the numbers you see in "
        f"{INPUT_WORD}. {_built_in(case)} What follows from your change turns {MARKED}; "
        f"{CONTENTS}, column {CHANGES}, lists the sheets.",
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
    for words, users in case.other_parameters.items():
        sheet.draw(
            Banner(_of_parameters(case, words, users)),
            *_other_parameters(case, users[0], words, one),
        )
    return sheet


def _of_parameters(case: Case, words: str, users: Sequence[str]) -> str:
    """Which norms have a γ for what, and which of them a β too."""
    scaled, shifted = (
        listed(case.norms[op].title for op in ops) for ops in (users, case.shifted(words))
    )
    if scaled == shifted:
        return f"One γ and one β {words}, for {scaled}"
    return f"One γ {words}, for {scaled}" + (f"; one β, for {shifted}" if shifted else "")


def _built_in(case: Case) -> str:
    """What cannot be turned on this sheet."""
    if case.kind == IMAGES:
        return (
            "Groups and splits decide which cells a formula reads, so they are built into this "
            "file: the sheet Playground lets you turn them, the command normviz workbook makes a "
            "file with others."
        )
    return (
        "Shapes, and the number of parts that an axis is cut into, decide which cells a formula "
        "reads, so they are built into this file: the command normviz workbook makes a "
        "file with others."
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
        Line("scale", "scale", 1.0, rule=NUMBERS, note=f"multiplies every x: {MOVES}"),
        Line("offset", "offset", 0.0, rule=NUMBERS, note="is then added to every x"),
        Line(
            "eps",
            "ε (eps)",
            settings.eps,
            rule=POSITIVE,
            note="added to the variance (RMSNorm: to the mean square), inside the root",
        ),
        momentum(settings.momentum),
        *(
            Line(name, label, value, look=SHOWN, note=f"{note}; built in")
            for name, label, value, note in _parts(case)
        ),
    )


def _parts(case: Case) -> Iterator[tuple[str, str, int, str]]:
    """The numbers of parts that an axis is cut into: name, label, value and a note."""
    settings, norms = case.settings, case.norms.values()
    for name, of, number in (
        ("groups", "of channels", settings.groups),
        ("splits", "of the batch", settings.splits),
    ):
        users = [norm for norm in norms if any(size.parts == name for size in norm.sizes)]
        if users:
            titles = listed(norm.title for norm in users)
            yield name, name, number, f"{of}, for {titles}"
    for norm in norms:
        for axis, size in (norm.fixed or {}).items():
            if isinstance(size, int):
                word = norm.words[axis].many
                yield f"{norm.name}_{axis}", word, size, f"that {norm.title} cuts an axis into"


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


def _other_parameters(case: Case, op: str, words: str, one: str) -> Sequence[Step]:
    """γ and β of a norm that has others than one a channel, at first those of the channel."""
    sets, end = case.sets(op), case.gamma_of(op)
    channels = case.channel_of_parameter(sets)
    sentence = f"At first that of its {one}; type over it."
    return [
        Step(
            f"{name}{end}",
            Caption(f"{symbol} {words}", sentence=sentence),
            values,
            "parameter",
            lambda index, name=name: f"{{{name}[{channels[index]}]}}",  # type: ignore[misc]
            INPUT_NUMBER.but(italic=True),
            Frame(sets),
            NUMBERS,
        )
        for name, symbol, values in (
            ("gamma", "γ (weight)", case.weight(op)),
            ("beta", "β (bias)", case.bias(op)),
        )
        if name == "gamma" or case.shifted(words)
    ]
