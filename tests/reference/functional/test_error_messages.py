"""An error names the argument, the value it had, and what would be right; one sentence."""

import numpy as np
import pytest

import normviz

X = np.random.default_rng(0).standard_normal((4, 6, 5))
ONES = np.ones(6)
TRAIN = {"training": True}

MESSAGES = [
    ("batch_norm", [[1.0]], TRAIN, TypeError, ["x must be a NumPy array", "list"]),
    (
        "batch_norm",
        np.ma.array(X, mask=X > 1),
        TRAIN,
        TypeError,
        ["plain", "MaskedArray", "np.asarray"],
    ),
    ("batch_norm", X.astype(">f8"), TRAIN, TypeError, ["x must be float16", ">f8"]),
    ("batch_norm", X.astype(np.int32), TRAIN, TypeError, ["x", "float32", "int32", "astype"]),
    ("batch_norm", X.astype(np.longdouble), TRAIN, TypeError, ["x", "longdouble|float128"]),
    ("batch_norm", X[0, 0], TRAIN, ValueError, ["x must have at least 2", r"\(5,\)"]),
    ("batch_norm", X[:1, :, :1], TRAIN, ValueError, ["more than 1", r"\(1, 6, 1\)", "drop_last"]),
    ("batch_norm", X, {}, ValueError, ["running_mean and running_var must be given", "None"]),
    ("batch_norm", X, {"running_mean": ONES}, ValueError, ["both", "running_var"]),
    ("batch_norm", X, TRAIN | {"running_var": ONES}, ValueError, ["both", "running_mean"]),
    ("batch_norm", X, TRAIN | {"weight": ONES[1:]}, ValueError, [r"weight.*\(6,\).*\(5,\)"]),
    ("batch_norm", X, TRAIN | {"bias": [0.0] * 6}, TypeError, ["bias must be a NumPy", "list"]),
    (
        "batch_norm",
        X,
        TRAIN | {"weight": ONES.astype(np.float32)},
        TypeError,
        ["x of dtype float64", "must be all float64", "weight float32"],
    ),
    ("batch_norm", X, TRAIN | {"eps": 0.0}, ValueError, ["eps must be positive", "0.0", "1e-5"]),
    ("batch_norm", X, TRAIN | {"eps": np.nan}, ValueError, ["eps", "nan", "1e-5"]),
    ("batch_norm", X, TRAIN | {"eps": np.inf}, ValueError, ["eps", "inf", "1e-5"]),
    ("batch_norm", X, TRAIN | {"eps": "tiny"}, TypeError, ["eps must be a float", "'tiny'"]),
    ("layer_norm", X, {"normalized_shape": (5,), "eps": -1.0}, ValueError, ["zero or", "-1.0"]),
    ("batch_norm", X, TRAIN | {"momentum": None}, TypeError, ["momentum", "None", "0.1"]),
    ("batch_norm", X, {"training": 1}, TypeError, ["training must be True or False", "1"]),
    ("instance_norm", X, {"use_input_stats": "n"}, TypeError, ["use_input_stats", "'n'"]),
    ("instance_norm", X[..., :1], {}, ValueError, ["more than 1", r"\(4, 6, 1\)"]),
    ("group_norm", X, {"num_groups": 4}, ValueError, ["num_groups=4", "6 channels", "1, 2, 3, 6"]),
    ("group_norm", X, {"num_groups": 0}, ValueError, ["num_groups must be at least 1", "0"]),
    ("group_norm", X, {"num_groups": 2.0}, TypeError, ["num_groups must be an int", "2.0"]),
    ("group_norm", X, {"num_groups": True}, TypeError, ["num_groups must be an int", "True"]),
    ("group_norm", X[..., :0], {"num_groups": 2}, ValueError, ["spatial", r"\(4, 6, 0\)"]),
    (
        "ghost_batch_norm",
        X,
        TRAIN | {"num_splits": 3},
        ValueError,
        ["num_splits=3", "4 samples", "1, 2, 4", "drop"],
    ),
    ("ghost_batch_norm", X, TRAIN | {"num_splits": 0}, ValueError, ["num_splits", "at least 1"]),
    ("ghost_batch_norm", X, TRAIN | {"num_splits": "2"}, TypeError, ["num_splits", "'2'"]),
    ("layer_norm", X, {"normalized_shape": (6,)}, ValueError, [r"\(6,\).*\(4, 6, 5\).*\(6, 5\)"]),
    ("layer_norm", X, {"normalized_shape": 5}, TypeError, ["normalized_shape", "tuple", "5"]),
    ("rms_norm", X, {"normalized_shape": ()}, ValueError, ["normalized_shape", r"\(\)"]),
]


