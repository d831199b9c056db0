"""Layers that are no normalization, though many come near one: each by what is wrong with it."""

import torch
import torch.nn.functional as F
from torch import nn


class Written(nn.Module):
    """A module of one line: what it does to x, its weight of eight ones and its bias."""

    def __init__(self, does, channels=8):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 2.0, channels))
        self.bias = nn.Parameter(torch.linspace(-1.0, 1.0, channels))
        self.does = does

    def forward(self, x):
        return self.does(self, x)


def ln(module, x):
    return F.layer_norm(x, (8,), module.weight, module.bias)


def rms(x, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


def hat(x, detach_mean=False, detach_var=False):
    mean = x.mean(-1, keepdim=True)
    var = x.var(-1, correction=0, keepdim=True)
    mean = mean.detach() if detach_mean else mean
    var = var.detach() if detach_var else var
    return (x - mean) / torch.sqrt(var + 1e-5)


class Running(nn.Module):
    """Its own moving mean, kept as an attribute, enters the output."""

    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(8)

    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.detach().mean((0, 1)).to(self.mean)
        return hat(x) + self.mean.to(x.dtype)


class Renorm(nn.BatchNorm1d):
    """Training with the running statistics that this very batch moved."""

    def forward(self, x):
        super().forward(x)
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)


def grouped_softmax(_, x):
    return x.unflatten(-1, (2, 4)).softmax(-1).flatten(-2)


def causal(_, x):
    counts = torch.arange(1, x.shape[1] + 1, dtype=x.dtype).view(1, -1, 1)
    return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True).cumsum(1) / counts + 1e-5)


def shuffled(_, x):
    order = torch.tensor([0, 3, 1, 5, 2, 7, 4, 6])
    return hat(x[..., order].unflatten(-1, (2, 4))).flatten(-2)[..., order.argsort()]


def half_only(_, x):
    return torch.cat([hat(x[..., :4]), x[..., 4:]], -1)


NOT_NORMS = {
    "identity": nn.Identity(),
    "linear": nn.Linear(8, 8),
    "relu": nn.ReLU(),
    "gelu": nn.GELU(),
    "tanh": nn.Tanh(),
    "softmax": nn.Softmax(-1),
    "log_softmax": nn.LogSoftmax(-1),
    "grouped softmax": Written(grouped_softmax),
    "dropout": nn.Dropout(),
    "layer scale": Written(lambda m, x: m.weight * x),
    "scale and shift": Written(lambda m, x: m.weight * x + m.bias),
    "dynamic tanh": Written(lambda m, x: m.weight * torch.tanh(0.5 * x) + m.bias),
    "convolution": Written(lambda m, x: F.conv1d(x, torch.eye(4).to(x)[..., None])),
    "norm then relu": Written(lambda m, x: F.relu(ln(m, x))),
    "norm then silu": Written(lambda m, x: F.silu(ln(m, x))),
    "norm then gelu": Written(lambda m, x: F.gelu(ln(m, x))),
    "norm then leaky relu": Written(lambda m, x: F.leaky_relu(ln(m, x))),
    "norm then tanh": Written(lambda m, x: torch.tanh(ln(m, x))),
    "norm then clip": Written(lambda m, x: ln(m, x).clamp(-1.5, 1.5)),
    "norm then clip far out": Written(lambda m, x: hat(x).clamp(-2.6, 2.6)),
    "residual": Written(lambda m, x: x + ln(m, x)),
    "faint residual": Written(lambda m, x: ln(m, x) + 1e-4 * x),
    "norm times x": Written(lambda m, x: ln(m, x) * x),
    "norm squared": Written(lambda m, x: hat(x).square()),
    "mean only": Written(lambda m, x: x - x.mean(-1, keepdim=True)),
    "scale only, mean kept": Written(lambda m, x: x / torch.sqrt(x.var(-1, keepdim=True) + 1e-5)),
    "mean absolute": Written(lambda m, x: x / (x.abs().mean(-1, keepdim=True) + 1e-5)),
    "largest": Written(lambda m, x: x / x.abs().amax(-1, keepdim=True)),
    "median": Written(lambda m, x: (x - x.median(-1, keepdim=True)[0]) / (x.std(-1, keepdim=True))),
    "sum to one": Written(lambda m, x: x / x.sum(-1, keepdim=True)),
    "detached mean": Written(lambda m, x: hat(x, detach_mean=True)),
    "detached variance": Written(lambda m, x: hat(x, detach_var=True)),
    "no gradient": Written(lambda m, x: hat(x.detach())),
    "straight through": Written(lambda m, x: x + (hat(x) - x).detach()),
    "causal": Written(causal),
    "shuffled groups": Written(shuffled),
    "half only": Written(half_only),
    "local response": Written(
        lambda m, x: F.local_response_norm(x.transpose(1, 2), 3).transpose(1, 2)
    ),
    "two norms mixed": Written(lambda m, x: 0.5 * hat(x) + 0.5 * rms(x)),
    "cube": Written(lambda m, x: rms(x) + 1e-3 * rms(x) ** 3),
    "noise": Written(lambda m, x: rms(x) + 1e-3 * torch.randn_like(x)),
    "counting": Running(),
    "another shape": Written(lambda m, x: rms(x)[:1]),
    "a tuple": Written(lambda m, x: (rms(x), x)),
    "batch renorm": Renorm(4),
    "response norm": Written(
        lambda m, x: (
            x
            + m.weight
            * x
            * x.norm(dim=1, keepdim=True)
            / x.norm(dim=1, keepdim=True).mean(-1, keepdim=True)
        )
    ),
}
"""On x of shape (3, 4, 8) each is one of these; the names say what is wrong."""
