"""What one normalization layer sees: its input, and the gradient that reaches its output.

A copy of the model runs once with hooks on the layer; the model itself, its buffers, gradients,
hooks and random generators stay as they were. The layer's own y and dx come from a second copy,
alone on what it saw, so that it does not matter whether the model ran it under no_grad, in a
checkpoint, or changed its output in place afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from normviz.reference.call import GIVEN, RANDOM
from normviz.torch_models.identify.inputs import (
    check_has_numbers,
    check_plain,
    checked_layer,
    tensor_for,
)
from normviz.torch_models.identify.isolate import copied, silent, undisturbed
from normviz.torch_models.identify.probe import gradients_of
from normviz.torch_models.model_call import ModelCall, find_layer, plain_model, tensors_in
from normviz.torch_models.upstream import Loss, Upstream, gradient_like

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Capture:
    """One pass through a layer: the layer as it was before, and its own numbers.

    ``layer`` is a copy to be called on ``tensor`` alone; x (the same), output and both gradients
    are arrays, those of bfloat16 in float32; ``dtype`` is what x was in the layer, and
    ``output_dtype`` the shorter of x's and y's, to which y is exact; ``axes`` what x's axes are
    called, where what the model was given tells; ``grad_parameters`` what reaches the layer's own
    parameters, by their names, None of one that y does not depend on: frozen ones are not there.
    """

    layer: Any
    tensor: torch.Tensor
    name: str
    title: str
    dtype: str
    output_dtype: str
    x: Array
    output: Array
    grad_output: Array
    grad_input: Array | None
    where_x: str
    where_grad_output: str
    axes: tuple[str, ...] = ()
    grad_parameters: Mapping[str, Array | None] = field(default_factory=dict)


def capture(
    module: Any,
    x: Any,
    grad_output: Any = None,
    layer: str | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    call: int = 1,
    loss: Loss = None,
    model_grad_output: Any = None,
) -> Capture:
    """Run ``module`` and keep what its normalization layer sees at its ``call``-th call.

    Without ``layer`` the module is that layer: a torch module, or any function of a tensor, and of
    the other arguments ``grad_output`` alone means something. With it, the module is a model and
    ``layer`` the name of one of its layers; x is then a tensor, a tuple of arguments or a dict. The
    upstream gradient is ``grad_output``, of the layer's output, or what reaches the layer of
    ``model_grad_output``, of the model's, or of ``loss``: a function of the model's output or
    "sum". Without any of them it is drawn at random.

    Raises:
        ValueError: a name that does not exist (with the nearest that do), a layer that the model
            does not run so often, a gradient of another shape or one that does not reach it.
        TypeError: what cannot be called, or arguments that hold no numbers.
    """
    if layer is None:
        return _single(module, x, grad_output)
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be a torch model to have a layer, got {type(module).__name__}"
        )
    upstream = Upstream(grad_output, model_grad_output, loss)
    return _in_model(module, x, upstream, layer, kwargs, call)


def _single(layer: Any, x: Any, given: Any) -> Capture:
    checked_layer(layer)
    if isinstance(x, torch.Tensor):
        check_plain(x)
    elif isinstance(x, list) and not (isinstance(layer, nn.Module) and [*layer.children()]):
        x = tensor_for(layer, x)  # whole numbers in a list are of no dtype yet
    twin = copied(layer)
    call = ModelCall(twin.modules[0] if twin.modules else nn.Identity(), x, None)
    tensor = next(tensors_in(call.args), None)
    if tensor is None or len(call.args) != 1:
        raise TypeError(f"x must be a tensor, got {type(x).__name__}: name the layer by layer=")
    title = getattr(layer, "__name__", None) or type(layer).__name__
    where = GIVEN if given is not None else RANDOM
    return _completed(layer, "", title, tensor, None, given, "the tensor that was given", where)


def _in_model(
    module: nn.Module,
    args: Any,
    upstream: Upstream,
    name: str,
    kwargs: Mapping[str, Any] | None,
    number: int,
) -> Capture:
    check_has_numbers(module, "model")
    model = plain_model(copied(module, hooks=True).modules[0])
    path = find_layer(model, name, lambda: norm_like(model))
    run = ModelCall(model, args, kwargs)
    seen = _Seen(model.get_submodule(path))
    # Autocast stays as the user has it: this is her call.
    with undisturbed([run.device] if run.device else [], autocast=True), silent():
        result = run()
        seen.forward = False
        x, layer, output = seen.of_call(name, number)
        dy, where = upstream.at(seen.calls[number - 1], result, path)
    title = f"{path}: {type(model.get_submodule(path)).__name__}"
    source = f"what {path} sees when the model runs on {run}"
    if len(seen.calls) > 1:
        source += f", call {number} of {len(seen.calls)}"
    seen_by_layer = _completed(layer, path, title, x, output, dy, source, where)
    return replace(seen_by_layer, axes=run.axes_of(tuple(x.shape)))


def _completed(
    layer: Any,
    name: str,
    title: str,
    x: torch.Tensor,
    output: torch.Tensor | None,
    upstream: Any,
    source: str,
    where: str,
) -> Capture:
    """The layer's own y and dx, by a copy of its own."""
    check_plain(x, f"x of {title}")
    twin = copied(layer, hooks=True)
    devices = [x.device]
    with undisturbed(devices, autocast=True), silent():
        leaf = x.detach().clone().requires_grad_(x.is_floating_point())
        y = _called(twin.call, leaf.clone(), title)
        if not isinstance(y, torch.Tensor):
            parts = list(layer.children()) if isinstance(layer, nn.Module) else []
            hint = "; name a layer of it by layer=: normviz.layers_of lists them" if parts else ""
            raise TypeError(
                f"the layer's output must be a tensor, {title} gives {type(y).__name__}{hint}"
            )
        dy = gradient_like(upstream, y, "grad_output")
        own = {n: p for m in twin.modules for n, p in m.named_parameters() if p.requires_grad}
        dx, *others = gradients_of(y, [leaf, *own.values()], dy)
    return Capture(
        layer=layer,
        tensor=x,
        name=name,
        title=title,
        dtype=_name_of(x.dtype),
        output_dtype=_name_of(max(x.dtype, y.dtype, key=lambda dtype: torch.finfo(dtype).eps)),
        x=_array(x),
        output=_array(y if output is None else output),
        grad_output=_array(dy),
        grad_input=None if dx is None else _array(dx),
        grad_parameters={
            name: None if grad is None else _array(grad)
            for name, grad in zip(own, others, strict=True)
        },
        where_x=source + (", upcast from bfloat16" if x.dtype == torch.bfloat16 else ""),
        where_grad_output=where,
    )


