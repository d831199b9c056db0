"""What must hold for any input, whatever the numbers: checked on numbers hypothesis chooses."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import normviz
from tests.reference.chosen import chosen
from tests.reference.norm_calls import OPS, TRAILING

ELEMENTS = st.floats(-8, 8, width=32).map(lambda v: round(v, 3))
CENTERED = [op for op in OPS if normviz.NORMS[op].centered]


@st.composite
def tensors(draw, min_space=2):
    """x (N, C, *spatial) with an even N and C."""
    n, c = draw(st.sampled_from([2, 4])), draw(st.sampled_from([2, 4, 6]))
    space = draw(st.sampled_from([(min_space,), (min_space, 2), (3, 1, 2)]))
    return draw(arrays(np.float64, (n, c, *space), elements=ELEMENTS))


def own(op, x, **more):
    """op on x with x's own statistics."""
    return getattr(normviz, op)(x, **shape_arguments(op, x), **more)


def shape_arguments(op, x):
    norm = normviz.NORMS[op]
    sizes = norm.sizes_for(x.shape, {"num_groups": 2, "num_splits": 2})
    return {**sizes, **({norm.flag: True} if norm.flag else {})}


def per_set(op, x, values):
    """The values of every set, one set a row."""
    labels = normviz.set_labels(op, x.shape, **shape_arguments(op, x)).ravel()
    return values.ravel()[np.argsort(labels, kind="stable")].reshape(labels.max(), -1)


@chosen
@given(x=tensors())
def test_group_norm_with_one_group_is_layer_norm(x):
    expected = normviz.layer_norm(x, x.shape[1:])
    np.testing.assert_allclose(normviz.group_norm(x, 1), expected, rtol=0, atol=1e-11)


@chosen
@given(x=tensors())
def test_group_norm_with_a_group_per_channel_is_instance_norm(x):
    expected = normviz.instance_norm(x)
    np.testing.assert_allclose(normviz.group_norm(x, x.shape[1]), expected, rtol=0, atol=1e-11)


