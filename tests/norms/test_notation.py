"""The notation: what a pattern means on a shape, and the sentences for one that cannot be read."""

import re

import pytest

from normviz.norms.notation import parameter_axes, parse


@pytest.mark.parametrize(
    ("text", "shape", "sizes", "lengths"),
    [
        ("[n] c [...]", (4, 3, 2, 5), {}, {"n": (4,), "c": (3,), "...": (2, 5)}),
        ("[n] c [...]", (4, 3), {}, {"n": (4,), "c": (3,), "...": ()}),
        ("n (g [k])", (4, 6), {"g": 2}, {"n": (4,), "g": (2,), "k": (3,)}),
        ("n (g [k])", (4, 6), {"k": 2}, {"n": (4,), "g": (3,), "k": (2,)}),
        ("([m] s) c", (4, 6), {"s": 2}, {"m": (2,), "s": (2,), "c": (6,)}),
        ("(a b c)", (24,), {"a": 2, "c": 4}, {"a": (2,), "b": (3,), "c": (4,)}),
        ("... [d]", (2, 3, 4), {"d": (3, 4)}, {"...": (2,), "d": (3, 4)}),
        ("... [d]", (2, 3), {"d": (2, 3)}, {"...": (), "d": (2, 3)}),
        ("[(a b)] c", (6, 2), {"a": 2}, {"a": (2,), "b": (3,), "c": (2,)}),
        ("(g [k])", (0,), {"g": 2}, {"g": (2,), "k": (0,)}),
    ],
    ids=str,
)
def test_the_length_of_every_axis(text, shape, sizes, lengths):
    assert {f.name: f.lengths for f in parse(text).fit(shape, sizes)} == lengths


def test_brackets_share_inside_and_outside_of_parentheses():
    shared = [axis.name for axis in parse("[(a b)] (c [d]) e [f g]").axes if axis.shared]
    assert shared == ["a", "b", "d", "f", "g"]


UNREADABLE = {
    "n c]": (4, "']' closes nothing"),
    "n (c])": (5, "']' closes nothing"),
    "[n (c] d)": (6, "']' closes nothing"),
    "n (c": (5, "'(' is never closed"),
    "[n c": (5, "'[' is never closed"),
    "n c [n]": (6, "the axis 'n' is named twice"),
    "... [...]": (6, "the axis '...' is named twice"),
    "n (c ...)": (6, "'...' cannot be a factor"),
    "n ((a b) c)": (4, "'(' is open already"),
    "[n [c]]": (4, "'[' is open already"),
    "n [] c": (4, "there is no axis between '[' and ']'"),
    "n () c": (4, "there is no axis between '(' and ')'"),
    "n, c": (2, "',' is no axis"),
    "n 3 c": (3, "'3' is no axis"),
}


@pytest.mark.parametrize("text", UNREADABLE)
def test_a_wrong_pattern_is_shown_with_the_place(text):
    at, what = UNREADABLE[text]
    place = f"the pattern {text!r} cannot be read at character {at}: {what}"
    with pytest.raises(ValueError, match=re.escape(place)):
        parse(text)


@pytest.mark.parametrize(
    ("text", "shape", "sizes", "sentence"),
    [
        ("n [c]", (2, 3, 4), {}, r"x must have 2 dimensions for the pattern 'n \[c\]'"),
        ("n [c] ...", (2,), {}, "at least 2 dimensions"),
        ("n (g [k])", (2, 6), {}, "the size of g or k must be given.*at character 4"),
        ("n (g [k])", (2, 6), {"g": 4}, r"divide 6.*got g=4: use one of 1, 2, 3, 6 \(at char"),
        ("n (g [k])", (2, 6), {"g": 4, "k": 2}, "product 6.*got g=4, k=2"),
        ("n (g [k])", (2, 6), {"g": (2, 3)}, "g must be an int"),
        ("n [c]", (2, 3), {"c": 4}, "c must be 3, its size in x, got c=4 .at character 4"),
        ("... [d]", (2, 3), {"d": (4,)}, r"d must be \(3,\), its size in x, got d=\(4,\)"),
        ("n [c]", (2, 3), {"h": 4}, "a size must be one of n, c; got 'h'"),
        ("n [c]", (2, 3), {"c": 0}, "c must be at least 1, got 0"),
    ],
    ids=str,
)
def test_a_pattern_that_does_not_fit_the_shape(text, shape, sizes, sentence):
    with pytest.raises(ValueError, match=sentence):
        parse(text).fit(shape, sizes)


@pytest.mark.parametrize("size", [2.0, "2", True, (2.0,), None])
def test_a_size_of_another_type_is_a_type_error(size):
    with pytest.raises(TypeError, match="g must be an int"):
        parse("n (g [k])").fit((2, 6), {"g": size})


@pytest.mark.parametrize(
    ("affine", "axes"),
    [
        ("", ()),
        ("c", (("c",),)),
        ("w c", (("c",), ("w",))),
        ("(c h)", (("c", "h"),)),
        ("(h c) w", (("c", "h"), ("w",))),
    ],
)
def test_affine_axes_come_in_the_order_of_the_pattern(affine, axes):
    assert parameter_axes(parse("[n] c h w"), affine) == axes


@pytest.mark.parametrize(
    ("affine", "sentence"),
    [
        ("k", r"an affine axis must be one of n, c, h, w; got 'k' .*'\[n\] c h w'"),
        ("[c]", "without brackets"),
        ("(c w) h", "follow each other"),
        ("c c", "named twice"),
    ],
)
def test_an_affine_axis_that_is_not_there(affine, sentence):
    with pytest.raises(ValueError, match=sentence):
        parameter_axes(parse("[n] c h w"), affine)


def test_a_pattern_is_a_text():
    with pytest.raises(TypeError, match="must be a text"):
        parse(3)