def _called(layer: Any, x: torch.Tensor, title: str) -> Any:
    try:
        return layer(x)
    except Exception as error:
        said = " ".join(str(error).split())
        raise ValueError(
            f"x must be a tensor that the layer takes, got shape {tuple(x.shape)} of "
            f"{_name_of(x.dtype)}: {title} raised {type(error).__name__}: {said}"
            + ("" if x.is_floating_point() else "; x.float() makes floating-point numbers of them")
        ) from error


class _Seen:
    """Hooks on a layer that keep a copy of it, its x and its y at each call, and each dy."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.forward = True  # False once the backward pass runs checkpoints again
        self.calls: list[dict[str, Any]] = []
        self.again: dict[str, Any] | None = None
        layer.register_forward_pre_hook(self._enter, with_kwargs=True)
        layer.register_forward_hook(self._leave)

    def _enter(self, _: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        tensors = list(tensors_in((arguments, named)))
        x = tensors[0].detach().clone() if tensors else None
        if not self.forward:
            # A checkpoint's second run is the call that saw the same numbers.
            same = (c for c in self.calls if x is not None and torch.equal(c["x"], x))
            self.again = next(same, None)
            return
        alone = _Alone(self.layer, arguments, named)
        self.calls.append({"x": x, "layer": alone, "output": None, "dy": None})

    def _leave(self, _: Any, arguments: tuple[Any, ...], output: Any) -> Any:
        call = self.calls[-1] if self.forward else self.again
        if call is None or not isinstance(output, torch.Tensor):
            return None
        if self.forward:
            call["output"] = output.detach().clone()
        if not output.is_floating_point():
            return None
        with torch.enable_grad():
            # A gradient is asked for even where all before it is frozen or under no_grad.
            live = output if output.requires_grad else output.detach().requires_grad_()
            live.register_hook(lambda grad: call.update(dy=grad.detach().clone()))
            # The model goes on with a copy: it may change it in place.
            return live.clone()

    def of_call(self, name: str, number: Any) -> tuple[torch.Tensor, Any, torch.Tensor]:
        """x, the layer and y of a call, counted from 1."""
        count = len(self.calls)
        if not count:
            raise ValueError(
                f"layer must name a layer that the model runs on x; {name!r} was not run"
            )
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= count:
            raise ValueError(
                f"call must be from 1 to {count}, the calls of {name!r}, got {number!r}"
            )
        found = self.calls[number - 1]
        if found["x"] is None or found["output"] is None:
            raise TypeError(f"layer must take a tensor and give one; {name!r} does not")
        return found["x"], found["layer"].on(found["x"]), found["output"]


class _Alone:
    """A layer as it was at one call, with the further arguments of that call."""

    def __init__(self, layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        twin = copied(layer).modules[0]
        self.layer = twin
        self.arguments, self.named = arguments, named

    def on(self, x: torch.Tensor) -> Any:
        """What is called on x alone: the layer, or a function where it takes more than x."""
        layer, arguments, named = self.layer, self.arguments, self.named
        if len(arguments) + len(named) == 1:
            return layer
        plain = [a.detach() if isinstance(a, torch.Tensor) else a for a in arguments]
        others = {n: a.detach() if isinstance(a, torch.Tensor) else a for n, a in named.items()}

        def called(value: torch.Tensor) -> Any:
            first, rest = (value, *plain[1:]), dict(others)
            if not plain:
                first = ()
                rest[next(iter(rest))] = value
            return layer(*first, **rest)

        called.__name__ = type(layer).__name__
        return called


def _array(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return np.asarray(tensor.numpy())


def _name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def norm_like(model: nn.Module) -> list[str]:
    """The names of the layers whose class has norm in its name: suggestions for a wrong name."""
    return [n for n, m in model.named_modules() if n and "norm" in type(m).__name__.lower()]
