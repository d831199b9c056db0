"""A set's label as a formula gives the labels of the sets, for every norm and for any pattern."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from normviz import set_labels
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.formulas.set_labels import AXES, LabelChoice, label_formula

COUNTS = {"groups": "G", "splits": "S"}


def evaluated(formula: str, shape: Sequence[int], **cells: int) -> np.ndarray:
    """A label formula at every index, by Python's own arithmetic."""
    known = {"INT": int, "MOD": lambda a, b: a % b, **cells}
    found = [eval(formula, known | dict(zip(AXES, at, strict=False))) for at in np.ndindex(*shape)]
    return np.array(found).reshape(shape)


def settings(norm: Norm, shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Every number of groups and splits that the norm takes on a shape; 1 for what it has not."""
    cuts = {size.divides for size in norm.sizes}
    groups = range(1, shape[1] + 1) if "channel" in cuts else [1]
    splits = range(1, shape[0] + 1) if "sample" in cuts else [1]
    for g in groups:
        for s in splits:
            if shape[1] % g == 0 and shape[0] % s == 0:
                yield g, s


@pytest.mark.parametrize("shape", [(4, 6, 2, 3), (6, 4, 1, 1), (3, 1, 2, 2), (1, 5, 1, 2)])
@pytest.mark.parametrize("op", NORMS)
def test_the_formula_gives_the_labels_of_every_declared_norm(
    op: str, shape: tuple[int, ...]
) -> None:
    norm = NORMS[op]
    formula = label_formula(norm, shape, AXES, COUNTS)
    for g, s in settings(norm, shape):
        arguments = norm.sizes_for(shape, {"num_groups": g, "num_splits": s})
        wanted = set_labels(op, shape, **arguments)
        np.testing.assert_array_equal(evaluated(formula, shape, G=g, S=s), wanted)


PATTERNS = {
    "interleaved ghost": ("([m] s) c [...]", {"s": 2}),
    "strided groups": ("n ([g] k) [...]", {"g": 3}),
    "rows of an image": ("n c h [...]", {}),
    "columns of an image": ("[n] c [h] w", {}),
    "three factors, the middle kept": ("([a] b [c]) d h w", {"a": 2, "b": 2}),
    "three factors, the ends kept": ("(a [b] c) [d] h w", {"a": 2, "c": 1}),
    "one set in all": ("[...]", {}),
    "every element": ("n c h w", {}),
}


@pytest.mark.parametrize(("sets", "sizes"), PATTERNS.values(), ids=PATTERNS.keys())
def test_the_formula_gives_the_labels_of_any_pattern(sets: str, sizes: dict[str, int]) -> None:
    shape = (4, 6, 2, 3)
    formula = label_formula(Norm("any", sets, fixed=dict(sizes)), shape, AXES, COUNTS)
    marked = sets if "[" in sets else f"{sets} [...]"
    np.testing.assert_array_equal(evaluated(formula, shape), set_labels(marked, shape, sizes=sizes))


def test_a_norm_nobody_foresaw_is_offered_with_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """A label that is missing must never become 0, which would be one silent set of everything."""
    norm = Norm("row_norm", "n c h [...]", affine="c", title="RowNorm")
    monkeypatch.setitem(NORMS, "row_norm", norm)
    choice = LabelChoice((4, 4, 2, 3), "1")
    assert choice.titles[-1] == "RowNorm"
    formula = choice.label((1, 2, 1, 0))
    assert formula.count(",") >= len(choice.norms)
    assert formula.endswith(",(1*4+2)*2+1+1)")


def test_a_norm_of_another_kind_of_tensor_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NORMS, "per_head", Norm("per_head", "n t (h [d])", fixed={"h": 2}))
    assert "PerHead" not in LabelChoice((4, 4, 1, 3)).titles


def test_the_most_sets_are_those_of_instance_norm() -> None:
    choice = LabelChoice((4, 4, 1, 3))
    assert choice.most_sets == 16
