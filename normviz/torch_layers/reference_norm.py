"""The NumPy code as a torch module, forward and backward under autograd."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from normviz.errors import unknown_name
from normviz.norms.sets import OPS, statistics_sets
from normviz.reference import functional
from normviz.reference.per_channel import gather, spread


class _Reference(torch.autograd.Function):
    """One call of a function of normviz.reference.functional, and its backward, inside autograd."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Any, bias: Any, op: str, arguments: Any) -> Tensor:
        ctx.op, ctx.arguments = op, arguments
        ctx.save_for_backward(x, weight, bias)
        y = getattr(functional, op)(_array(x), **_parameters(op, x, weight, bias), **arguments)
        return torch.from_numpy(y).to(x.device)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        x, weight, bias = ctx.saved_tensors
        grads = getattr(functional, f"{ctx.op}_backward")(
            np.ascontiguousarray(_array(grad_output)),
            _array(x),
            **_parameters(ctx.op, x, weight, bias),
            **ctx.arguments,
        )
        found = [
            None if gradient is None else torch.from_numpy(gather(gradient)).to(x.device)
            for gradient in (grads.grad_weight, grads.grad_bias)
        ]
        return torch.from_numpy(grads.grad_input).to(x.device), *found, None, None


def _array(x: Tensor) -> Any:
    return x.detach().cpu().numpy()


def _parameters(op: str, x: Tensor, weight: Any, bias: Any) -> dict[str, Any]:
    """weight and bias as the op wants them: layer_norm and rms_norm have one per element."""
    given = {"weight": weight, "bias": bias}
    if op == "rms_norm":
        del given["bias"]
    arrays = {name: _array(p) for name, p in given.items() if p is not None}
    if op in ("layer_norm", "rms_norm"):
        return {name: spread(array, tuple(x.shape[1:])) for name, array in arrays.items()}
    return arrays


class ReferenceNorm2d(nn.Module):
    """Any normalization of normviz as a torch module that runs the NumPy code under autograd.

    ``op`` is a function's name: batch_norm, layer_norm, group_norm (needs num_groups),
    instance_norm, ghost_batch_norm (needs num_splits) or rms_norm. weight and bias are one per
    channel for every op, so that norms can be swapped in a network (rms_norm has no bias):
    layer_norm and rms_norm normalize over (C, H, W), as torch.nn.GroupNorm(1, C) does. State_dict
    keys are those of torch's layer of that kind; batch_norm and ghost_batch_norm have running
    buffers, as torch.nn.BatchNorm2d.

    Shapes: x (N, C, H, W), float16, float32 or float64; computed on the CPU, wherever x is.

    Raises:
        ValueError: an unknown op, a num_groups or num_splits that the op needs or cannot use.

    >>> layer = ReferenceNorm2d("group_norm", 4, num_groups=2)
    >>> y = layer(torch.randn(2, 4, 3, 3))
    >>> y.sum().backward(); layer.bias.grad
    tensor([18., 18., 18., 18.])
    """

    num_batches_tracked: Tensor

    def __init__(
        self,
        op: str,
        num_features: int,
        num_groups: int | None = None,
        num_splits: int | None = None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
    ) -> None:
        super().__init__()
        if op not in OPS:
            raise ValueError(unknown_name("op", op, OPS))
        for name, value in {"num_groups": num_groups, "num_splits": num_splits}.items():
            if (name in OPS[op].arguments) != (value is not None):
                wanted = "be given" if value is None else "be None"
                raise ValueError(f"{name} must {wanted} for {op}, got {value}")
        # What cannot divide the channels or a batch is refused now, not at the first batch.
        smallest = (num_splits or 1, num_features, 1, 1)
        statistics_sets(
            op,
            smallest,
            num_groups=num_groups,
            num_splits=num_splits,
            normalized_shape=smallest[1:],
        )
        self.op, self.num_features = op, num_features
        self.num_groups, self.num_splits = num_groups, num_splits
        self.eps, self.momentum = eps, momentum
        self.track_running_stats = op in ("batch_norm", "ghost_batch_norm")
        parameters = {
            "weight": nn.Parameter(torch.ones(num_features)) if affine else None,
            "bias": nn.Parameter(torch.zeros(num_features)) if affine else None,
        }
        if op == "rms_norm":
            parameters["bias"] = None
        for name, parameter in parameters.items():
            self.register_parameter(name, parameter)
        if self.track_running_stats:
            self.register_buffer("running_mean", torch.zeros(num_features))
            self.register_buffer("running_var", torch.ones(num_features))
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"x must have shape (N, {self.num_features}, H, W), got {tuple(x.shape)}"
            )
        if x.dtype not in (torch.float16, torch.float32, torch.float64):
            raise TypeError(
                f"x must be float16, float32 or float64 for the NumPy reference, got {x.dtype}: "
                "convert the network and x with .float()"
            )
        arguments = self._arguments(x)
        y = _Reference.apply(x, self.weight, self.bias, self.op, arguments)
        assert isinstance(y, Tensor)
        if self.track_running_stats and self.training:
            # On the CPU these arrays are the buffers' own memory; elsewhere they are copies.
            for name in ("running_mean", "running_var"):
                getattr(self, name).copy_(torch.from_numpy(arguments[name]))
        return y

    def _arguments(self, x: Tensor) -> dict[str, Any]:
        arguments: dict[str, Any] = {"eps": self.eps}
        if self.op in ("layer_norm", "rms_norm"):
            arguments["normalized_shape"] = tuple(x.shape[1:])
        for name in ("num_groups", "num_splits"):
            if getattr(self, name) is not None:
                arguments[name] = getattr(self, name)
        if self.track_running_stats:
            momentum = self.momentum
            if self.training:
                self.num_batches_tracked += 1
                if momentum is None:
                    momentum = 1.0 / float(self.num_batches_tracked)
            for name in ("running_mean", "running_var"):
                # Training writes into the buffers themselves; what evaluation has read must not
                # change before its backward pass.
                buffer = _array(getattr(self, name))
                arguments[name] = buffer if self.training else buffer.copy()
            arguments |= {"training": self.training, "momentum": momentum or 0.0}
        return arguments

    def extra_repr(self) -> str:
        """The op and its settings."""
        extras = [f"{n}={v}" for n in ("num_groups", "num_splits") if (v := getattr(self, n))]
        return ", ".join([self.op, str(self.num_features), *extras, f"eps={self.eps}"])
