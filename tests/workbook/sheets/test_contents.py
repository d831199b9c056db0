"""What Contents leads to: predictions of a lecture, a box for one's own layer, rows that answer."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ironcalc
import numpy as np
import pytest

import normviz
from normviz.norms.norm import Norm
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book, Page
from normviz.workbook.lint.sheets import parse_area
from normviz.workbook.sheets import your_layer
from normviz.workbook.sheets.contents import lecture
from normviz.workbook.sheets.lessons.four_numbers.proofs import DX_SUM
from normviz.workbook.sheets.lessons.why import sheet as why
from normviz.workbook.sheets.lessons.why.case import WhyCase, offered
from normviz.workbook.sheets.subject.case import Settings
from tests.workbook.books import book_of, default_book
from tests.workbook.conftest import FileOf
from tests.workbook.engines import ironcalc_values


@pytest.fixture(scope="module")
def book() -> Book:
    return default_book()


@pytest.fixture(scope="module")
def path(file_of: FileOf) -> Path:
    return file_of(Settings())


def sheet(book: Book, title: str) -> Page:
    (page,) = (page for page in book.pages if page.title == title)
    return page


def row_of(page: Page, text: str) -> int:
    """The row of the stop that asks this."""
    (row,) = (
        row for row, line in page.rows.items() if any(cell.value == text for cell in line.values())
    )
    return row


STOPS = lecture.stops(4, 2)
GUESS, TICK = 6, 7


def test_the_lecture_takes_45_minutes_in_seven_stops() -> None:
    assert sum(stop.minutes for stop in STOPS) == 45
    assert len(STOPS) == 7


@pytest.mark.parametrize("stop", STOPS, ids=lambda stop: stop.title)
def test_a_prediction_turns_to_a_tick_or_a_cross(
    stop: lecture.Stop, book: Book, path: Path
) -> None:
    row = row_of(book.pages[0], stop.asks)
    guess, tick = (address(row, column) for column in (GUESS, TICK))
    wrong = next((option for option in stop.options if option != stop.answer), "123")
    says = [
        ironcalc_values(path, {("Contents", tick): None}, {("Contents", guess): text})
        for text in (str(stop.answer), wrong)
    ]
    assert [*says[0].values(), *says[1].values()] == [lecture.RIGHT, lecture.WRONG]


def test_what_a_sheet_shows_is_right_as_it_is_shown(book: Book, path: Path) -> None:
    """Typed over from the sheet, a percentage with its sign and a 0 with its rounding are right."""
    left = numbers(book, "Evaluation", "left after 4 steps")[0]
    added = numbers(book, "Four numbers", DX_SUM)[0]
    shown = {
        "Evaluation": (f"{left:.1%}", f"{left:.0%}", f"{100 * left:.0f}", f"{left:.2f}"),
        "Four numbers": (f"{added:.1E}", "0"),
        "Sets": (f"{numbers(book, 'Sets', 'GroupNorm').max():.0f}",),
    }
    assert set(shown) == {stop.title for stop in STOPS if not stop.options}
    for stop in STOPS:
        row = row_of(book.pages[0], stop.asks)
        guess, tick = (("Contents", address(row, column)) for column in (GUESS, TICK))
        for text in shown.get(stop.title, (str(stop.answer),)):
            said = ironcalc_values(path, {tick: None}, {guess: text})[tick]
            assert said == lecture.RIGHT, (stop.title, text)


@pytest.mark.parametrize("text", ["0.5", "50%", "0.9", "90%", "75", "6561"])
def test_another_percentage_is_wrong(text: str, book: Book, path: Path) -> None:
    (stop,) = (stop for stop in STOPS if stop.percent)
    row = row_of(book.pages[0], stop.asks)
    guess, tick = (("Contents", address(row, column)) for column in (GUESS, TICK))
    assert ironcalc_values(path, {tick: None}, {guess: text})[tick] == lecture.WRONG


@pytest.mark.parametrize("scale", [float(scale) for scale in why.TRIES])
@pytest.mark.parametrize("norm", offered(), ids=lambda norm: norm.name)
def test_a_norm_keeps_activations_and_gradients_at_every_scale_that_is_tried(
    norm: Norm, scale: float
) -> None:
    activations, gradients = WhyCase(scale, norm.name).run(norm).spreads()
    assert 0.9 < activations.min() <= activations.max() < 1.1
    assert 0.1 < gradients.min() <= gradients.max() < 10


@pytest.mark.parametrize("scale", why.TRIES)
def test_a_scale_to_try_does_what_its_word_says(scale: str, book: Book, path: Path) -> None:
    does, said = why.TRIES[scale]
    page = sheet(book, "Why")
    (typed,) = (c for c in page.choices if c.title == "scale of all weights")
    verdict = next(address(r, c) for r, c, text in texts(page) if text == why.VANISHED)
    area = next(b.area for b in page.blocks if b.name == "no norm")
    places = {("Why", verdict): None, ("Why", address(area[2], area[1])): None}
    found = ironcalc_values(path, places, {("Why", address(*typed.area[:2])): scale})
    sentence, size = found.values()
    assert sentence == said
    least, most = {"vanishes": (0, 0.1), "stays": (0.1, 10), "explodes": (10, 1e9)}[does]
    assert least < float(str(size)) < most
    assert [text for _, _, text in texts(page) if f"{scale} ({does})" in text]


def test_contents_does_not_answer_what_its_lecture_asks(book: Book) -> None:
    contents = sheet(book, "Contents")
    for title in ("Playground", "Numerics", "RMSNorm"):
        row = next(r for (r, _), link in contents.links.items() if link.title == title)
        assert str(contents.rows[row][5].value).endswith("?")
    hints = [choice.hint for choice in sheet(book, "Playground").choices]
    assert hints
    assert not [hint for hint in hints if "image 0" in hint]


def texts(page: Page) -> list[tuple[int, int, str]]:
    """Row, column and text of every cell that has one."""
    return [
        (row, column, cell.value)
        for row, line in page.rows.items()
        for column, cell in line.items()
        if isinstance(cell.value, str)
    ]


def test_a_right_prediction_is_seen_by_a_sign_and_a_color(book: Book, path: Path) -> None:
    row = row_of(book.pages[0], STOPS[0].asks)
    model = ironcalc.UserModel.from_xlsx(str(path), "en", "UTC", "en")
    model.set_user_input(0, row, GUESS, "vanish")
    model.evaluate()
    fills = {
        model.get_extended_cell_style(0, row, column)["style"]["fill"]["color"]
        for column in (GUESS, TICK)
    }
    assert fills == {"#D7F0DD"}
    assert str(model.get_cell_value(0, row, TICK)).startswith("✓")


def numbers(book: Book, title: str, name: str) -> np.ndarray:
    page = sheet(book, title)
    area = next(block.area for block in page.blocks if block.name == name)
    return page.numbers(area)


def test_the_answers_are_what_the_sheets_show(book: Book) -> None:
    answers = {stop.title: stop.answer for stop in STOPS}
    assert (numbers(book, "Why", "no norm")[-1] < 0.1) == (answers["Why"] == "vanish")
    assert abs(numbers(book, "Four numbers", "dx").sum()) < 1e-12
    assert numbers(book, "Sets", "GroupNorm").max() == answers["Sets"]
    left = numbers(book, "Evaluation", "left after 4 steps")[0]
    assert abs(100 * left - float(answers["Evaluation"])) < 1e-9


def test_a_stop_says_where_y_stands(book: Book) -> None:
    (asks,) = (stop.asks for stop in STOPS if stop.title == "Inputs")
    said = {title: int(step) for step, title in re.findall(r"step (\d+) on (\w+)", asks)}
    steps = {
        title: int(text.split()[0])
        for title in said
        for *_, text in texts(sheet(book, title))
        if re.fullmatch(r"\d+  output  y", text)
    }
    assert said == steps
    assert list(said) == ["LayerNorm", "RMSNorm"]


def test_what_is_typed_at_a_stop_is_typed_back(book: Book) -> None:
    asks = {stop.title: stop.asks for stop in STOPS}
    title, _, area = book.names["play_images"].partition("!")
    images = sheet(book, title).numbers(parse_area(area.replace("$", "")))[0]
    assert f"Type {images - 1:.0f} over the {images:.0f} images" in asks["Playground"]
    assert asks["Playground"].endswith(f"type {images:.0f} again.")
    scale = numbers(book, "Why", "scale of all weights")[0]
    assert asks["Why"].endswith(f"type {scale} again.")


def test_adding_to_every_x_moves_rms_norm_and_not_layer_norm(book: Book, path: Path) -> None:
    output = {
        title: [
            (title, where)
            for where, _ in page.formulas()
            if page.said(*parse_area(where)[:2]).startswith("output y of")
        ]
        for title, page in ((t, sheet(book, t)) for t in ("LayerNorm", "RMSNorm"))
    }
    places = dict.fromkeys([*output["LayerNorm"], *output["RMSNorm"]])
    stop = next(stop for stop in STOPS if stop.title == "Inputs")
    row = next(r for r, line in sheet(book, "Inputs").rows.items() if line[2].value == stop.lands)
    typed = {("Inputs", address(row, 4)): "100"}
    before, after = ironcalc_values(path, places), ironcalc_values(path, places, typed)
    moved = {
        title: max(abs(float(str(before[at])) - float(str(after[at]))) for at in found)
        for title, found in output.items()
    }
    assert moved["LayerNorm"] < 1e-9
    assert moved["RMSNorm"] > 1


def test_far_from_zero_a_variance_becomes_negative(book: Book, path: Path) -> None:
    page = sheet(book, "Numerics")
    row = next(r for r, line in page.rows.items() if 2 in line and line[2].value == "offset")
    offset = next(address(row, c) for c, cell in page.rows[row].items() if cell.value == 0 or c > 2)
    area = next(b.area for b in page.blocks if b.name == "variance: E[x²] − E[x]²")
    one_pass = ("Numerics", address(*area[:2]))
    (found,) = ironcalc_values(path, {one_pass: None}, {("Numerics", offset): "1E9"}).values()
    assert isinstance(found, float)
    assert found < 0


def test_links_of_the_lecture_and_of_questions_land_on_what_they_name(book: Book) -> None:
    named = [
        (link, sheet(book, link.title))
        for page in book.pages
        for link in page.links.values()
        if link.name
    ]
    assert len(named) > 9
    assert [link for link, _ in named if link.reference == "A1"] == []


SIGNALS = Settings((2, 2, 3), axes=("n", "c", "l"))


@pytest.mark.parametrize(
    "settings", [None, Settings((2, 5, 8)), SIGNALS, Settings((3, 6))], ids=str
)
def test_every_word_of_the_glossary_leads_to_the_row_that_shows_it(
    settings: Settings | None,
) -> None:
    links = sheet(book_of(settings or Settings()), "Glossary").links.values()
    assert len(links) > 20
    assert {link.title for link in links if link.reference == "A1"} == {"Contents"}


def now(book: Book, path: Path, typed: dict[tuple[str, str], str]) -> dict[str, object]:
    """What the last column of Contents says of each sheet, after typing."""
    rows: dict[str, int] = {}
    for (row, _), link in sorted(book.pages[0].links.items()):
        rows.setdefault(link.title, row)
    cells = {title: ("Contents", address(row, TICK)) for title, row in rows.items()}
    said = ironcalc_values(path, dict.fromkeys(cells.values()), typed)
    return {title: said[cell] for title, cell in cells.items()}


def cells_of(book: Book, title: str, name: str) -> list[tuple[str, str]]:
    """The cells of a block that hold something."""
    page = sheet(book, title)
    top, left, bottom, right = next(b.area for b in page.blocks if b.name == name)
    places = ((r, c) for r in range(top, bottom + 1) for c in range(left, right + 1))
    return [(title, address(*at)) for at in places if at[1] in page.rows.get(at[0], {})]


def test_two_x_of_one_set_that_change_places_are_seen_on_the_sheets_that_read_them(
    book: Book, path: Path
) -> None:
    """No sum over a set moves then, and no mean."""
    first, second, *_ = cells_of(book, "Inputs", "x, as typed")
    values = [sheet(book, "Inputs").rows[r][c].value for r, c in map(place, (first, second))]
    assert values[0] != values[1]
    said = now(book, path, {first: str(values[1]), second: str(values[0])})
    changed = {title for title, word in said.items() if word == "changed"}
    assert {"Inputs", "BatchNorm", "LayerNorm", "GroupNorm", "RMSNorm"} <= changed
    assert not changed & {"Why", "Four numbers", "Evaluation", "Reference", "Playground"}


@pytest.mark.parametrize(
    ("title", "name"), [("BatchNorm", "normalized"), ("Why", "no norm"), ("Reference", "x")]
)
def test_two_edits_that_cancel_are_seen(title: str, name: str, book: Book, path: Path) -> None:
    first, second, *_ = cells_of(book, title, name)
    page = sheet(book, title)
    values = [float(str(page.rows[r][c].value)) for r, c in map(place, (first, second))]
    assert now(book, path, {})[title] == ""
    assert now(book, path, {first: repr(values[0] + 1), second: repr(values[1] - 1)})[title] == (
        "changed"
    )


def place(cell: tuple[str, str]) -> tuple[int, int]:
    """Row and column of a cell."""
    return parse_area(cell[1])[:2]


@pytest.mark.parametrize("title", ["Contents", "Inputs"])
def test_the_box_for_ones_own_layer_is_where_it_is_asked_for(title: str, book: Book) -> None:
    texts = [str(c.value) for line in sheet(book, title).rows.values() for c in line.values()]
    assert your_layer.HEADING in texts
    assert f"{your_layer.ABOUT}\n{your_layer.INSTALL}" in texts
    assert your_layer.COMMAND in texts
    assert "\n".join(your_layer.PYTHON) in texts


def test_the_three_lines_and_the_command_of_the_box_make_a_workbook(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    assert len(your_layer.PYTHON) == 3
    subprocess.run([sys.executable, "-c", "\n".join(your_layer.PYTHON)], cwd=tmp_path, check=True)
    (tmp_path / "mine.xlsx").rename(tmp_path / "layer.xlsx")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((4, 4, 3, 3)))
    program, *rest = your_layer.COMMAND.split()
    assert program == "normviz"
    subprocess.run([sys.executable, "-m", program, *rest], cwd=tmp_path, check=True)
    assert (tmp_path / "mine.xlsx").is_file()
    assert re.match(r"pip install", your_layer.INSTALL)


def beside(page: Page, label: str) -> tuple[str, str]:
    """The cell behind a label of a sheet's settings, and the cell of the note behind that."""
    row = next(r for r, line in page.rows.items() if 2 in line and line[2].value == label)
    filled = [c for c, cell in sorted(page.rows[row].items()) if cell.value is not None]
    return address(row, filled[1]), address(row, filled[2])


