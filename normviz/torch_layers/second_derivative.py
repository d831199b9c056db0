"""Gradients of our own that say so when they are differentiated again, instead of being zero."""

from typing import Any

import torch
from torch import Tensor


class _Refusing(torch.autograd.Function):
    """A gradient that hangs on what it was made of, and refuses to go back there."""

    @staticmethod
    def forward(ctx: Any, name: str, gradient: Tensor, *made_of: Any) -> Tensor:
        ctx.name = name
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        raise RuntimeError(
            f"{ctx.name} has no second derivative: use the torch layer of that kind where "
            "gradients are differentiated again (create_graph=True)"
        )


def refuse_second_derivative(name: str, gradient: Tensor | None, *made_of: Any) -> Tensor | None:
    """``gradient``, which raises a RuntimeError where it is differentiated again.

    torch's own ``once_differentiable`` raises only when the incoming gradient asks for its
    gradient; for ``y.sum()`` it does not, and a second derivative would silently be zero.
    """
    if gradient is None or not torch.is_grad_enabled():
        return gradient
    refusing = _Refusing.apply(name, gradient, *made_of)
    assert isinstance(refusing, Tensor)
    return refusing
