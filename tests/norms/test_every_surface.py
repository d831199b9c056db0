"""A norm is one declaration: every declared one, and two that nobody foresaw, on every surface."""

import ast
import inspect
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch

import normviz
from normviz import NORMS, Norm
from normviz.cli.commands import main
from normviz.norms.sizes import SizeArgument
from normviz.reference import layers
from normviz.reference.call import backward, complete, forward
from normviz.torch_layers import ReferenceNorm2d
from normviz.torch_models.torch_steps import torch_steps
from normviz.torch_models.verify.standard_layers import standard_layers
from normviz.workbook.book.cells import Book
from normviz.workbook.build import build
from normviz.workbook.exercise.sheet import ExerciseSheet
from normviz.workbook.explain.explain import explain_op
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.write import save
from tests.workbook.engines import differences, expected, ironcalc_values

SHAPE = (4, 6, 2, 3)
UNFORESEEN = (
    Norm(
        "head_norm",
        "n (h [k]) ...",
        affine="(h k)",
        sizes=(SizeArgument("h", "num_heads", divides="channel"),),
        bias=False,
    ),
    Norm("row_rms", "n c h [w]", affine="w", centered=False),
)
"""With a mean and no bias, and the other way round: no declared norm is so."""

NAMES = [*NORMS, *(norm.name for norm in UNFORESEEN)]
every_norm = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True, scope="module")
def declared() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for norm in UNFORESEEN:
            patch.setitem(NORMS, norm.name, norm)
        yield


def in_two_parts(name):
    """The arguments that cut an axis, each with 2."""
    return {size.argument: 2 for size in NORMS[name].sizes if size.divides}


def call_of(name, seed=0):
    """x, an upstream gradient, and the arguments of a training call."""
    norm, rng = NORMS[name], np.random.default_rng(seed)
    sizes = norm.sizes_for(SHAPE, {})
    parameter = norm.on(SHAPE, sizes).parameter_shape
    arguments = sizes | {"weight": rng.normal(1.0, 0.5, parameter), "eps": 0.01}
    if norm.bias:
        arguments["bias"] = rng.normal(0.0, 0.5, parameter)
    if norm.flag:
        arguments[norm.flag] = True
    x, dy = rng.normal(0.5, 2.0, (2, *SHAPE))
    return x, dy, arguments


@every_norm
def test_labels_number_the_sets(name):
    sizes = NORMS[name].sizes_for(SHAPE, {})
    labels = normviz.set_labels(name, SHAPE, **sizes)
    sets = normviz.statistics_sets(name, SHAPE, **sizes)
    assert labels.shape == SHAPE
    assert (np.bincount(labels.ravel())[1:] == sets.size).all()
    assert labels.max() == sets.count == np.prod(sets.statistic_shape)


@pytest.mark.parametrize("name", [*NORMS])
def test_the_function_has_the_signature_of_the_declaration(name):
    found = inspect.signature(getattr(normviz, name)).parameters.values()
    wanted = NORMS[name].signature.parameters.values()
    assert [(p.name, p.default) for p in found] == [(p.name, p.default) for p in wanted]
    first, *rest = inspect.signature(getattr(normviz, f"{name}_backward")).parameters.values()
    assert first.name == "grad_output"
    assert [(p.name, p.default) for p in rest] == [(p.name, p.default) for p in wanted]


@every_norm
def test_backward_is_the_finite_difference_of_forward(name):
    x, dy, arguments = call_of(name)
    norm, whole = NORMS[name], complete(NORMS[name], arguments)
    found = backward(norm, dy, x, **whole)
    steps = np.random.default_rng(1).standard_normal((3, *SHAPE))
    for step in steps:
        up, down = (forward(norm, x + h * step, **whole) for h in (1e-5, -1e-5))
        slope = ((up - down) * dy).sum() / 2e-5
        np.testing.assert_allclose(slope, (found.grad_input * step).sum(), rtol=1e-6, atol=1e-7)


@every_norm
def test_every_step_of_the_trace_is_torch_s(name):
    x, dy, arguments = call_of(name)
    made = normviz.trace(name, x, **arguments).backward(dy)
    np.testing.assert_allclose(
        made["output"], forward(NORMS[name], x, **complete(NORMS[name], arguments)), rtol=1e-12
    )
    for step, value in torch_steps(made).items():
        if step in made:
            np.testing.assert_allclose(made[step], value, rtol=1e-9, atol=1e-11, err_msg=step)


@every_norm
def test_the_reference_module_and_its_numpy_twin_agree_with_autograd(name):
    module = ReferenceNorm2d(name, 6, **in_two_parts(name)).double()
    report = normviz.verify(module, torch.from_numpy(call_of(name)[0]))
    assert report, report
    twin = normviz.from_torch(module)
    assert isinstance(twin, layers.ReferenceNorm2d)
    assert twin.norm is module.norm


@every_norm
def test_the_table_of_verify_has_its_layers(name):
    rows = {row: (module, x) for row, module, x in standard_layers("float64")}
    norm = NORMS[name]
    classes = [place.rpartition(".")[2] for place in norm.layers] or [f"Norm({name})"]
    for row in (*classes, f"ReferenceNorm2d({name})"):
        assert normviz.verify(*rows[row]), row


def test_the_table_of_verify_has_every_layer_that_torch_has():
    rows = {row for row, _, _ in standard_layers("float64")}
    of_torch = {name for name in layers.__all__ if hasattr(torch.nn, name)}
    assert of_torch - rows == {"SyncBatchNorm"}  # which needs a GPU


