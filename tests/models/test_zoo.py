"""The normalizations of real models, small and random: recognized, verified and explained.

Writes the table of normviz/README.md when it is run as a program (`make models`).
"""

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import normviz
from normviz.torch_models.capture import capture
from normviz.torch_models.layers_of import NormLayer
from normviz.workbook.book.cells import Book
from normviz.workbook.draw.content import PASS
from tests.models.zoo import FAMILIES, Family

README = Path(__file__).parents[2] / "normviz" / "README.md"
BEGIN, END = "<!-- models -->\n", "<!-- end of models -->\n"
MOST = 3
"""So many layers of each model go all the way, each of another kind where there are such."""


@cache
def normed(family: Family) -> tuple[Any, tuple[NormLayer, ...]]:
    """A model in training, and its normalizations."""
    model = family.model().train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = normviz.layers_of(model, family.args())
        return model, tuple(layer for layer in found if layer.identity)


def kind_of(layer: NormLayer) -> tuple[str, str, str, str]:
    """What a line of the table says."""
    found = layer.identity
    eps = f"{found.eps:.3g}"
    return layer.layer, found.name or str(found.sets), str(found.gamma_is), eps


def chosen(layers: tuple[NormLayer, ...]) -> list[NormLayer]:
    """The first of every kind, then others, three in all."""
    first = {kind_of(layer): layer for layer in reversed(layers)}
    others = [layer for layer in layers if layer not in first.values()]
    return [*reversed(first.values()), *others][:MOST]


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: f"{family.library}-{family.name}")
@pytest.mark.filterwarnings("ignore")
def test_its_norms_are_recognized_verified_and_explained(family: Family, training: bool) -> None:
    model, layers = normed(family)
    model.train(training)
    shown = set()
    for layer in chosen(layers):
        seen = capture(model, family.args(), layer=layer.name)
        found = normviz.identify(seen.layer, seen.tensor)
        assert found, found.sentence
        assert found.gamma_is == layer.identity.gamma_is is not None
        assert normviz.verify(seen.layer, seen.tensor, tolerance=1e-4), layer.name
        if kind_of(layer) not in shown:  # a workbook of each kind
            shown.add(kind_of(layer))
            explained = normviz.explain(model, family.args(), layer=layer.name)
            assert own_checks(explained.book) == [PASS, PASS], (layer.name, found.sentence)


def own_checks(book: Book) -> list[Any]:
    """The verdicts on the layer's own y and dx; that the file has them is tested elsewhere."""
    rows = [[cell.value for cell in line.values()] for line in book.pages[0].rows.values()]
    words = (" is y here", " is dx here")
    return [row[0] for row in rows if any(word in str(row) for word in words)]


def test_enough_of_them() -> None:
    assert len(FAMILIES) >= 20
    assert sum(len(chosen(normed(family)[1])) for family in FAMILIES) >= 60


def table() -> str:
    """The layers recognized, by family."""
    lines = ["| library | model | layer | recognized as | γ | eps |", "|---|---|---|---|---|---|"]
    for family in FAMILIES:
        kinds = dict.fromkeys(kind_of(layer) for layer in normed(family)[1])
        lines += [f"| {family.library} | {family.name} | {' | '.join(kind)} |" for kind in kinds]
    return "\n".join(lines) + "\n"


def test_the_table_of_the_readme_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == table(), "run `make models`"


if __name__ == "__main__":
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}", encoding="utf-8")
