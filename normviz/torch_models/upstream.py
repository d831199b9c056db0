"""The gradient that reaches a layer's output: given, that of a loss, or drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from normviz.reference.call import GIVEN, RANDOM, drawn_gradient
from normviz.reference.checks import check_plain_array
from normviz.torch_models.identify.inputs import converted
from normviz.torch_models.model_call import tensors_in

Loss = str | Callable[[Any], torch.Tensor] | None


@dataclass(frozen=True)
class Upstream:
    """Where dy comes from: given for the layer's output or the model's, of a loss, or at random."""

    of_layer: Any
    of_model: Any
    loss: Loss

    def __post_init__(self) -> None:
        names = ("grad_output", "model_grad_output", "loss")
        values = (self.of_layer, self.of_model, self.loss)
        given = [name for name, value in zip(names, values, strict=True) if value is not None]
        if len(given) > 1:
            raise ValueError(f"{given[0]} must be None where {given[1]} is given")

    def at(self, call: dict[str, Any], result: Any, name: str) -> tuple[Any, str]:
        """dy of a call of the layer, and a sentence on where it comes from."""
        if self.loss is not None:
            _loss_of(result, self.loss).backward()
            return _reached(call, name), "what reaches the layer from the loss that was given"
        outputs = [tuple(t.shape) for t in tensors_in(result)]
        if self.of_model is not None:
            shape = _shape_of(self.of_model)
            for output in tensors_in(result):
                if tuple(output.shape) == shape and output.requires_grad:
                    output.backward(gradient_like(self.of_model, output, "model_grad_output"))
                    said = "what reaches the layer from the gradient given for the model's output"
                    return _reached(call, name), said
            raise ValueError(
                "model_grad_output must have the shape of an output of the model, "
                f"{' or '.join(map(str, outputs))}, got {shape}"
            )
        if self.of_layer is None:
            return None, RANDOM
        shape, wanted = _shape_of(self.of_layer), tuple(call["output"].shape)
        if shape != wanted:
            hint = ": that is model_grad_output" if shape in outputs else ""
            raise ValueError(
                f"grad_output must have the shape of the layer's output, {wanted}, got "
                f"{shape}{hint}"
            )
        return self.of_layer, GIVEN


def _shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else tuple(np.shape(value))


def _loss_of(result: Any, loss: Any) -> torch.Tensor:
    if callable(loss):
        try:
            value = loss(result)
        except Exception as error:
            said = " ".join(str(error).split())
            raise ValueError(
                f"loss must be a function of the model's output, a {type(result).__name__}; it "
                f"raised {type(error).__name__}: {said}"
            ) from error
    elif loss == "sum":
        outputs = [t for t in tensors_in(result) if t.requires_grad]
        if not outputs:
            raise ValueError("loss must reach the layer; the model's output has no gradient")
        value = outputs[0].sum()
    else:
        raise ValueError(f'loss must be a function of the model\'s output or "sum", got {loss!r}')
    if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
        raise ValueError(
            "loss must give one number that depends on the model's parameters, got "
            f"{type(value).__name__}"
            + (f" of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else "")
        )
    return value.reshape(())


def _reached(call: dict[str, Any], name: str) -> torch.Tensor:
    if call["dy"] is None:
        raise ValueError(
            f"the gradient must reach the layer {name!r}; none of it did (it runs under no_grad, "
            "is frozen with all before it, or the loss does not depend on it): without a loss dy "
            "is drawn at random"
        )
    found: torch.Tensor = call["dy"]
    return found


def gradient_like(given: Any, like: torch.Tensor, name: str) -> torch.Tensor:
    """dy as a tensor like an output; random where none is given."""
    shape = tuple(like.shape)
    if given is None:
        return torch.from_numpy(drawn_gradient(shape)).to(like.device, like.dtype)
    check_plain_array(name, given)
    tensor = given if isinstance(given, torch.Tensor) else torch.from_numpy(np.array(given))
    if tuple(tensor.shape) != shape:
        raise ValueError(
            f"{name} must have the shape of the layer's output, {shape}, got {tuple(tensor.shape)}"
        )
    return converted(name, tensor.detach(), like.dtype, like.device)
