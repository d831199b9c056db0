import pytest
import torch
from torch import nn

from training.model.loss import accumulated_factors, l1_penalty, l1_penalty_accumulated
from training.model.net import Net


def published_loop(model, strength):
    """The loop of the course project, line by line."""
    loss, running = 0, 0
    for parameter in model.parameters():
        running = running + parameter.abs().sum()
        loss = loss + strength * running
    return loss


@pytest.fixture
def net():
    torch.manual_seed(1)
    return Net().double()


def test_correct_l1_counts_every_parameter_once(net):
    expected = 0.01 * sum(p.detach().abs().sum() for p in net.parameters())
    torch.testing.assert_close(l1_penalty(net.parameters(), 0.01).detach(), expected)


def test_accumulated_l1_is_the_published_loop(net):
    torch.testing.assert_close(
        l1_penalty_accumulated(net.parameters(), 0.01), published_loop(net, 0.01)
    )


def test_factor_by_which_the_penalties_differ_on_this_net(net):
    """17 tensors: the first convolution is penalized 17 times, the last one once."""
    factors = accumulated_factors(net)
    assert list(factors.values()) == list(range(17, 0, -1))
    correct = torch.autograd.grad(l1_penalty(net.parameters(), 1.0), list(net.parameters()))
    published = torch.autograd.grad(
        l1_penalty_accumulated(net.parameters(), 1.0), list(net.parameters())
    )
    for (name, factor), once, often in zip(factors.items(), correct, published, strict=True):
        torch.testing.assert_close(often, factor * once, msg=name)


def test_no_parameters_no_penalty():
    empty = list(nn.ReLU().parameters())
    assert l1_penalty(empty, 1.0) == l1_penalty_accumulated(empty, 1.0) == 0
