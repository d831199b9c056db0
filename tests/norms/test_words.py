"""A pattern's own words where a norm is shown: in the terminal, and in a book."""

import numpy as np
import openpyxl
import pytest

from normviz.cli.commands import main
from normviz.norms.declared import NORMS
from normviz.norms.norm import When
from normviz.norms.notation import parse
from normviz.norms.words import axis_words, sets_in_words
from normviz.reference.trace import trace
from normviz.workbook.explain.explain import explain_op

X = np.random.default_rng(0).standard_normal((2, 3, 8))
HEADS = {"sizes": {"h": 2}, "affine": "d"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n c h w", ["images", "channels", "rows", "columns"]),
        ("n t (h [d])", ["sequences", "tokens", "heads", "features"]),
        ("n [d]", ["samples", "features"]),
        ("n [q]", ["samples", "indices of q"]),
    ],
)
def test_axes_are_called_what_they_are_beside_the_others(text, words):
    assert [word.many for word in axis_words(parse(text)).values()] == words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("n [c] h w", "for each image, row and column, over its channels."),
        ("[n t] d", "for each feature, over its sequences and tokens."),
        ("[n c]", "One mean and one variance in all, over images and channels."),
    ],
)
def test_sets_in_a_sentence(text, sentence):
    assert sets_in_words(parse(text)).endswith(sentence)


def test_a_book_of_a_pattern_speaks_of_its_axes(tmp_path):
    path = explain_op("n t (h [d])", X, tmp_path / "heads.xlsx", **HEADS)
    book = openpyxl.load_workbook(path, data_only=True)
    texts = [str(c.value) for page in book for row in page.iter_rows() for c in row if c.value]
    said = " ".join(texts)
    assert "for each sequence, token and head, over its features" in said
    assert "Sequences n go down, tokens t across" in said
    assert "t = 2" in texts
    assert "c = 0" not in texts
    assert not any("channel" in t or "image" in t for t in texts)


def test_show_names_sets_by_the_axes_of_the_pattern(tmp_path, capsys):
    np.save(tmp_path / "x.npy", X)
    words = ["show", str(tmp_path / "x.npy"), "--sets", "n t (h [d])", "-s", "h=2"]
    assert main([*words, "--affine", "d"]) == 0
    printed = capsys.readouterr().out
    assert "n t (h [d]), h = 2" in printed
    assert "n = 1, t = 2, h = 1" in printed
    assert "d = 3" in printed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--sets", "n t (h [d"], "cannot be read at character 10"),
        (["--sets", "n t (h [d])"], "the size of h or d must be given"),
        (["--sets", "n t (h [d])", "-s", "h"], "-s must look like h=4, got 'h'"),
        (["--sets", "n t [d]", "--op", "layer_norm"], "not allowed with"),
        (["--op", "layer_norm", "--affine", "d"], "--affine is for --sets"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_what_show_refuses_of_a_pattern(words, sentence, tmp_path, capsys):
    np.save(tmp_path / "x.npy", X)
    try:
        status = main(["show", str(tmp_path / "x.npy"), *words])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("norm", NORMS.values(), ids=lambda norm: norm.name)
def test_a_batch_of_one_is_not_said_to_be_as_any_where_it_alone_is_refused(norm):
    """As GroupNorm's, whose groups have one value here."""

    def is_refused(images):
        shape = (images, 2, 1)
        try:
            trace(norm, np.ones(shape), **norm.sizes_of_parts(shape, 2, 1))
        except ValueError as error:
            return "more than 1 value" in str(error)
        return False

    if is_refused(1) and not is_refused(3):
        assert norm.when.alone != When().alone
