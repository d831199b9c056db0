import pytest
import torch
from torch import nn

from training.experiments.config import NORMS
from training.experiments.trials import find_trial
from training.model.net import Net
from training.run.one_network import build_model


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_batch_norm_net_has_5760_parameters():
    assert parameters(Net()) == 5760


def test_structure_is_the_published_one():
    convolutions = [m for m in Net().modules() if isinstance(m, nn.Conv2d)]
    shapes = [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in convolutions]
    assert shapes == [(1, 8, 3), (8, 16, 3), (16, 8, 1), (8, 12, 3), (12, 14, 3), (14, 14, 3),
                      (14, 10, 1)]  # fmt: skip
    assert all(c.bias is None for c in convolutions)
    assert list(dict(Net().block1.named_children())) == ["conv", "relu", "norm", "dropout"]


@pytest.mark.parametrize(("where", "count"), [("all", 5), ("last", 1)])
def test_dropout_stands_in_all_blocks_or_in_the_last(where, count):
    net = Net(dropout_value=0.5, dropout_in=where)
    assert len(net.dropout_layers()) == count
    assert hasattr(net.block5, "dropout")


def test_layers_are_made_as_the_words_say():
    net = Net(layers=("conv 4", "pool", "same 6", "squeeze 2", "pool", "squeeze 3"), average=6)
    assert list(dict(net.named_children())) == [
        *("block1", "pool", "block2", "squeeze", "pool2", "squeeze2", "average", "classify")
    ]
    sizes = []
    for layer in net.children():
        layer.register_forward_hook(lambda _layer, _x, y: sizes.append(tuple(y.shape[1:])))
    assert net(torch.randn(2, 1, 28, 28)).shape == (2, 10)
    assert sizes == [
        *((4, 26, 26), (4, 13, 13), (6, 13, 13), (2, 13, 13), (2, 6, 6), (3, 6, 6), (3, 1, 1)),
        (10, 1, 1),
    ]
    assert net.squeeze.bias is None
    assert list(net.norm_layers()) == ["block1.norm", "block2.norm"]


@pytest.mark.parametrize(
    "words", ["conv", "conv 0", "conv -1", "pool 2", "dense 4", "conv 4 4", "conv 10000"]
)
def test_words_that_mean_no_layer_are_refused(words):
    with pytest.raises(ValueError, match=f"layer '{words}' is not one of 'conv C', 'same C'"):
        Net(layers=(words,))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": 3}, "average=3 leaves 2 by 2 values a channel of the 8 by 8 pixels"),
        ({"average": 9}, "average=9 leaves 0 by 0 values"),
        ({"layers": ("conv 8",)}, "average=6 leaves 4 by 4 values a channel of the 26 by 26"),
        ({"layers": ("pool",) * 5}, "'pool' leaves nothing of the image"),
        ({"layers": ()}, "layers must name at least one"),
    ],
)
def test_layers_that_leave_other_than_one_value_a_channel_are_refused(arguments, message):
    """With four values a channel the network would have 40 classes, and train."""
    with pytest.raises(ValueError, match=message):
        Net(**arguments)


@pytest.mark.parametrize("average", [5, 8])
def test_ten_digits_come_out_of_every_side_that_is_let_through(average):
    assert Net(average=average)(torch.randn(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize("name", ["best", "fast"])
def test_our_own_network_sees_the_whole_image(name):
    net = build_model(find_trial(name), seed=0).eval()
    seen = []
    net.average.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    net(x)
    (grad,) = torch.autograd.grad(seen[0][0, :, 2, 2].sum(), x)
    assert grad[0, 0].abs().sum(0).count_nonzero() >= 26


def test_output_is_log_probabilities():
    scores = Net().eval()(torch.randn(5, 1, 28, 28))
    assert scores.shape == (5, 10)
    torch.testing.assert_close(scores.exp().sum(1), torch.ones(5))


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "batch"),
        ({"batch_norm": False, "group_norm": True, "group_norm_groups": 2}, "group"),
        ({"batch_norm": False, "layer_norm": True}, "layer"),
        ({"batch_norm": False, "ghost_norm": True, "num_splits": 4}, "ghost"),
        ({"batch_norm": False}, "none"),
        *[({"norm": norm}, norm) for norm in NORMS],
        ({"norm": "group", "batch_norm": False, "group_norm": True}, "group"),
    ],
)
def test_arguments_mean_what_they_say(arguments, kind):
    net = Net(**arguments)
    assert net.norm == kind
    assert net(torch.randn(8, 1, 28, 28)).shape == (8, 10)


def test_flags_reach_the_layers():
    group = Net(batch_norm=False, group_norm=True, group_norm_groups=2).block1.norm
    layer = Net(batch_norm=False, layer_norm=True).block1.norm
    ghost = Net(batch_norm=False, ghost_norm=True, num_splits=4).block1.norm
    assert (group.num_groups, layer.num_groups, ghost.num_splits) == (2, 1, 4)


def test_zero_dropout_has_no_dropout_layer():
    assert Net(dropout_value=0).dropout_layers() == []
    assert [d.p for d in Net(dropout_value=0.02).dropout_layers()] == [0.02] * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group_norm": True}, "batch_norm=True and group_norm=True contradict"),
        ({"batch_norm": False, "layer_norm": True, "ghost_norm": True},
         "layer_norm=True and ghost_norm=True contradict"),
        ({"norm": "group", "layer_norm": True}, "norm='group' and layer_norm=True contradict"),
        ({"norm": "batch", "batch_norm": False}, "norm='batch' and batch_norm=False contradict"),
        ({"norm": "none", "group_norm": True}, "norm='none' and group_norm=True contradict"),
        ({"norm": "bach"}, "norm='bach' is not one of"),
        ({"backend": "jax"}, "backend='jax' is not one of torch, reference"),
        ({"dropout_value": 1}, "dropout_value=1 must be in"),
        ({"norm": "group", "group_norm_groups": 4}, "group_norm_groups=4 does not divide .* 14"),
        ({"norm": "group", "group_norm_groups": 0}, "group_norm_groups=0"),
        ({"norm": "ghost", "num_splits": 0}, "num_splits=0"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Net(**arguments)