@chosen
@given(x=tensors())
def test_ghost_batch_norm_with_one_split_is_batch_norm(x):
    expected = normviz.batch_norm(x, training=True)
    found = normviz.ghost_batch_norm(x, 1, training=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@chosen
@given(x=tensors(), data=st.data())
def test_ghost_batch_norm_is_batch_norm_of_every_split(x, data):
    splits = data.draw(st.sampled_from([s for s in (1, 2, 4) if len(x) % s == 0]))
    parts = np.split(x, splits)
    expected = np.concatenate([normviz.batch_norm(part, training=True) for part in parts])
    found = normviz.ghost_batch_norm(x, splits, training=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    dy = np.cos(np.arange(x.size, dtype=float)).reshape(x.shape)
    gradients = [
        normviz.batch_norm_backward(d, p, training=True).grad_input
        for d, p in zip(np.split(dy, splits), parts, strict=True)
    ]
    found = normviz.ghost_batch_norm_backward(dy, x, splits, training=True).grad_input
    scale = np.abs(found).max() + 1
    np.testing.assert_allclose(found / scale, np.concatenate(gradients) / scale, atol=1e-10)


@chosen
@given(x=tensors())
def test_instance_norm_is_batch_norm_of_every_sample(x):
    expected = np.concatenate(
        [normviz.batch_norm(x[i : i + 1], training=True) for i in range(len(x))]
    )
    np.testing.assert_allclose(normviz.instance_norm(x), expected, rtol=0, atol=1e-11)


@chosen
@given(x=tensors())
def test_layer_norm_is_rms_norm_of_the_centered(x):
    centered = x - x.mean(axis=tuple(range(1, x.ndim)), keepdims=True)
    expected = normviz.rms_norm(centered, x.shape[1:], eps=1e-5)
    np.testing.assert_allclose(normviz.layer_norm(x, x.shape[1:]), expected, rtol=0, atol=1e-9)


@chosen
@given(op=st.sampled_from(CENTERED), x=tensors(), shift=st.floats(-50, 50))
def test_a_shift_of_x_changes_nothing(op, x, shift):
    np.testing.assert_allclose(own(op, x + shift), own(op, x), rtol=0, atol=1e-9)


@chosen
@given(op=st.sampled_from(OPS), x=tensors(), scale=st.floats(0.01, 100))
def test_a_scale_of_x_changes_nothing_but_the_weight_of_eps(op, x, scale):
    found = own(op, x * scale, eps=1e-3 * scale**2)
    np.testing.assert_allclose(found, own(op, x, eps=1e-3), rtol=0, atol=1e-9)


@chosen
@given(op=st.sampled_from(OPS), x=tensors())
def test_a_change_of_sign_passes_through(op, x):
    np.testing.assert_allclose(own(op, -x), -own(op, x), rtol=0, atol=1e-11)


@chosen
@given(op=st.sampled_from(CENTERED), x=tensors(), eps=st.sampled_from([1e-5, 1e-2, 1.0]))
def test_every_set_gets_mean_0_and_variance_v_over_v_plus_eps(op, x, eps):
    before, after = per_set(op, x, x), per_set(op, x, own(op, x, eps=eps))
    np.testing.assert_allclose(after.mean(axis=1), 0.0, atol=1e-10)
    var = before.var(axis=1)
    np.testing.assert_allclose(after.var(axis=1), var / (var + eps), rtol=1e-9, atol=1e-9)


@chosen
@given(x=tensors(), eps=st.sampled_from([1e-5, 1e-2, 1.0]))
def test_every_set_of_rms_norm_gets_mean_square_m_over_m_plus_eps(x, eps):
    before, after = (per_set("rms_norm", x, a) for a in (x, own("rms_norm", x, eps=eps)))
    square = (before**2).mean(axis=1)
    np.testing.assert_allclose((after**2).mean(axis=1), square / (square + eps), atol=1e-9)


@chosen
@given(op=st.sampled_from(CENTERED), x=tensors(), seed=st.integers(0, 99))
def test_grad_input_sums_to_0_over_every_set(op, x, seed):
    dy = np.random.default_rng(seed).standard_normal(x.shape)
    weight = np.random.default_rng(seed + 1).standard_normal(
        x.shape[1:] if op in TRAILING else x.shape[1]
    )
    arguments = shape_arguments(op, x) | {"weight": weight, "eps": 1e-3}
    dx = getattr(normviz, f"{op}_backward")(dy, x, **arguments).grad_input
    np.testing.assert_allclose(per_set(op, x, dx).sum(axis=1), 0.0, atol=1e-9)


@chosen
@given(op=st.sampled_from(OPS), x=tensors(), seed=st.integers(0, 99))
def test_permuting_samples_permutes_the_output(op, x, seed):
    if op == "ghost_batch_norm":
        order = np.concatenate([part[::-1] for part in np.split(np.arange(len(x)), 2)])
    else:
        order = np.random.default_rng(seed).permutation(len(x))
    np.testing.assert_allclose(own(op, x[order]), own(op, x)[order], rtol=0, atol=1e-9)


@chosen
@given(op=st.sampled_from(OPS), x=tensors(), seed=st.integers(0, 99))
def test_permuting_channels_permutes_the_output(op, x, seed):
    channels = np.arange(x.shape[1])
    order = np.random.default_rng(seed).permutation(channels)
    if op == "group_norm":  # within the groups
        order = np.concatenate([part[::-1] for part in np.split(channels, 2)])
    np.testing.assert_allclose(own(op, x[:, order]), own(op, x)[:, order], rtol=0, atol=1e-9)


@chosen
@given(x=tensors(), momentum=st.floats(0, 1))
def test_a_running_buffer_moves_by_momentum_and_to_the_unbiased_variance(x, momentum):
    mean, var = np.full(x.shape[1], 0.5), np.full(x.shape[1], 2.0)
    normviz.batch_norm(x, mean, var, training=True, momentum=momentum)
    axes = (0, *range(2, x.ndim))
    expected = (1 - momentum) * 0.5 + momentum * x.mean(axes)
    np.testing.assert_allclose(mean, expected, rtol=1e-12, atol=1e-12)
    expected = (1 - momentum) * 2.0 + momentum * x.var(axes, ddof=1)
    np.testing.assert_allclose(var, expected, rtol=1e-12, atol=1e-12)
