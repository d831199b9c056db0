"""Explained layers: every formula equals NumPy, whole or in slices, and stays so when changed."""

from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

import normviz
from normviz.reference.layers import BatchNorm1d, LayerNorm
from normviz.workbook.book.address import address
from normviz.workbook.book.cells import Book
from normviz.workbook.book.styles import INPUT
from normviz.workbook.draw.content import FAIL, PASS
from normviz.workbook.explain.book import Story, explain_book
from normviz.workbook.explain.explain import explain_op, fresh_call
from normviz.workbook.explain.selection import select
from normviz.workbook.write import save
from tests.workbook.engines import (
    Place,
    differences,
    expected,
    ironcalc_values,
    office_values,
)

TRAINING: dict[str, dict[str, Any]] = {
    "batch_norm": {"training": True},
    "layer_norm": {},
    "group_norm": {"num_groups": 2},
    "instance_norm": {},
    "ghost_batch_norm": {"num_splits": 2, "training": True},
    "rms_norm": {},
}
EVALUATION: dict[str, dict[str, Any]] = {
    "batch_norm": {"training": False},
    "instance_norm": {"use_input_stats": False},
    "ghost_batch_norm": {"num_splits": 2, "training": False},
}
CALLS = [(op, a, "training") for op, a in TRAINING.items()]
CALLS += [(op, a, "evaluation") for op, a in EVALUATION.items()]
SLICES: dict[str, dict[str, str]] = {
    "default": {},
    "scattered": {"samples": "1:4", "channels": "0,3", "pixels": "1:3"},
}


def numbers(op: str, shape: tuple[int, ...], seed: int, **arguments: Any) -> dict[str, Any]:
    """x, dy and every parameter, drawn at random."""
    draw = np.random.default_rng(seed)
    x = draw.normal(3.0, 2.0, shape)
    sets = fresh_call(op, x, None, **dict(arguments)).trace.sets
    made = {"x": x, "grad_output": draw.normal(0.0, 1.0, shape)}
    made["weight"] = draw.normal(1.0, 1.0, sets.parameter_shape)
    if op != "rms_norm":
        made["bias"] = draw.normal(0.0, 1.0, sets.parameter_shape)
    if op in EVALUATION:
        made["running_mean"] = draw.normal(2.0, 1.0, shape[1])
        made["running_var"] = draw.uniform(0.5, 4.0, shape[1])
    return made


def book_of(op: str, given: dict[str, Any], part: dict[str, str], **arguments: Any) -> Book:
    copies = {name: value.copy() for name, value in given.items()}
    call = fresh_call(op, **copies, **arguments)
    story = Story("L", "here", "float64", "given", "given", call.output, call.grad_input)
    return explain_book(call.trace, select(call.trace.sets, **part), story)


SHOWN = {
    "rank 2": ((6, 9), {}),
    "rank 3": ((4, 4, 10), SLICES["scattered"]),
    "rank 4": ((8, 6, 5, 7), {}),
    "rank 4, scattered": ((8, 6, 5, 7), SLICES["scattered"]),
    "rank 5": ((4, 4, 3, 4, 3), SLICES["scattered"]),
}


# instance_norm of rank 2 has one value per set, which the op refuses: it is no call to explain.
EXPLAINED = {
    f"{op}-{mode}-{shown}": (op, arguments, mode, *SHOWN[shown])
    for op, arguments, mode in CALLS
    for shown in SHOWN
    if (op, shown) != ("instance_norm", "rank 2")
}


@pytest.mark.parametrize(
    ("op", "arguments", "mode", "shape", "part"), EXPLAINED.values(), ids=EXPLAINED.keys()
)
def test_ironcalc_finds_the_values_of_numpy(
    op: str,
    arguments: dict[str, Any],
    mode: str,
    shape: tuple[int, ...],
    part: dict[str, str],
    tmp_path: Path,
) -> None:
    if op == "group_norm" and shape[1] % 2:
        arguments = {"num_groups": 3}
    part = {k: v for k, v in part.items() if len(shape) > 2 or k != "pixels"}
    book = book_of(op, numbers(op, shape, 1, **arguments), part, **arguments)
    wanted = expected(book)
    assert len(wanted) > 40
    assert differences(wanted, ironcalc_values(save(book, tmp_path / "e.xlsx"), wanted)) == []
    says = [c.value for line in book.pages[0].rows.values() for c in line.values()]
    assert FAIL not in says
    assert says.count(PASS) >= (4 if mode == "training" else 2)


@pytest.mark.parametrize("norm", ["layer_norm", "rms_norm"])
@pytest.mark.parametrize("trailing", [1, 3])
def test_a_normalized_shape_of_its_own(norm: str, trailing: int, tmp_path: Path) -> None:
    shape = (4, 5, 6)
    arguments = {"normalized_shape": shape[-trailing:]}
    part = {"samples": "0,2", "channels": "1:3", "pixels": "0:2"}
    book = book_of(norm, numbers(norm, shape, 2, **arguments), part, **arguments)
    wanted = expected(book)
    assert differences(wanted, ironcalc_values(save(book, tmp_path / "e.xlsx"), wanted)) == []