@pytest.mark.parametrize(
    ("op", "x", "arguments", "error", "fragments"),
    [pytest.param(*case, id=f"{i}-{case[0]}-{case[4][0]}") for i, case in enumerate(MESSAGES)],
)
def test_message(op, x, arguments, error, fragments):
    for call in (
        lambda: getattr(normviz, op)(x, **arguments),
        lambda: getattr(normviz, f"{op}_backward")(np.ones_like(x), x, **arguments),
    ):
        with pytest.raises(error) as caught:
            call()
        message = str(caught.value)
        for fragment in fragments:
            caught.match(fragment)
        assert "\n" not in message
        assert type(caught.value) is error


@pytest.mark.parametrize("op", ["batch_norm", "layer_norm", "group_norm", "instance_norm"])
def test_grad_output_must_be_like_x(op):
    arguments = {
        "batch_norm": TRAIN,
        "layer_norm": {"normalized_shape": (6, 5)},
        "group_norm": {"num_groups": 2},
        "instance_norm": {},
    }[op]
    backward = getattr(normviz, f"{op}_backward")
    with pytest.raises(ValueError, match=r"grad_output.*\(4, 6, 5\).*\(1, 6, 5\).*broadcast"):
        backward(X[:1], X, **arguments)
    with pytest.raises(TypeError, match=r"grad_output.*float64.*float32"):
        backward(X.astype(np.float32), X, **arguments)
    with pytest.raises(TypeError, match="grad_output must be a NumPy array"):
        backward(1.0, X, **arguments)


@pytest.mark.parametrize("function", [normviz.set_labels, normviz.statistics_sets])
def test_sets_refuse_in_the_same_words(function):
    with pytest.raises(ValueError, match=r"'layernorm'.*did you mean layer_norm"):
        function("layernorm", (2, 3))
    with pytest.raises(TypeError, match="group_norm needs the argument num_groups"):
        function("group_norm", (2, 4))
    with pytest.raises(ValueError, match="1, 2, 4"):
        function("group_norm", (2, 4), num_groups=3)
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        function("batch_norm", (4,))


@pytest.mark.parametrize("shape", [5, (2.0, 3), ("2", 3), None])
def test_a_shape_that_is_none_is_refused(shape):
    with pytest.raises(TypeError, match="shape must be a tuple of ints"):
        normviz.set_labels("batch_norm", shape)


def test_negative_dimensions_are_refused():
    with pytest.raises(ValueError, match=r"negative dimensions, got \(-1, 3\)"):
        normviz.set_labels("batch_norm", (-1, 3))


MUST_DIVIDE = "num_groups must divide the 6 channels of x, got num_groups=4: use one of 1, 2, 3, 6"
ONE_VALUE = (
    "x must have more than 1 value per statistics set in training, got shape (1, 6) for {}: one "
    "value is its own mean and its variance is 0, so the output would be the bias alone: use {}"
)
TO_THE_LETTER = {
    "a call that other programs read": (
        "group_norm",
        X,
        {"num_groups": 4},
        f"{MUST_DIVIDE} (num_groups counts the groups, not the channels in a group)",
    ),
    "the sets before the flag": (
        "batch_norm",
        X[0, 0],
        {"training": 3},
        "x must have at least 2 dimensions (N, C, *spatial) for batch_norm, got shape (5,)",
    ),
    "the flag that decides on the sets before them": (
        "ghost_batch_norm",
        X[0, 0],
        {"num_splits": 0, "training": 3},
        "training must be True or False, got 3",
    ),
    "in evaluation the splits are gone, and the name with them": (
        "ghost_batch_norm",
        X[0, 0],
        {"num_splits": 0, "training": False},
        "x must have at least 2 dimensions (N, C, *spatial) for batch_norm, got shape (5,)",
    ),
    "the sets before eps": (
        "layer_norm",
        X,
        {"normalized_shape": (6,), "eps": -1.0},
        "normalized_shape must be the last dimensions of x, got (6,) for x of shape (4, 6, 5): "
        "for example (6, 5)",
    ),
    "eps before momentum": (
        "instance_norm",
        X,
        {"momentum": None, "eps": -1.0},
        "eps must be zero or positive, got -1.0: the usual value is 1e-5",
    ),
    "one value at the end": (
        "batch_norm",
        X[:1, :, 0],
        TRAIN,
        ONE_VALUE.format("batch_norm", "more samples or pixels, or drop_last"),
    ),
    "one value in groups": (
        "group_norm",
        X[:1, :, 0],
        {"num_groups": 6},
        ONE_VALUE.format("group_norm", "fewer groups"),
    ),
}


@pytest.mark.parametrize("case", TO_THE_LETTER)
def test_which_error_comes_first_and_its_text(case):
    op, x, arguments, text = TO_THE_LETTER[case]
    for call in (
        lambda: getattr(normviz, op)(x, **arguments),
        lambda: getattr(normviz, f"{op}_backward")(np.ones_like(x), x, **arguments),
    ):
        with pytest.raises((TypeError, ValueError)) as caught:
            call()
        assert str(caught.value) == text
