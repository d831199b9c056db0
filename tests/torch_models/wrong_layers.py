"""Layers that get one thing wrong, everywhere or in a small part beside large numbers."""

import torch
import torch.nn.functional as F
from torch import nn

from normviz.torch_layers import GhostBatchNorm2d


class WrongEps(nn.BatchNorm2d):
    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, True, 0.1, 1e-3
        )


class BiasedRunningVar(nn.BatchNorm2d):
    def forward(self, x):
        y = super().forward(x)
        n = x.numel() // x.shape[1]
        if self.training:
            new = x.detach().var((0, 2, 3), correction=0)
            old = (self.running_var - 0.1 * new * n / (n - 1)) / 0.9
            self.running_var.data.copy_(0.9 * old + 0.1 * new)
        return y


class WrongAxis(nn.LayerNorm):
    def forward(self, x):
        y = F.layer_norm(x, self.normalized_shape[-1:], None, None, self.eps)
        return y * self.weight + self.bias


class NoBiasGradient(nn.GroupNorm):
    def forward(self, x):
        return F.group_norm(x, self.num_groups, self.weight, self.bias.detach(), self.eps)


class ScaledWeightGradient(nn.GroupNorm):
    def forward(self, x):
        half = 0.5 * self.weight + 0.5 * self.weight.detach()
        return F.group_norm(x, self.num_groups, half, self.bias, self.eps)


class StraightThrough(nn.BatchNorm2d):
    """Right forward, but the statistics are taken for constants in the backward pass."""

    def forward(self, x):
        right = super().forward(x)
        var, mean = torch.var_mean(x.detach(), (0, 2, 3), correction=0, keepdim=True)
        constant = (x - mean) / torch.sqrt(var + self.eps)
        constant = constant * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
        return constant + (right - constant).detach()


class StaleBuffers(nn.BatchNorm2d):
    def forward(self, x):
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)


class KerasMomentum(nn.BatchNorm2d):
    def forward(self, x):
        self.momentum = 1.0 - self.momentum
        y = super().forward(x)
        self.momentum = 1.0 - self.momentum
        return y


class OneSplit(GhostBatchNorm2d):
    def forward(self, x):
        return nn.BatchNorm2d.forward(self, x)


class Nan(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x) * float("nan")


class WrongShape(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x)[:1]


class Detached(nn.GroupNorm):
    def forward(self, x):
        return super().forward(x).detach()


WRONG = {
    "eps": (lambda: WrongEps(6), {"output"}),
    "biased running variance": (lambda: BiasedRunningVar(6), {"running_var"}),
    "axis": (lambda: WrongAxis((5, 3)), {"output", "grad_input"}),
    "no bias gradient": (lambda: NoBiasGradient(2, 6), {"grad_bias"}),
    "half the weight gradient": (lambda: ScaledWeightGradient(2, 6), {"grad_weight"}),
    "constant statistics": (lambda: StraightThrough(6), {"grad_input"}),
    "stale buffers": (lambda: StaleBuffers(6), {"running_mean", "running_var"}),
    "momentum of the old value": (lambda: KerasMomentum(6), {"running_mean", "running_var"}),
    "no splits": (lambda: OneSplit(6, 2), {"output", "grad_input"}),
    "NaN": (lambda: Nan(6), {"output"}),
    "shape": (lambda: WrongShape(2, 6), {"output"}),
    "no gradient": (lambda: Detached(2, 6), {"grad_input", "grad_weight", "grad_bias"}),
}


class HalfTooHigh(nn.BatchNorm2d):
    """In channel 1, beside which another is a million times larger."""

    def forward(self, x):
        return super().forward(x) + torch.tensor([0.0, 0.5], dtype=x.dtype).view(2, 1, 1)


class ConstantInOne(StraightThrough):
    """The statistics are taken for constants in channel 1 alone."""

    def forward(self, x):
        right, wrong = nn.BatchNorm2d.forward(self, x), super().forward(x)
        return torch.cat((right[:, :1], wrong[:, 1:]), dim=1)


class HalfTooHighInOne(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x) + torch.tensor([0.0, 0.5, 0.0, 0.0], dtype=x.dtype)


class BuffersOfOne(nn.BatchNorm2d):
    """The running statistics of channel 1 are a tenth too large."""

    def forward(self, x):
        y = super().forward(x)
        for buffer in (self.running_mean, self.running_var):
            buffer.data[1] *= 1.1
        return y


BESIDE_LARGE = {
    "output": (HalfTooHigh, (4, 2, 5, 5), [1e6, 1.0], [1.0, 1.0], {"output"}),
    "gradient": (ConstantInOne, (4, 2, 5, 5), [1.0, 1.0], [1e-3, 1e4], {"grad_input"}),
    "an element's": (HalfTooHighInOne, (8, 4), [1e6, 1.0, 1.0, 1.0], [1.0] * 4, {"output"}),
    "buffers": (
        BuffersOfOne,
        (4, 2, 5, 5),
        [1.0, 1.0],
        [1e6, 1.0],
        {"running_mean", "running_var"},
    ),
}