def yellow(book: Book) -> dict[Place, float]:
    """The numbers that may be typed over."""
    return {
        (page.title, address(row, column)): cell.value  # type: ignore[misc]
        for page in book.pages
        if page.title == "Inputs"
        for row, line in page.rows.items()
        for column, cell in line.items()
        if cell.style.fill == INPUT and isinstance(cell.value, float)
    }


@pytest.mark.parametrize(("op", "arguments", "mode"), CALLS, ids=[f"{o}-{m}" for o, _, m in CALLS])
def test_a_slice_stays_exact_when_what_is_shown_changes(
    op: str, arguments: dict[str, Any], mode: str, tmp_path: Path
) -> None:
    """Typing other numbers into the slice gives what NumPy gives for the whole tensor changed."""
    shape, part = (4, 6, 5, 5), SLICES["scattered"]
    if op == "ghost_batch_norm":
        part = part | {"samples": "0:2"}  # the other split is not shown at all
    given = numbers(op, shape, 3, **arguments)
    before = book_of(op, given, part, **arguments)
    selection = select(fresh_call(op, given["x"], **arguments).trace.sets, **part)
    draw = np.random.default_rng(4)
    changed = {name: value.copy() for name, value in given.items()}
    for name in ("x", "grad_output"):
        changed[name][np.ix_(*selection.axes)] += draw.normal(5.0, 3.0, selection.shown_shape)
    for name in set(given) - {"x", "grad_output"}:
        at = selection.axes[1:] if given[name].ndim == 3 else selection.axes[1:2]
        changed[name][np.ix_(*at)] *= 1.5
    after = book_of(op, changed, part, **arguments)
    old, new = yellow(before), yellow(after)
    typed = {place: repr(value) for place, value in new.items() if value != old[place]}
    assert len(typed) > 24
    # The constants for what is not shown, but for those made of a whole set, must not change.
    pages = {"Inputs", before.pages[2].title}
    skip = {cell for cell, _ in _own_results(after)}
    wanted = {p: v for p, v in expected(after).items() if p[0] in pages and p not in skip}
    assert len(differences(wanted, expected(before))) > 50
    found = ironcalc_values(save(before, tmp_path / "before.xlsx"), wanted, typed)
    assert differences(wanted, found) == []


def _own_results(book: Book) -> list[tuple[Place, Any]]:
    """The cells that compare with the layer's results as they were, which do not follow."""
    page = book.pages[2]
    start = next(
        row
        for row, line in page.rows.items()
        if any(str(c.value).startswith("The layer's own results") for c in line.values())
    )
    return [
        ((page.title, address(row, column)), cell)
        for row, line in page.rows.items()
        for column, cell in line.items()
        if row >= start
    ]


def test_libreoffice_finds_the_values_of_numpy(tmp_path: Path) -> None:
    arguments = {"num_splits": 2, "training": True}
    given = numbers("ghost_batch_norm", (8, 4, 6, 6), 5, **arguments)
    book = book_of("ghost_batch_norm", given, {}, **arguments)
    path = save(book, tmp_path / "e.xlsx")
    assert differences(expected(book), office_values(path, tmp_path)) == []


def test_the_slice_is_said_plainly_and_the_blocks_have_their_own_numbers(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(32, 16, 14, 14))
    path = explain_op("group_norm", x, tmp_path / "g.xlsx", num_groups=4)
    sheets = openpyxl.load_workbook(path, data_only=True)
    texts = [str(c.value) for sheet in sheets for row in sheet.iter_rows() for c in row]
    said = "samples 0–3 of 32, channels 0–1, 4–5 of 16, rows 0–2 of 14, columns 0–2 of 14"
    assert sum(said in text for text in texts) == 3  # on every sheet
    assert {"c = 0", "c = 1", "c = 4", "c = 5", "c = 0–3", "c = 4–7"} <= set(texts)
    assert "c = 2" not in texts
    assert "sum of the elements not shown" in texts
    assert set(sheets.defined_names) == {"rest_count", "rest_sum"}