@pytest.mark.parametrize("title", ["Inputs", "Evaluation", "Conventions"])
def test_keras_momentum_is_asked_about_where_it_is_typed(
    title: str, book: Book, path: Path
) -> None:
    momentum, note = beside(sheet(book, title), "momentum")
    (says,) = ironcalc_values(path, {(title, note): None}, {(title, momentum): "0.99"}).values()
    assert "Keras" in str(says)
    assert str(says).endswith("type 0.01.")


@pytest.mark.parametrize(
    ("title", "call"),
    [
        ("GroupNorm", lambda x: normviz.group_norm(x, 3)),
        ("GhostBatchNorm", lambda x: normviz.ghost_batch_norm(x, 3, training=True)),
    ],
)
def test_a_number_that_does_not_divide_is_refused_on_the_norms_own_sheet(
    title: str, call: Callable[[np.ndarray], object], book: Book
) -> None:
    texts = [str(c.value) for line in sheet(book, title).rows.values() for c in line.values()]
    with pytest.raises(ValueError, match="use one of 1, 2, 4") as refused:
        call(np.ones((4, 4, 2, 2)))
    assert str(refused.value) in texts


def test_what_is_near_one_is_shown_as_not_one(book: Book) -> None:
    page = sheet(book, "GroupNorm")
    for block in page.blocks:
        if block.name in ("variance of x̂", "what it must be"):
            row, column = block.area[:2]
            cell = page.rows[row][column]
            assert isinstance(cell.value, float)
            assert 0.999 < cell.value < 1
            assert cell.style.number.startswith("0.000000")
