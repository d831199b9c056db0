import pytest
import torch

from training.model.dropout import SparseDropout, dropped_positions


def generator():
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
def test_dropped_share_and_its_spread_are_those_of_independent_coins(p):
    """The number dropped of n is binomial: mean n p, variance n p (1 - p)."""
    n, rounds = 2000, 400
    draws = generator()
    counts = torch.tensor(
        [float(len(dropped_positions(n, p, draws).unique())) for _ in range(rounds)]
    )
    variance = n * p * (1 - p)
    assert abs(counts.mean() - n * p) < 4 * (variance / rounds) ** 0.5
    assert 0.75 < counts.var() / variance < 1.25


def test_every_position_is_dropped_as_often():
    n, rounds, p = 50, 4000, 0.2
    draws = generator()
    hits = torch.zeros(n)
    for _ in range(rounds):
        hits[dropped_positions(n, p, draws).unique()] += 1
    spread = (rounds * p * (1 - p)) ** 0.5
    assert ((hits - rounds * p).abs() < 5 * spread).all()


def test_kept_elements_are_scaled_and_gradients_follow():
    layer = SparseDropout(0.2)
    layer.generator = generator()
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    y = layer(x)
    kept = y != 0
    torch.testing.assert_close(y[kept], x[kept] / 0.8)
    gradient = torch.randn_like(x)
    y.backward(gradient)
    torch.testing.assert_close(x.grad, gradient * kept / 0.8)


def test_channels_last_and_a_gradient_of_another_layout_drop_the_same_elements():
    layer = SparseDropout(0.3)
    layer.generator = generator()
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.backward(torch.ones(2, 3, 4, 4))
    torch.testing.assert_close(x.grad, (y != 0) / 0.7)


def test_input_is_left_alone():
    x = torch.ones(1000)
    SparseDropout(0.5)(x)
    assert (x == 1).all()


def test_identity_in_evaluation_and_at_zero():
    x = torch.randn(10)
    assert SparseDropout(0.5).eval()(x) is x
    assert SparseDropout(0.0)(x) is x
    for layer in (SparseDropout(0.5).eval(), SparseDropout(0.0)):
        positions, factor = layer.draw(1000)
        assert len(positions) == 0
        assert factor == 1.0


def test_same_generator_state_same_mask():
    first, second = SparseDropout(0.3), SparseDropout(0.3)
    first.generator, second.generator = generator(), generator()
    x = torch.ones(500)
    assert torch.equal(first(x), second(x))


def test_bad_probability_is_refused():
    with pytest.raises(ValueError, match=r"p=1\.0 must be in"):
        SparseDropout(1.0)
