"""Marks as a page: the class at a glance, then a page for each student. One file, no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from normviz.grading.grade import FileMark, tally
from normviz.grading.marking import (
    EMPTY,
    FOLLOWS,
    MISSING,
    PARTLY,
    RIGHT,
    UNREADABLE,
    WRONG,
    StepMark,
)
from normviz.grading.table import columns
from normviz.workbook.book.styles import (
    ACCENT,
    BAD,
    BAD_INK,
    GOOD,
    GOOD_INK,
    INK,
    LINE,
    PAPER,
    SOFT,
    WARN,
    WARN_INK,
)

STATES = (RIGHT, FOLLOWS, PARTLY, WRONG, UNREADABLE, EMPTY, MISSING)
FOLLOWS_FILL = "BFE3DF"
_FILLS = {
    RIGHT: "8CCB9B",
    FOLLOWS: FOLLOWS_FILL,
    PARTLY: WARN,
    WRONG: "E79A95",
    UNREADABLE: "C9B3D9",
    EMPTY: "E4E8EB",
    MISSING: "B8C0C6",
}
MOST_MISTAKES = 8
_STYLE = f"""
body {{ font: 15px/1.45 system-ui, Arial, sans-serif; color: #{INK}; margin: 0 auto;
  max-width: 1120px; padding: 24px 28px 60px; }}