NAMED_BY_HAND = {
    "normviz/public.py",
    "normviz/reference/layers/__init__.py",
    "normviz/workbook/sheets/subject/kinds.py",
    "training/model/norms.py",
}
"""Functions and classes of that name; two as torch's layers of features; the trainer's choice."""


def test_no_list_of_norms_is_written_by_hand_outside_the_declarations():
    """A list, a tuple, a set or the keys of a dictionary with the names or titles of two norms."""
    root = Path(__file__).parents[2]
    names = {*NORMS, *(norm.title for norm in NORMS.values())}
    found = set()
    for path in [*root.glob("normviz/**/*.py"), *root.glob("training/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = getattr(node, "keys" if isinstance(node, ast.Dict) else "elts", [])
            listed = {part.value for part in parts if isinstance(part, ast.Constant)}
            if len(listed & names) > 1:
                found.add(path.relative_to(root).as_posix())
    assert found <= NAMED_BY_HAND, found - NAMED_BY_HAND


@every_norm
def test_explain_writes_a_book_of_it(name, tmp_path):
    x = call_of(name)[0][:, :, :, :2].copy()
    path = explain_op(name, x, tmp_path / "a.xlsx", **_sizes(name))
    book = openpyxl.load_workbook(path, data_only=True)
    texts = [str(cell.value) for page in book for row in page.iter_rows() for cell in row]
    called = {
        f"normviz.{name}": hasattr(normviz, name),
        repr(NORMS[name]): not hasattr(normviz, name),
    }
    assert {said: said in texts for said in called} == called
    assert any("grad_input" in text for text in texts)


def _sizes(name):
    flag = NORMS[name].flag
    return in_two_parts(name) | ({flag: True} if flag else {})


@every_norm
def test_show_prints_its_steps_and_help_names_it(name, capsys):
    sizes = [f"-s{size.axis}=2" for size in NORMS[name].sizes if size.divides]
    assert main(["show", "--op", name, *sizes]) == 0
    printed = capsys.readouterr().out
    assert name in printed
    assert "grad_input" in printed
    with pytest.raises(SystemExit):
        main(["show", "--help"])
    assert name in StringIO(capsys.readouterr().out).read()


@pytest.fixture(scope="module")
def book(declared):
    return build(Settings())


@every_norm
def test_the_workbook_has_its_sheet_and_its_picture_among_the_sets(book, name):
    norm, pages = NORMS[name], {page.title: page for page in book.pages}
    assert norm.title in pages
    texts = [cell.value for row in pages["Sets"].rows.values() for cell in row.values()]
    assert norm.title in texts
    assert norm.sentence in " ".join(map(str, texts))


@every_norm
def test_the_lesson_layer_to_layer_offers_it_and_contents_has_its_row(book, name):
    title, pages = NORMS[name].title, {page.title: page for page in book.pages}
    offered = {option for choice in pages["Layer to layer"].choices for option in choice.options}
    assert title in offered
    links = [cell.value for row in pages["Contents"].rows.values() for cell in row.values()]
    assert title in links


def test_the_playground_offers_every_norm_that_its_switches_can_say(book):
    (page,) = (page for page in book.pages if page.title == "Playground")
    offered = {option for choice in page.choices for option in choice.options}
    assert {NORMS[name].title for name in NAMES} - offered == {"RowRms"}  # of single rows


@every_norm
def test_a_layer_of_it_is_recognized(name):
    module = ReferenceNorm2d(name, 6, **in_two_parts(name)).double()
    found = normviz.identify(module, torch.from_numpy(call_of(name)[0]))
    # γ of a channel makes a group of what torch's LayerNorm has one of each element for.
    of_a_channel = {"layer_norm": "group_norm"}.get(name, name)
    assert of_a_channel in (found.name, *found.same_on_this_x)


def test_the_readme_shows_the_sets_of_every_declared_norm():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    unforeseen = {norm.name for norm in UNFORESEEN}
    missing = [n.name for n in NORMS.values() if n.name not in unforeseen and n.sets not in text]
    assert missing == []


def test_the_help_of_groups_and_splits_names_the_norms_that_take_them(capsys):
    with pytest.raises(SystemExit):
        main(["workbook", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "of channels, for GroupNorm and HeadNorm" in said
    assert "of the batch, for GhostBatchNorm" in said


@every_norm
def test_an_exercise_asks_for_its_steps(name):
    made = Case(Settings((2, 4, 2, 2), groups=2, eps=0.1)).trace(name)
    book = Book("exercise")
    ExerciseSheet(book, made).draw_key(book)
    student, key = book.pages
    assert NORMS[name].title in student.title
    written = {cell.formula for _, cell in key.formulas()}
    assert len(written) > len(made)


def test_the_workbook_with_norms_nobody_foresaw_recalculates_without_a_wrong_cell(book, tmp_path):
    path = save(book, tmp_path / "more.xlsx")
    titles = {norm.title for norm in UNFORESEEN} | {"Checks", "Playground", "Layer to layer"}
    wanted = {place: value for place, value in expected(book).items() if place[0] in titles}
    assert {place[0] for place in wanted} == titles
    found = ironcalc_values(path, wanted)
    assert differences(wanted, found) == []
    assert "FAIL" not in " ".join(map(str, found.values()))