def test_a_large_tensor_has_the_statistics_of_all_of_it(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(7.0, 2.0, (64, 8, 40, 40))
    path = explain_op("batch_norm", x, tmp_path / "b.xlsx", training=True, channels="3")
    sheet = openpyxl.load_workbook(path, data_only=True)["BatchNorm"]
    values = [c.value for row in sheet.iter_rows() for c in row if isinstance(c.value, float)]
    for statistic in (x[:, 3].mean(), x[:, 3].var()):
        assert min(abs(value - statistic) for value in values) < 1e-12


def test_the_same_numbers_give_the_same_bytes(tmp_path: Path) -> None:
    x = np.random.default_rng(2).normal(size=(5, 3, 4))
    files = [explain_op("layer_norm", x, tmp_path / f"{n}.xlsx").read_bytes() for n in "ab"]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    "arguments",
    [
        {"layer": "1"},
        {"kwargs": {"a": 1}},
        {"call": 7},
        {"loss": "sum"},
        {"model_grad_output": np.ones((4, 3))},
        {"sets": "n [c]"},
        {"sizes": {"c": 3}},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_a_numpy_layer_refuses_what_means_nothing_for_it(arguments: dict[str, Any]) -> None:
    (name,) = arguments
    with pytest.raises(ValueError, match=f"^{name} (must be None|is not for a single NumPy layer)"):
        normviz.explain(BatchNorm1d(3), np.eye(4, 3), **arguments)


@pytest.mark.parametrize("given", ["running_mean", "running_var"])
def test_a_buffer_of_instance_norm_asks_for_the_other(given: str) -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, (2, 3, 4))
    fresh = {"running_mean": np.zeros(3), "running_var": np.ones(3)}
    both = {name: value.copy() for name, value in fresh.items()}
    both[given] += 5.0
    call = fresh_call("instance_norm", x, **{given: both[given].copy()})
    normviz.instance_norm(x, **both)
    found = call.trace.running_buffers()
    for name in both:
        np.testing.assert_allclose(found[name], both[name], rtol=1e-12)
    other = next(name for name in fresh if name != given)
    assert call.parameters == f"of a fresh layer: weight, bias, {other}"


def test_text_that_begins_with_an_equals_sign_stays_text(tmp_path: Path) -> None:
    x = np.random.default_rng(2).normal(size=(5, 3))
    path = explain_op("layer_norm", x, tmp_path / "t.xlsx", source="=1+1")
    sheet = openpyxl.load_workbook(path)["Contents"]
    cells = [c for row in sheet.iter_rows() for c in row if str(c.value).startswith("=1+1")]
    assert [c.data_type for c in cells] == ["s"]


@pytest.mark.parametrize("masked", ["x", "grad_output"])
def test_a_masked_array_is_refused(masked: str, tmp_path: Path) -> None:
    given = {name: np.random.default_rng(0).normal(size=(4, 3)) for name in ("x", "grad_output")}
    given[masked] = np.ma.masked_array(given[masked], mask=True)
    x, dy = given["x"], given["grad_output"]
    torch_layer = pytest.importorskip("torch").nn.LayerNorm(3).double()
    for layer in (torch_layer, LayerNorm(3, dtype=np.float64)):
        with pytest.raises(TypeError, match=f"{masked} must be a plain NumPy array"):
            normviz.explain(layer, x, grad_output=dy)
    with pytest.raises(TypeError, match=f"{masked} must be a plain NumPy array"):
        explain_op("layer_norm", x, tmp_path / "m.xlsx", dy)


def test_a_finite_number_that_would_become_infinite_is_refused(tmp_path: Path) -> None:
    """Such an x, dy or model's dy made a book of numbers that are not finite, without a word."""
    nn = pytest.importorskip("torch").nn
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float16)
    dy, wide = np.full((4, 3), 1e5), x.astype(np.float64) * 1e5
    narrow, layer = LayerNorm(3, dtype=np.float16), nn.LayerNorm(3).half()
    calls: dict[str, list[Any]] = {
        "grad_output": [
            lambda: normviz.explain(narrow, x, grad_output=dy),
            lambda: normviz.explain(layer, x, grad_output=dy),
            lambda: explain_op("layer_norm", x, tmp_path / "o.xlsx", dy),
        ],
        "model_grad_output": [
            lambda: normviz.explain(nn.Sequential(layer), x, layer="0", model_grad_output=dy)
        ],
        "x": [
            lambda: normviz.explain(layer, wide),
            lambda: normviz.explain(nn.Sequential(layer), wide, layer="0"),
        ],
    }
    for name, made in calls.items():
        for call in made:
            with pytest.raises(ValueError, match=f"^{name} must be in the range of float16, to"):
                call()


def test_a_mask_of_large_negative_numbers_is_minus_infinity_in_a_narrow_model() -> None:
    torch = pytest.importorskip("torch")

    class Masked(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln = torch.nn.LayerNorm(4)

        def forward(self, x: Any, mask: Any) -> Any:
            return self.ln(x * torch.softmax(mask, -1))

    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float16)
    model, mask = Masked().half(), np.array([[0.0, -1e9, 0.0, 0.0]] * 2)
    assert normviz.explain(model, x, layer="ln", kwargs={"mask": mask})
    with pytest.raises(ValueError, match=r"^mask must be in the range of float16"):
        normviz.explain(model, x, layer="ln", kwargs={"mask": -mask})


def test_very_small_gradients_can_be_read(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3))
    path = explain_op("layer_norm", x, tmp_path / "s.xlsx", 1e-6 * x)
    sheets = openpyxl.load_workbook(path, data_only=True)
    for title, fewest in (("Inputs", 12), ("LayerNorm", 48)):
        formats = [c.number_format for row in sheets[title].iter_rows() for c in row]
        assert formats.count("0.00E+00;-0.00E+00;0") >= fewest
        assert formats.count("0.000") >= 12 or title == "Inputs"
