"""What the batch norms of our own share: one node for torch.fx, checks, and the momentum."""

from typing import Any

from torch import Tensor, fx, nn


def node_of(layer: nn.Module, x: Any) -> Tensor | None:
    """The node that calls ``layer`` on a traced x; None where x is a tensor.

    ``torch.fx.symbolic_trace`` takes layers outside of torch.nn apart, which fails where they ask
    for x's shape, and would keep the mode that they were in.
    """
    if not isinstance(x, fx.Proxy):
        return None
    tracer: Any = x.tracer
    node: Tensor = tracer.create_proxy("call_module", tracer.path_of_module(layer), (x,), {})
    return node


def check_floating(x: Any) -> None:
    """Refuse whole and complex numbers, whose squares are of another kind than a variance.

    Raises:
        TypeError: with the remedy.
    """
    if not x.is_floating_point():
        raise TypeError(
            f"x must be a floating-point tensor, got {x.dtype}: "
            + ("normalize x.real and x.imag" if x.is_complex() else "convert it with x.float()")
        )


def check_channels(x: Any, num_features: int) -> None:
    """Refuse an x of another number of channels, in the numbers that the user gave.

    Raises:
        ValueError: with the shape.
    """
    if x.shape[1] != num_features:
        raise ValueError(f"x must have {num_features} channels, got shape {tuple(x.shape)}")


def next_momentum(layer: Any) -> float:
    """Count a batch, and the momentum of this step; None means a cumulative average."""
    counter = layer.num_batches_tracked
    if counter is not None:
        counter.add_(1)
    if layer.momentum is not None:
        return float(layer.momentum)
    return 0.0 if counter is None else 1.0 / float(counter)
