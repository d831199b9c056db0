"""GhostBatchNorm2d against torch's own BatchNorm2d of each split."""

import copy
import inspect

import pytest
import torch
from torch import nn

import normviz
from normviz.torch_layers import GhostBatchNorm2d

SHAPE = (12, 3, 5, 4)


def randomized(layer, seed=0):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in [*layer.parameters(), *layer.buffers()]:
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return layer.double()


def batch(seed=0, shape=SHAPE):
    generator = torch.Generator().manual_seed(seed)
    return (2.0 * torch.randn(shape, generator=generator) + 1.0).double()


def by_chunks(layer, x, splits):
    """BatchNorm2d of each chunk from the same buffers, which move to the mean of the results."""
    copies = [copy.deepcopy(layer) for _ in range(splits)]
    y = torch.cat([part(c) for part, c in zip(copies, x.chunk(splits), strict=True)])
    if layer.running_mean is not None:
        for name in ("running_mean", "running_var"):
            moved = torch.stack([getattr(part, name) for part in copies]).mean(0)
            getattr(layer, name).copy_(moved)
        layer.num_batches_tracked += 1
    gradients = [[p.grad for p in part.parameters()] for part in copies]
    return y, copies, gradients


@pytest.mark.parametrize(
    "settings", [{}, {"affine": False}, {"track_running_stats": False}], ids=str
)
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
@pytest.mark.parametrize("splits", [1, 2, 3, 6, 12])
def test_training_is_batch_norm_of_every_chunk(splits, momentum, settings):
    settings = settings | {"momentum": momentum}
    ghost = randomized(GhostBatchNorm2d(3, splits, **settings))
    plain = randomized(nn.BatchNorm2d(3, **settings))
    for step in range(3):
        x, upstream = batch(step).requires_grad_(), batch(step + 10)
        expected_x = x.detach().clone().requires_grad_()
        y = ghost(x)
        expected, copies, _ = by_chunks(plain, expected_x, splits)
        y.backward(upstream)
        expected.backward(upstream)
        torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(x.grad, expected_x.grad, rtol=0, atol=1e-12)
        for name, parameter in ghost.named_parameters():
            total = sum(getattr(part, name).grad for part in copies)
            torch.testing.assert_close(parameter.grad, total, rtol=1e-12, atol=1e-12)
            parameter.grad = None
        for name, buffer in ghost.named_buffers():
            torch.testing.assert_close(buffer, getattr(plain, name), rtol=1e-12, atol=1e-12)


def test_evaluation_ignores_splits():
    ghost = randomized(GhostBatchNorm2d(3, 4)).eval()
    plain = randomized(nn.BatchNorm2d(3)).eval()
    x = batch(shape=(5, 3, 2, 2))
    assert torch.equal(ghost(x), plain(x))
    assert ghost.num_batches_tracked == 0


def test_untracked_evaluation_is_batch_norm_and_ignores_the_splits():
    ghost = GhostBatchNorm2d(3, 4, track_running_stats=False).double().eval()
    plain = nn.BatchNorm2d(3, track_running_stats=False).double().eval()
    x = batch()
    torch.testing.assert_close(ghost(x), plain(x), rtol=0, atol=0)
    assert ghost(x[:5]).shape == x[:5].shape
    assert normviz.verify(ghost, x)


@pytest.mark.parametrize(
    "settings", [{}, {"affine": False}, {"track_running_stats": False}], ids=str
)
def test_state_dict_moves_to_and_from_batch_norm(settings):
    ghost = GhostBatchNorm2d(3, 4, **settings)
    plain = nn.BatchNorm2d(3, **settings)
    assert list(ghost.state_dict()) == list(plain.state_dict())
    ghost.load_state_dict(randomized(plain).state_dict())
    for key, value in randomized(nn.BatchNorm2d(3, **settings), 5).state_dict().items():
        assert value.shape == ghost.state_dict()[key].shape
    plain.load_state_dict(ghost.state_dict())


def test_is_a_batch_norm_for_code_that_looks_for_one():
    assert isinstance(GhostBatchNorm2d(3, 2), nn.BatchNorm2d)


