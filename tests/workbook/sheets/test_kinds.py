"""Books of tokens, rows, signals and volumes in their own words, and of sets of one's own."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from normviz.cli.commands import main
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import SET_COLORS
from normviz.workbook.build import build
from normviz.workbook.draw.tensor import Frame
from normviz.workbook.explain.explain import explain_op, fresh_call
from normviz.workbook.sheets.norm.page import _idea
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.write import save
from tests.workbook.books import book_of
from tests.workbook.conftest import FileOf
from tests.workbook.engines import differences, expected, ironcalc_values, titles_of

IMAGES = r"\b(images?|channels?|pixels?)\b"
PIXELS = r"\b(images?|pixels?|C, H, W)\b"
FOREIGN = {
    "tokens": (Settings((2, 5, 8)), IMAGES, "sequence 1, token 0, feature 1"),
    "one token of one sequence": (Settings((1, 1, 6), groups=3), IMAGES, "token 0, feature 1"),
    "rows": (Settings((4, 6)), IMAGES, "sample 1, feature 1"),
    "volumes": (Settings((2, 4, 2, 1, 2)), PIXELS, "volume 1, channel 0, voxel (0, 0, 1)"),
    "signals": (
        Settings((2, 4, 6), axes=("n", "c", "l")),
        rf"{PIXELS}|\bvoxels?\b|(?<!a )\btokens?\b",
        "sample 1, channel 0, position 5",
    ),
    "samples": (
        Settings((4, 6), axes=("n", "c")),
        rf"{PIXELS}|\b(voxels?|positions?)\b|(?<!a )\btokens?\b",
        "sample 3, channel 5",
    ),
}


@pytest.fixture(scope="module", params=FOREIGN.values(), ids=FOREIGN.keys())
def built(request: Any, file_of: FileOf) -> tuple[Book, Path, str, str]:
    settings, foreign, own = request.param
    return book_of(settings), file_of(settings), foreign, own


def test_ironcalc_finds_the_values_of_numpy(built: tuple[Book, Path, str, str]) -> None:
    book, path, *_ = built
    wanted = expected(book)
    assert len(wanted) > 200
    assert differences(wanted, ironcalc_values(path, wanted)) == []


def test_all_checks_pass(built: tuple[Book, Path, str, str]) -> None:
    cell = next(cell for _, cell in built[0].pages[0].formulas())
    assert str(cell.value).startswith("All ")


def test_no_text_speaks_of_another_kind_of_tensor(built: tuple[Book, Path, str, str]) -> None:
    book, _, foreign, _ = built
    texts = {
        f"{page.title}: {cell.value}"
        for page in book.pages
        for line in page.rows.values()
        for cell in line.values()
        if isinstance(cell.value, str)
    }
    assert {text for text in texts if re.search(foreign, text, re.IGNORECASE)} == set()


def test_no_cell_is_told_to_be_of_another_kind(built: tuple[Book, Path, str, str]) -> None:
    book, _, foreign, own = built
    page = next(page for page in book.pages if page.title == "LayerNorm")
    said = {page.said(row, column) for row, line in page.rows.items() for column in line}
    assert {text for text in said if re.search(foreign, text)} == set()
    assert any(own in text for text in said)


def test_a_token_book_has_the_norms_of_tokens() -> None:
    case = Case(Settings((2, 5, 8)))
    titles = [norm.title for norm in case.norms.values()]
    assert titles == ["LayerNorm", "RMSNorm", "RMSNorm per head", "BatchNorm"]
    assert {op: case.sets(op).count for op in case.norms} == {
        "layer_norm": 10,
        "rms_norm": 10,
        "per_head": 20,
        "batch_norm": 8,
    }


def test_torch_agrees_with_every_step_of_a_token_book() -> None:
    pytest.importorskip("torch")
    from normviz.torch_models.torch_steps import torch_steps

    for trace in Case(Settings((2, 3, 4))).traces.values():
        assert not isinstance(trace, str)
        found = torch_steps(trace)
        for name, value in trace.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12)


def test_tokens_stand_below_each_other_and_features_beside() -> None:
    layout = Frame(Case(Settings((2, 3, 4))).sets("layer_norm")).layout
    rows, columns = layout.places()
    assert rows[:, :, 0].tolist() == [[0, 1, 2], [4, 5, 6]]
    assert columns[0, 0].tolist() == [0, 1, 2, 3]
    assert layout.words(17) == "sequence 1, token 1, feature 1"


def test_a_sheet_says_that_colors_repeat() -> None:
    book = book_of(Settings((2, 5, 8)))
    lead = {page.title: str(page.rows[3][2].value) for page in book.pages}
    assert f"the 20 sets share {len(SET_COLORS)} colors" in lead["RMSNorm per head"]
    assert "share" not in lead["LayerNorm"]


ALSO = {
    "pixel by pixel": ((4, 4, 2, 2), "n [c] h w", 16),
    "splits and groups": ((4, 4, 2, 2), "(s [m]) (g [k]) [...]", 4),
    "each feature of a sequence": ((2, 5, 8), "n [t] d", 16),
    "a whole sequence": ((2, 5, 8), "n [t d]", 2),
}


@pytest.mark.parametrize(("shape", "sets", "count"), ALSO.values(), ids=ALSO.keys())
def test_a_pattern_of_ones_own_gets_a_sheet_that_recalculates(
    shape: tuple[int, ...], sets: str, count: int, tmp_path: Path
) -> None:
    settings = Settings(shape, also=(sets,))
    assert Case(settings).sets("own").count == count
    book = build(settings)
    assert "Your own" in [page.title for page in book.pages]
    path = save(book, tmp_path / "own.xlsx")
    wanted = {place: value for place, value in expected(book).items() if place[0] == "Your own"}
    assert differences(wanted, ironcalc_values(path, wanted)) == []


def test_the_command_makes_a_book_of_tokens_with_sets_of_ones_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens.xlsx"
    words = ["workbook", "--shape", "2,3,4", "--also", "n [t d]", "--also", "[n] t d"]
    assert main([*words, "-o", str(path)]) == 0
    assert path.exists()
    assert capsys.readouterr().out.strip() == str(path)


@pytest.mark.parametrize(
    ("also", "says"),
    [("n [c", "'[' is never closed"), ("n [c] h", "3 dimensions"), ("(a [b]) c h w", "size of a")],
)
def test_a_wrong_pattern_is_one_sentence(
    also: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.xlsx"
    assert main(["workbook", "--also", also, "-o", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert says in error
    assert not path.exists()


TOKENS: dict[str, tuple[str, dict[str, Any]]] = {
    "layer_norm": ("layer_norm", {"normalized_shape": (64,)}),
    "per head": ("n t (h [d])", {"sizes": {"h": 4}, "affine": "d"}),
}


@pytest.mark.parametrize(("op", "arguments"), TOKENS.values(), ids=TOKENS.keys())
def test_explaining_tokens_speaks_of_tokens_and_features(
    op: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 64))
    explain_op(op, x, tmp_path / "tokens.xlsx", **arguments)
    texts = {
        f"{sheet.title}: {cell.value}"
        for sheet in openpyxl.load_workbook(tmp_path / "tokens.xlsx")
        for line in sheet.iter_rows()
        for cell in line
        if isinstance(cell.value, str) and not cell.value.startswith("=")
    }
    assert {text for text in texts if re.search(rf"{IMAGES}|\bc = |\ball c\b", text)} == set()
    assert any("t = 1" in text for text in texts)
    assert any("sequences 0–1 of 2" in text for text in texts)


def test_ten_sets_of_64_features_of_a_token() -> None:
    x = np.random.default_rng(0).standard_normal((2, 5, 64))
    made = fresh_call("layer_norm", x, normalized_shape=(64,)).trace
    assert (made.sets.count, made.sets.size) == (10, 64)
    said = "One mean and one variance for each sequence and token, over its features."
    assert _idea(made, "").startswith(said)


EXPLAINED = {
    "BatchNorm1d": ("batch_norm", (4, 6, 5), {}),
    "InstanceNorm1d": ("instance_norm", (4, 6, 5), {}),
    "GroupNorm": ("group_norm", (4, 6, 5), {"num_groups": 2}),
    "LayerNorm of all": ("layer_norm", (4, 6, 5), {"normalized_shape": (6, 5)}),
    "GhostBatchNorm": ("ghost_batch_norm", (4, 6, 5), {"num_splits": 2, "training": True}),
    "PixelNorm": ("pixel_norm", (4, 6, 5), {}),
    "BatchNorm1d of samples": ("batch_norm", (4, 6), {}),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_an_explained_tensor_of_channels_and_positions_has_words_of_its_own(
    name: str, tmp_path: Path
) -> None:
    op, shape, arguments = EXPLAINED[name]
    x = np.random.default_rng(0).normal(size=shape)
    path = explain_op(op, x, tmp_path / "explained.xlsx", **arguments)
    book = openpyxl.load_workbook(path, data_only=True)
    texts = {str(cell.value) for page in book for row in page.iter_rows() for cell in row}
    assert {text for text in texts if re.search(rf"{PIXELS}|2d\(", text, re.IGNORECASE)} == set()
    assert any("Samples n go down, channels c across" in text for text in texts)


def test_a_shape_tells_its_axes_by_their_names() -> None:
    assert [norm.title for norm in Case(Settings((2, 4, 6), axes=("n", "c", "l"))).norms.values()][
        :2
    ] == ["BatchNorm", "LayerNorm"]
    assert Settings((2, 4, 6)).kind.axes == ("n", "t", "d")
    with pytest.raises(ValueError, match=r"axes of a shape must be those of one of n,d; n,t,d"):
        Settings((2, 4, 6), axes=("n", "l", "c"))


@pytest.mark.parametrize(
    ("shape", "name"), [((2, 5, 8), "splits"), ((4, 6), "splits"), ((4, 6), "groups")], ids=str
)
def test_parts_that_no_norm_takes_are_refused_and_a_pattern_may_take_them(
    shape: tuple[int, ...], name: str
) -> None:
    assert getattr(Settings(shape), name) == 0
    with pytest.raises(ValueError, match=f"{name} must be left out for N, "):
        Settings(shape, **{name: 2})
    axes = "t d" if len(shape) == 3 else "d"
    sets = f"([m] s) {axes}" if name == "splits" else "n (g [k])"
    taken = Case(Settings(shape, **{name: 2}, also=(sets,)))
    assert taken.norms["own"].fixed == {name[0]: 2}
    assert replace(Settings(shape), eps=0.5) == Settings(shape, eps=0.5)


def test_the_command_takes_names_of_axes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "signals.xlsx"
    assert main(["workbook", "--shape", "n=2,c=4,l=6", "-o", str(path)]) == 0
    assert "GroupNorm" in titles_of(path)
    assert main(["workbook", "--shape", "n=2,l=4,c=6", "-o", str(path)]) == 2
    assert "n,c,l" in capsys.readouterr().err
    assert main(["workbook", "--shape", "n=2,4,6", "-o", str(path)]) == 2
    assert "n=2,c=4,l=6" in capsys.readouterr().err
