"""The NumPy code as a torch module, forward and backward under autograd."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from normviz.errors import unknown_name
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.reference.call import backward, complete, forward
from normviz.torch_layers.common import next_momentum, node_of
from normviz.torch_layers.second_derivative import refuse_second_derivative


class _Reference(torch.autograd.Function):
    """One call of a norm in NumPy, and its backward, inside autograd."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Any, bias: Any, norm: Norm, arguments: dict[str, Any]
    ) -> Tensor:
        ctx.norm, ctx.arguments = norm, arguments
        ctx.save_for_backward(x, weight, bias)
        y = forward(norm, _array(x), **_complete(norm, weight, bias, arguments))
        return torch.from_numpy(y).to(x.device)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> Any:
        x, weight, bias = ctx.saved_tensors
        grads = backward(
            ctx.norm,
            np.ascontiguousarray(_array(grad_output)),
            _array(x),
            **_complete(ctx.norm, weight, bias, ctx.arguments),
        )
        found = [None if g is None else torch.from_numpy(g).to(x.device) for g in grads]
        parts = (grad_output, x, weight, bias)
        name = f"the NumPy code of {ctx.norm.name}"
        return *(refuse_second_derivative(name, g, *parts) for g in found), None, None


def reference(x: Tensor, weight: Any, bias: Any, norm: Norm, arguments: dict[str, Any]) -> Tensor:
    """A norm of torch tensors by the NumPy code, forward and backward under autograd."""
    y = _Reference.apply(x, weight, bias, norm, arguments)
    assert isinstance(y, Tensor)
    return y


def check_dtype(x: Tensor) -> None:
    """Refuse a dtype that NumPy does not have.

    Raises:
        TypeError: with the remedy.
    """
    if x.dtype not in (torch.float16, torch.float32, torch.float64):
        raise TypeError(
            f"x must be float16, float32 or float64 for the NumPy reference, got {x.dtype}: "
            "convert the network and x with .float()"
        )


def _array(x: Tensor) -> Any:
    return x.detach().cpu().numpy()


def _complete(norm: Norm, weight: Any, bias: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """All arguments of the call, weight and bias as arrays."""
    given = {"weight": weight, "bias": bias}
    arrays = {name: _array(p) for name, p in given.items() if p is not None}
    return complete(norm, arrays | arguments)


class ReferenceNorm2d(nn.Module):
    """Any normalization of normviz as a torch module that runs the NumPy code under autograd.

    ``op`` is the name of a declared norm (``normviz.NORMS``), with the sizes it needs: num_groups
    for group_norm, num_splits for ghost_batch_norm. weight and bias are one per channel for every
    op, so that norms can be swapped in a network (rms_norm has no bias): layer_norm and rms_norm
    normalize over (C, H, W), as torch.nn.GroupNorm(1, C) does. State_dict keys are those of
    torch's layer of that kind; batch_norm and ghost_batch_norm have running buffers, as
    torch.nn.BatchNorm2d, and are batch norms to ``torch.optim.swa_utils.update_bn``.

    Shapes: x (N, C, H, W), float16, float32 or float64; computed on the CPU, wherever x is.

    Raises:
        ValueError: an unknown op, a num_groups or num_splits that the op needs or cannot use.

    >>> layer = ReferenceNorm2d("group_norm", 4, num_groups=2)
    >>> y = layer(torch.randn(2, 4, 3, 3))
    >>> y.sum().backward(); layer.bias.grad
    tensor([18., 18., 18., 18.])
    """

    num_batches_tracked: Tensor

    def __new__(cls, op: str = "", *arguments: Any, **settings: Any) -> "ReferenceNorm2d":
        """One with running statistics is a batch norm to torch's own tools (update_bn)."""
        tracks = cls is ReferenceNorm2d and op in NORMS and NORMS[op].tracks
        return super().__new__(_TrackingReferenceNorm2d if tracks else cls)

    def __init__(
        self,
        op: str,
        num_features: int,
        num_groups: int | None = None,
        num_splits: int | None = None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        **sizes: Any,
    ) -> None:
        nn.Module.__init__(self)
        if op not in NORMS:
            raise ValueError(unknown_name("op", op, NORMS))
        self.op, self.num_features = op, num_features
        sizes |= {"num_groups": num_groups, "num_splits": num_splits}
        self.norm.check_sizes(sizes)
        self.sizes = {name: value for name, value in sizes.items() if value is not None}
        # What cannot divide the channels or a batch is refused now, not at the first batch.
        smallest = (num_splits or 1, num_features, 1, 1)
        self.norm.on(smallest, self.norm.sizes_for(smallest, self.sizes))
        self.num_groups, self.num_splits = num_groups, num_splits
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, self.norm.tracks
        parameters = {
            "weight": nn.Parameter(torch.ones(num_features)) if affine else None,
            "bias": nn.Parameter(torch.zeros(num_features)) if affine and self.norm.bias else None,
        }
        for name, parameter in parameters.items():
            self.register_parameter(name, parameter)
        if self.track_running_stats:
            self.register_buffer("running_mean", torch.zeros(num_features))
            self.register_buffer("running_var", torch.ones(num_features))
            self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    @property
    def norm(self) -> Norm:
        """The declaration, with a weight and a bias for each channel."""
        return NORMS[self.op].with_parameters_per_channel

    def forward(self, x: Tensor) -> Tensor:
        """Normalize x (N, C, H, W)."""
        node = node_of(self, x)
        if node is not None:
            return node
        if x.dim() != 4 or x.shape[1] != self.num_features:
            raise ValueError(
                f"x must have shape (N, {self.num_features}, H, W), got {tuple(x.shape)}"
            )
        check_dtype(x)
        arguments = self._arguments(x)
        y = reference(x, self.weight, self.bias, self.norm, arguments)
        if self.track_running_stats and self.training:
            # On the CPU these arrays are the buffers' own memory; elsewhere they are copies.
            for name in ("running_mean", "running_var"):
                getattr(self, name).copy_(torch.from_numpy(arguments[name]))
        return y

    def _arguments(self, x: Tensor) -> dict[str, Any]:
        arguments = {"eps": self.eps, **self.norm.sizes_for(tuple(x.shape), self.sizes)}
        if self.track_running_stats:
            momentum = next_momentum(self) if self.training else 0.0
            for name in ("running_mean", "running_var"):
                # Training writes into the buffers themselves; what evaluation has read must not
                # change before its backward pass.
                buffer = _array(getattr(self, name))
                arguments[name] = buffer if self.training else buffer.copy()
            arguments |= {self.norm.flag: self.training, "momentum": momentum}
        return arguments

    def extra_repr(self) -> str:
        """The op and its settings."""
        extras = [f"{name}={value}" for name, value in self.sizes.items()]
        return ", ".join([self.op, str(self.num_features), *extras, f"eps={self.eps}"])


class _TrackingReferenceNorm2d(ReferenceNorm2d, nn.modules.batchnorm._BatchNorm):  # type: ignore[misc]
    """With running statistics that torch's tools find, reset and fill anew."""

    __doc__ = ReferenceNorm2d.__doc__

    def _get_name(self) -> str:
        return ReferenceNorm2d.__name__
