"""The one plain sentence of the playground: which sets there are, or what is wrong."""

from __future__ import annotations

from normviz.norms.notation import divisors
from normviz.workbook.book.styles import INPUT_WORD, SET_COLORS
from normviz.workbook.sheets.playground.case import PlayCase
from normviz.workbook.sheets.playground.reach import OWN
from normviz.workbook.sheets.playground.reading import Readings
from normviz.workbook.sheets.playground.table import OWN_SETS

NO_EPS = "ε must be a number, 0 or more; the usual value is 1E-5."
FLAT = "A set has variance 0 and ε is 0, so there is nothing to divide by: make ε positive."
ONE_VALUE = (
    "Each set has one value only, which is its own mean: the output would be β whatever x is."
)
UNKNOWN = "none of the declared norms has them."
WHOLES = {"groups": "channels", "splits": "images of the batch"}
USE = " into equal parts: use one of "
UNUSED = " into equal parts; this norm does not use it."
REPEAT = f" Colors repeat after set {len(SET_COLORS)}."


def sentence(readings: Readings) -> tuple[str, str]:
    """What the sheet says, as a formula and as text."""
    pieces = [
        ("play_id=0", f'"Choose one of the norms in the {INPUT_WORD} cell on the left."'),
        (
            "play_numbers=0",
            f'"Every {INPUT_WORD} cell of x, dy, γ and β needs a number between -1E+15 and 1E+15."',
        ),
        ("play_positive=0", f'"{NO_EPS}"'),
        (
            "play_images_fit=0",
            f'"The batch can be the first 1 to {readings.whole} images: type a whole number."',
        ),
        ("play_switches=0", '"A switch is 1 (the set reaches over it) or 0 (it does not)."'),
        ("play_count=0", _does_not_fit(readings)),
        ("play_alone=1", f'"{ONE_VALUE} torch refuses this."'),
        ("play_safe=0", f'"{FLAT}"'),
    ]
    formula = "".join(f"IF({test},{text}," for test, text in pieces)
    return f"{formula}{_good(readings)}{')' * len(pieces)}", _text(readings)


def _text(readings: Readings) -> str:
    case, sets = readings.case, readings.sets
    if case.eps < 0:
        return NO_EPS
    if sets is None:
        reach = case.norm.reach
        name = "groups" if reach.cuts["groups"] and not case.fits["groups"] else "splits"
        return _cannot(case, name)
    if not readings.ok:
        return f"{ONE_VALUE} torch refuses this."
    if not readings.safe:
        return FLAT
    noun = "sets" if sets.count > 1 else "set"
    text = f"{sets.count} {noun} of {sets.size} elements. {case.norm.words}"
    if case.op == OWN:
        text += OWN_SETS + (f"this is {case.known}." if case.known else UNKNOWN)
        text += f" {ONE_VALUE}" if case.alone else ""
    text += f" In the notation: {case.pattern}."
    for name in ("groups", "splits"):
        if not case.fits[name]:
            typed, whole = getattr(case, name), _whole(case, name)
            text += f" {name} = {typed} would not cut the {whole} {WHOLES[name]}{UNUSED}"
    return text + (REPEAT if sets.count > len(SET_COLORS) else "")


def _good(readings: Readings) -> str:
    text = (
        'play_count&IF(play_count>1," sets of "," set of ")&play_size&" elements. "&'
        "INDEX(play_norms_words,play_id)&IF(play_own=1,"
        f'IF(play_known="","{UNKNOWN}","this is "&play_known&".")'
        f'&IF(play_size=1," {ONE_VALUE}",""),"")&" In the notation: "&play_pattern&"."'
    )
    for name, whole in (("groups", f'"{readings.channels}"'), ("splits", "play_images")):
        words = f'" {name} = "&play_{name}&" would not cut the "&{whole}&" {WHOLES[name]}{UNUSED}"'
        text += f'&IF(play_{name}_fit=1,"",{words})'
    return text + f'&IF(play_count>{len(SET_COLORS)},"{REPEAT}","")'


def _does_not_fit(readings: Readings) -> str:
    groups, splits = (
        f'"{name} = "&play_{name}&" cannot cut the "&{whole}&" {WHOLES[name]}{USE}"&{ways}&"."'
        for name, whole, ways in (
            ("groups", f'"{readings.channels}"', f'"{divisors(readings.channels)}"'),
            ("splits", "play_images", "play_split_ways"),
        )
    )
    return f"IF(play_g=0,{groups},{splits})"


def _cannot(case: PlayCase, name: str) -> str:
    whole = _whole(case, name)
    typed = getattr(case, name)
    return f"{name} = {typed} cannot cut the {whole} {WHOLES[name]}{USE}{divisors(whole)}."


def _whole(case: PlayCase, name: str) -> int:
    return case.batch[1 if name == "groups" else 0]
