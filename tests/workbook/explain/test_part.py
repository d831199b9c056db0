"""Of a tensor too large to be traced the sets shown are: the same numbers as from a whole trace."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import normviz
from normviz.norms.sets import norm_of
from normviz.workbook.book.cells import Book
from normviz.workbook.explain import call_trace, part
from normviz.workbook.explain.book import explain_book
from normviz.workbook.explain.call_trace import Slices, shown
from normviz.workbook.explain.explain import explain_op, fresh_call
from normviz.workbook.explain.story import Story
from normviz.workbook.write import save
from tests.workbook.engines import differences, expected, ironcalc_values

IMAGES, TOKENS = (8, 6, 5, 7), (6, 9, 12)
SOME = {"samples": "2,5", "channels": "1:3"}
CASES: dict[str, tuple[str, tuple[int, ...], dict[str, Any], dict[str, Any]]] = {
    "batch_norm": ("batch_norm", IMAGES, {"training": True}, SOME),
    "batch_norm, evaluation": ("batch_norm", IMAGES, {"training": False}, SOME),
    "layer_norm": ("layer_norm", IMAGES, {"normalized_shape": (6, 5, 7)}, SOME),
    "layer_norm of tokens": ("layer_norm", TOKENS, {"normalized_shape": (12,)}, SOME),
    "rms_norm": ("rms_norm", TOKENS, {"normalized_shape": (12,)}, SOME),
    "group_norm": ("group_norm", IMAGES, {"num_groups": 3}, SOME),
    "instance_norm": ("instance_norm", IMAGES, {}, SOME),
    "instance_norm with buffers": ("instance_norm", IMAGES, {"running_mean": np.ones(6)}, SOME),
    "pixel_norm": ("pixel_norm", IMAGES, {}, SOME),
    "ghost_batch_norm": (
        "ghost_batch_norm",
        IMAGES,
        {"num_splits": 2, "training": True},
        {**SOME, "samples": "5,7"},
    ),
    "a pattern": ("n t (h [d])", TOKENS, {"sizes": {"h": 3}, "affine": "(h d)"}, SOME),
}


def book_of(op: str, shape: tuple[int, ...], arguments: dict[str, Any], some: Any) -> Book:
    draw = np.random.default_rng(0)
    x, dy = draw.normal(3.0, 2.0, shape), draw.normal(0.0, 1.0, shape)
    norm, arguments = norm_of(op, dict(arguments))
    if "running_mean" in arguments:
        arguments |= {"running_mean": np.ones(shape[1]), "running_var": np.ones(shape[1])}
    sets = norm.on_call(shape, {"training": True, **arguments})
    for name in ("weight", "bias"):
        if norm.has(name):
            arguments[name] = draw.normal(1.0, 1.0, sets.parameter_shape)
    call = fresh_call(norm, x, dy, **arguments)
    story = Story("L", "here", "float64", "given", "given", call.output, call.grad_input)
    return explain_book(*shown(call.numbers, story, Slices(**some)))


@pytest.mark.parametrize("name", CASES)
def test_a_part_has_the_numbers_of_the_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = expected(book_of(*CASES[name]))
    monkeypatch.setattr(call_trace, "MOST_ELEMENTS", 100)
    monkeypatch.setattr(part, "CHUNK", 200)
    book = book_of(*CASES[name])
    wanted = expected(book)
    assert wanted.keys() == whole.keys()
    assert differences(whole, wanted) == []
    assert differences(wanted, ironcalc_values(save(book, tmp_path / "p.xlsx"), wanted)) == []


def test_sets_too_large_to_be_traced_are_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (call_trace, part):
        monkeypatch.setattr(room, "MOST_ELEMENTS", 1_000)
    x = np.ones((40, 8, 4, 4))
    with pytest.raises(ValueError, match=r"x is too large: 5,120 elements .* have 2,560, and at"):
        explain_op("batch_norm", x, tmp_path / "b.xlsx", training=True)
    explain_op("batch_norm", x, tmp_path / "b.xlsx", training=True, channels="3")
    assert [path.name for path in tmp_path.iterdir()] == ["b.xlsx"]


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm2d(4), (9, 4, 8, 8)),
        (nn.LayerNorm(16), (1, 99, 16)),
        (nn.GroupNorm(2, 4), (9, 4, 8, 8)),
        (nn.InstanceNorm1d(4, affine=True), (9, 4, 50)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_a_large_layer_is_asked_and_shown_in_part(
    layer: nn.Module, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from normviz.workbook.explain import torch_layer

    monkeypatch.setattr(call_trace, "MOST_ELEMENTS", 1_000)
    monkeypatch.setattr(torch_layer, "ASKED", 500)
    x = torch.randn(shape, generator=torch.manual_seed(0))
    contents = normviz.explain(layer, x).book.pages[0]
    texts = [str(c.value) for line in contents.rows.values() for c in line.values()]
    assert any(f"shape {shape}, float32" in text for text in texts)
    assert any(text.startswith("All ") and text.endswith(" checks pass") for text in texts)
