"""Which norms are special cases of others is found from their sets, and shown live."""

import numpy as np
import pytest

from normviz import NORMS, Norm
from normviz.norms.sizes import SizeArgument
from normviz.workbook.build import build
from normviz.workbook.sheets.identities import TITLE, identities
from normviz.workbook.sheets.subject.case import Case, Settings
from normviz.workbook.write import save
from tests.workbook.engines import differences, expected, ironcalc_values


def sentences(*arguments, **settings):
    return [identity.sentence for identity in identities(Case(Settings(*arguments, **settings)))]


def test_the_four_of_the_shipped_workbook():
    assert sentences() == [
        "GroupNorm with 1 group = LayerNorm",
        "GroupNorm with 4 groups = InstanceNorm",
        "GhostBatchNorm with 1 split = BatchNorm",
        "GhostBatchNorm with 4 splits = InstanceNorm",
    ]


def test_the_parts_that_a_book_is_built_with_say_nothing_twice():
    assert sentences(groups=4, splits=4) == sentences()


def test_a_shape_on_which_more_coincide():
    assert "LayerNorm = PixelNorm" in sentences((6, 4, 1, 1))
    assert "BatchNorm = InstanceNorm" in sentences((1, 4, 2, 3))


def test_heads_of_tokens():
    assert sentences((2, 5, 8)) == ["RMSNorm per head with 1 head = RMSNorm"]
    assert sentences((4, 6)) == []


def test_a_norm_that_nobody_foresaw_is_found(monkeypatch, tmp_path):
    size = SizeArgument("k", "group_size", divides="channel")
    own = Norm("every_other", "n ([k] g) ...", affine="(k g)", sizes=(size,))
    monkeypatch.setitem(NORMS, own.name, own)
    case = Case(Settings((2, 4, 1, 3)))
    assert "EveryOther with 4 channels of a group = PixelNorm" in sentences((2, 4, 1, 3))
    book = build(case=case)
    wanted = {place: value for place, value in expected(book).items() if place[0] == TITLE}
    assert len(wanted) > 100
    found = ironcalc_values(save(book, tmp_path / "own.xlsx"), wanted)
    assert differences(wanted, found) == []


@pytest.mark.parametrize("shape", [(4, 4, 2, 2), (1, 4, 2, 3), (4, 1, 3, 3), (2, 5, 8)], ids=str)
def test_both_sides_are_the_same_numbers(shape):
    for identity in identities(Case(Settings(shape))):
        left, right = identity.made["normalized"], identity.twin["normalized"]
        np.testing.assert_allclose(left, right, rtol=1e-12, atol=1e-13)