@pytest.mark.parametrize("splits", [1, 2, 4])
def test_channels_last_in_and_out(splits):
    ghost = randomized(GhostBatchNorm2d(3, splits))
    x = batch().contiguous(memory_format=torch.channels_last).requires_grad_()
    y = ghost(x)
    assert y.is_contiguous(memory_format=torch.channels_last)
    contiguous = batch().requires_grad_()
    other = randomized(GhostBatchNorm2d(3, splits))(contiguous)
    assert other.is_contiguous()
    torch.testing.assert_close(y, other)
    y.backward(batch(1))
    other.backward(batch(1))
    torch.testing.assert_close(x.grad, contiguous.grad)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("training", [True, False])
def test_under_torch_compile(backend, training):
    torch._dynamo.reset()
    ghost = randomized(GhostBatchNorm2d(3, 4)).train(training)
    twin = copy.deepcopy(ghost)
    compiled = torch.compile(twin, backend=backend, fullgraph=True)
    for step in range(2):
        x, expected_x = batch(step).requires_grad_(), batch(step).requires_grad_()
        y, expected = compiled(x), ghost(expected_x)
        torch.testing.assert_close(y, expected)
        y.backward(batch(9))
        expected.backward(batch(9))
        torch.testing.assert_close(x.grad, expected_x.grad)
    for name, buffer in ghost.named_buffers():
        torch.testing.assert_close(dict(twin.named_buffers())[name], buffer)


@pytest.mark.parametrize("affine", [True, False])
def test_gradcheck(affine):
    ghost = randomized(GhostBatchNorm2d(2, 2, affine=affine, track_running_stats=False))
    x = batch(shape=(4, 2, 2, 2)).requires_grad_()
    assert torch.autograd.gradcheck(ghost, (x,))


def test_deepcopy_is_independent():
    ghost = randomized(GhostBatchNorm2d(3, 4))
    other = copy.deepcopy(ghost)
    other(batch())
    assert other.num_splits == 4
    assert not torch.equal(other.running_mean, ghost.running_mean)


def test_the_work_does_not_grow_a_loop_over_splits():
    """As many torch operations for 12 splits as for 2, forward and backward."""

    def operations(splits):
        ghost = randomized(GhostBatchNorm2d(3, splits))
        x = batch().requires_grad_()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            ghost(x).backward(batch(1))
        return sum(e.count for e in profile.key_averages() if e.key == "aten::native_batch_norm")

    source = inspect.getsource(GhostBatchNorm2d.forward)
    assert "chunk" not in source
    assert operations(12) == operations(2) == 1


def test_empty_batch_as_batch_norm():
    ghost, plain = GhostBatchNorm2d(3, 4), nn.BatchNorm2d(3)
    x = torch.zeros(0, 3, 5, 4)
    assert ghost(x).shape == plain(x).shape
    for name, buffer in plain.named_buffers():
        assert torch.equal(getattr(ghost, name), buffer), name


@pytest.mark.parametrize("shape", [(3, 3, 2, 2), (5, 3, 2, 2)], ids=str)
def test_batch_that_splits_do_not_divide_is_refused(shape):
    ghost = GhostBatchNorm2d(3, 2)
    with pytest.raises(ValueError, match=rf"num_splits.*{shape[0]} samples.*num_splits=2"):
        ghost(torch.ones(shape))
    assert ghost.num_batches_tracked == 0


def test_one_value_per_split_is_refused():
    with pytest.raises(ValueError, match="more than 1 value"):
        GhostBatchNorm2d(3, 4)(torch.ones(4, 3, 1, 1))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (4, 3, 2, 2, 2)], ids=str)
def test_other_ranks_are_refused(shape):
    with pytest.raises(ValueError, match="expected 4D"):
        GhostBatchNorm2d(3, 2)(torch.ones(shape))


@pytest.mark.parametrize(
    ("splits", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)]
)
def test_num_splits_is_checked(splits, error):
    with pytest.raises(error, match=f"num_splits.*{splits}"):
        GhostBatchNorm2d(3, splits)


def test_extra_repr_names_the_splits():
    assert "num_splits=4" in repr(GhostBatchNorm2d(3, 4))
    assert "eps=1e-05" in repr(GhostBatchNorm2d(3, 4))


def test_device_and_dtype_arguments():
    ghost = GhostBatchNorm2d(3, 2, device="cpu", dtype=torch.float64)
    assert {v.dtype for v in ghost.parameters()} == {torch.float64}


def test_nan_stays_in_its_split():
    x = batch()
    x[0, 0, 0, 0] = float("nan")
    y = GhostBatchNorm2d(3, 4).double()(x)
    assert torch.isnan(y[:3, 0]).all()
    assert not torch.isnan(y[3:]).any()
    assert not torch.isnan(y[:, 1:]).any()