h1, h2, h3 {{ color: #{ACCENT}; margin: 1.2em 0 .4em; line-height: 1.2; }}
h1 {{ font-size: 27px; margin-top: 0; }} h2 {{ font-size: 20px; }} h3 {{ font-size: 16px; }}
p {{ margin: .4em 0; }} a {{ color: #{ACCENT}; }} .soft {{ color: #{SOFT}; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
th {{ text-align: left; color: #{SOFT}; font-weight: 600; border-bottom: 2px solid #{LINE}; }}
td {{ border-bottom: 1px solid #{LINE}; }}
th, td {{ padding: 4px 10px 4px 0; vertical-align: top; }}
.number {{ text-align: right; white-space: nowrap; width: 5em; }}
.bar {{ display: flex; height: 13px; min-width: 140px; border-radius: 3px; overflow: hidden;
  background: #{PAPER}; margin-top: 3px; }} .bar i {{ display: block; }}
.two {{ display: flex; gap: 44px; flex-wrap: wrap; }} .two > div {{ flex: 1 1 440px; }}
.columns {{ display: flex; align-items: flex-end; gap: 5px; height: 130px; }}
.columns div {{ flex: 1; text-align: center; font-size: 12px; color: #{SOFT}; }}
.columns i {{ display: block; background: #7FA9BA; border-radius: 3px 3px 0 0; }}
.state {{ border-radius: 3px; padding: 0 7px; font-size: 13px; }}
.flag {{ background: #{WARN}; color: #{WARN_INK}; border-radius: 3px; padding: 1px 8px;
  margin: 2px 6px 2px 0; display: inline-block; font-size: 13px; }}
.right, .follows {{ background: #{GOOD}; color: #{GOOD_INK}; }}
.wrong {{ background: #{BAD}; color: #{BAD_INK}; }}
.incomplete, .unreadable, .missing {{ background: #{WARN}; color: #{WARN_INK}; }}
.empty {{ background: #{PAPER}; color: #{SOFT}; }}
.legend span {{ margin-right: 14px; font-size: 13px; color: #{SOFT}; }}
.legend i {{ display: inline-block; width: 11px; height: 11px; border-radius: 2px;
  margin-right: 5px; }}
.steps {{ table-layout: fixed; }} .steps th:nth-child(1) {{ width: 24%; }}
.steps th:nth-child(2) {{ width: 9%; }} .steps th:nth-child(3) {{ width: 21%; }}
.steps td:nth-child(3), .steps th:nth-child(3) {{ padding-left: 18px; }}
section {{ border-top: 1px solid #{LINE}; margin-top: 34px; padding-top: 10px; }}
.up {{ float: right; font-size: 13px; color: #{SOFT}; }}
@media print {{ section {{ break-before: page; border: 0; }} .up {{ display: none; }} }}
"""


def marks_html(marks: Sequence[FileMark], title: str = "Marks") -> str:
    """The page as text: all words are escaped, whoever wrote them."""
    page = Element("html", lang="en")
    head = SubElement(page, "head")
    SubElement(head, "meta", charset="utf-8")
    SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _text(head, "title", title)
    _text(head, "style", _STYLE)
    body = SubElement(page, "body")
    _glance(body, marks, title)
    for number, mark in enumerate(marks):
        if mark.steps:
            _student(body, number, mark)
    return f"<!doctype html>\n{tostring(page, encoding='unicode', method='html')}\n"


def _text(parent: Element, tag: str, text: object, look: str = "") -> Element:
    made = SubElement(parent, tag, {"class": look} if look else {})
    made.text = str(text)
    return made


def _glance(body: Element, marks: Sequence[FileMark], title: str) -> None:
    top = _text(body, "h1", title)
    top.set("id", "top")
    marked = [mark for mark in marks if mark.steps]
    _text(body, "p", _summary(marks, marked), "soft")
    if marked:
        two = SubElement(body, "div", {"class": "two"})
        _distribution(SubElement(two, "div"), marked)
        _mistakes(SubElement(two, "div"), marked)
        _steps(body, marked)
    _text(body, "h2", "Everybody")
    table = _table(body, ("name", "points", "", "to look at"))
    for number, mark in enumerate(marks):
        _line(table, number, mark)


def _summary(marks: Sequence[FileMark], marked: Sequence[FileMark]) -> str:
    count = tally(marks)
    students = f"{count.marked} of {count.students} students marked"
    others = f" {counted(count.others)} could not be marked." if count.others else ""
    if not marked:
        return f"{students}.{others}"
    mean = sum(mark.points for mark in marked) / len(marked)
    flagged = sum(bool(mark.flags) for mark in marked)
    return (
        f"{students}, on average {mean:.1f} of {marked[0].worth} points; "
        f"{flagged} with something to look at.{others}"
    )


def counted(others: int) -> str:
    """Files of nobody, in words."""
    return f"{others} other file{'' if others == 1 else 's'}"


def _distribution(parent: Element, marked: Sequence[FileMark]) -> None:
    """How many reached which part of the points, in ten steps."""
    _text(parent, "h2", "How many reached how much")
    counts = Counter(min(9, int(10 * mark.points / mark.worth)) for mark in marked)
    most = max(counts.values())
    chart = SubElement(parent, "div", {"class": "columns"})
    for part in range(10):
        column = SubElement(chart, "div")
        column.text = str(counts[part] or "")
        SubElement(column, "i", style=f"height:{round(90 * counts[part] / most)}px")
        _text(column, "span", f"{10 * part}%")


def _mistakes(parent: Element, marked: Sequence[FileMark]) -> None:
    """The mistakes that were made most often."""
    _text(parent, "h2", "What went wrong most often")
    made = Counter(
        (step.sheet, step.step, step.mistake)
        for mark in marked
        for step in mark.steps
        if step.mistake
    )
    if not made:
        _text(parent, "p", "No usual mistake was found.", "soft")
        return
    table = _table(parent, ("files", "step", "mistake"))
    for (sheet, step, words), count in made.most_common(MOST_MISTAKES):
        row = SubElement(table, "tr")
        _text(row, "td", count, "number")
        _text(row, "td", f"{sheet} {step}")
        _text(row, "td", words)


def _steps(body: Element, marked: Sequence[FileMark]) -> None:
    """For each step how many had it right, followed, had it wrong or left it empty."""
    _text(body, "h2", "Step by step, the hardest first")
    legend = SubElement(body, "p", {"class": "legend"})
    for state in STATES:
        entry = SubElement(legend, "span")
        SubElement(entry, "i", style=f"background:#{_FILLS[state]}").tail = _said(state)
    table = _table(body, ("step", "without points", ""))
    states: dict[tuple[str, str], Counter[str]] = {}
    for mark in marked:
        for step in mark.steps:
            states.setdefault((step.sheet, step.step), Counter())[step.state] += 1

    def missed(step: StepMark) -> int:
        found = states[step.sheet, step.step]
        return found.total() - found[RIGHT] - found[FOLLOWS]

    for step in sorted(columns(marked), key=missed, reverse=True):
        row = SubElement(table, "tr")
        _text(row, "td", f"{step.sheet} {step.step}")
        _text(row, "td", missed(step), "number")
        found = states[step.sheet, step.step]
        _bar(SubElement(row, "td"), [(found[state], _FILLS[state]) for state in STATES])


def _said(state: str) -> str:
    return {FOLLOWS: "right by an own earlier number"}.get(state, state)


def _line(table: Element, number: int, mark: FileMark) -> None:
    row = SubElement(table, "tr")
    name = SubElement(row, "td")
    shown = mark.name or mark.file
    if mark.steps:
        SubElement(name, "a", href=f"#s{number}").text = shown
        _text(row, "td", f"{mark.points} / {mark.worth}", "number")
        share = 100 * mark.points / mark.worth
        _bar(SubElement(row, "td"), [(share, "7FA9BA"), (100 - share, "E4E8EB")])
    else:
        name.text = shown
        _text(row, "td", "–", "number")
        SubElement(row, "td")
    notes = SubElement(row, "td")
    for flag in mark.flags:
        _text(notes, "span", flag, "flag")
    if mark.problem:
        told = mark.problem if mark.name else f"not marked: {mark.problem}"
        _text(notes, "span", told, "flag")


def _student(body: Element, number: int, mark: FileMark) -> None:
    section = SubElement(body, "section", id=f"s{number}")
    SubElement(section, "a", {"class": "up", "href": "#top"}).text = "to the class"
    _text(section, "h2", f"{mark.name}: {mark.points} of {mark.worth} points")
    _text(section, "p", mark.file, "soft")
    for flag in mark.flags:
        _text(section, "span", flag, "flag")
    missed = [step for step in mark.steps if step.missed]
    if missed:
        _text(section, "h3", "What went wrong")
        told = SubElement(section, "ul")
        for line in dict.fromkeys(step.told for step in missed):
            _text(told, "li", line)
    for sheet, steps in _by_sheet(mark.steps):
        reached, worth = sum(s.points for s in steps), sum(s.worth for s in steps)
        _text(section, "h3", f"{sheet}: {reached} of {worth}")
        table = _table(section, ("step", "points", "", "what went wrong"), "steps")
        for step in steps:
            row = SubElement(table, "tr")
            _text(row, "td", step.step)
            _text(row, "td", f"{step.points} / {step.worth}", "number")
            _text(SubElement(row, "td"), "span", _said(step.state), f"state {step.state}")
            _text(row, "td", step.words)


def _by_sheet(steps: Sequence[StepMark]) -> Iterator[tuple[str, list[StepMark]]]:
    for sheet in dict.fromkeys(step.sheet for step in steps):
        yield sheet, [step for step in steps if step.sheet == sheet]


def _table(parent: Element, heading: Sequence[str], look: str = "") -> Element:
    table = SubElement(parent, "table", {"class": look} if look else {})
    row = SubElement(table, "tr")
    for text in heading:
        aligned = "number" if text in ("points", "files", "without points") else ""
        _text(row, "th", text, aligned)
    return table


def _bar(parent: Element, parts: Sequence[tuple[float, str]]) -> None:
    """Colored parts of a line, as wide as their shares."""
    bar = SubElement(parent, "div", {"class": "bar"})
    total = sum(size for size, _ in parts)
    for size, color in parts:
        if size:
            SubElement(bar, "i", style=f"width:{100 * size / total:.1f}%;background:#{color}")
