"""What one normalization layer sees: its input, and the gradient that reaches its output.

A copy of the model runs forward and backward once with hooks on the layer; the model itself, its
buffers and its gradients stay as they were.
"""

import copy
import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.reference.module import Module, to_numpy
from normviz.torch_models.from_torch import from_torch, has_twin

Array = npt.NDArray[Any]

RANDOM = "random: standard normal numbers, seed 0"


@dataclass(frozen=True)
class Capture:
    """One pass through a layer: its NumPy twin as it was before, and its own numbers."""

    twin: Module
    title: str
    x: Array
    output: Array
    grad_output: Array
    grad_input: Array
    where_x: str
    where_grad_output: str


def capture(module: Any, x: Any, grad_output: Any = None, layer: str | None = None) -> Capture:
    """Run ``module`` on ``x`` and keep what its normalization layer sees.

    Without ``layer`` the module is that layer, a torch one or a NumPy one of
    normviz.reference.layers. With it, the module is a model and ``layer`` the name of one of its
    layers, as in ``model.named_modules()``; ``grad_output`` is then the gradient of the model's
    output, or of the layer's where it has that shape. Without it the layer's is drawn at random.

    Raises:
        ValueError: a name that does not exist (with the nearest that do), a layer that the model
            does not run on x, a grad_output of another shape.
        TypeError: a layer that is no normalization the reference knows.
    """
    if isinstance(module, Module):
        if layer is not None:
            raise ValueError(f"layer must be None for a single NumPy layer, got {layer!r}")
        return _numpy_layer(copy.deepcopy(module), x, grad_output)
    torch = needs_torch("explaining a torch module")
    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            "module must be a torch module or a layer of normviz.reference.layers, got "
            f"{type(module).__name__}"
        )
    own = _find(module, layer)
    twin, model = from_torch(own), copy.deepcopy(module)
    tensor = _tensor(torch, x, model)
    with torch.inference_mode(False), torch.enable_grad():
        seen = _Seen(model.get_submodule(layer) if layer else model)
        result = model(tensor)
        if seen.output is None:
            raise ValueError(
                f"layer must name a layer that the model runs on x; {layer!r} was not run"
            )
        where = _differentiate(torch, seen, result, grad_output, layer)
    if seen.grad_output is None or seen.grad_input is None:
        raise ValueError(f"grad_output must reach the layer {layer!r}; none of it did")
    name = type(own).__name__
    return Capture(
        twin,
        f"{layer}: {name}" if layer else name,
        to_numpy(seen.x),
        to_numpy(seen.output),
        to_numpy(seen.grad_output),
        to_numpy(seen.grad_input),
        f"what {layer} sees when the model runs on a tensor of shape {tuple(tensor.shape)}"
        if layer
        else "the tensor that was given",
        where,
    )


class _Seen:
    """Hooks on a layer that keep copies of what passes through it the first time."""

    def __init__(self, layer: Any) -> None:
        self.x: Any = None
        self.output: Any = None
        self.grad_output: Any = None
        self.grad_input: Any = None
        self.live: Any = None
        layer.register_forward_pre_hook(self._enter, with_kwargs=True)
        layer.register_forward_hook(self._leave)

    def _enter(self, _: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if self.x is not None:
            return None
        x = arguments[0] if arguments else next(iter(named.values()))
        self.x = x.detach().clone()
        if not x.requires_grad:
            x = x.detach().clone().requires_grad_()
        x.register_hook(self._keep_grad_input)
        if arguments:
            return (x, *arguments[1:]), named
        return (), {**named, next(iter(named)): x}

    def _leave(self, _: Any, arguments: tuple[Any, ...], output: Any) -> Any:
        if self.output is not None:
            return None
        self.output, self.live = output.detach().clone(), output
        output.register_hook(self._keep_grad_output)
        # The model goes on with a copy: an in-place ReLU after the layer would otherwise become
        # part of ``live``, and a gradient given for the layer would pass the ReLU first.
        return output.clone()

    def _keep_grad_output(self, grad: Any) -> None:
        self.grad_output = grad.detach().clone()

    def _keep_grad_input(self, grad: Any) -> None:
        self.grad_input = grad.detach().clone()


def _differentiate(torch: Any, seen: _Seen, result: Any, given: Any, layer: str | None) -> str:
    """Backward from the model's output or the layer's; a sentence on where dy comes from."""
    shape = tuple(seen.output.shape)
    if given is None:
        grad = np.random.default_rng(0).standard_normal(shape)
        seen.live.backward(_like(torch, grad, seen.output))
        return RANDOM
    grad = to_numpy(given)
    if torch.is_tensor(result) and grad.shape == tuple(result.shape):
        result.backward(_like(torch, grad, result))
        return (
            "the gradient that was given"
            if layer is None
            else ("what reaches the layer of the gradient that was given for the model's output")
        )
    if grad.shape != shape:
        wanted = f"{shape}" + (" or of the model's output" if layer else "")
        raise ValueError(
            f"grad_output must have the shape of the layer's output, {wanted}, got {grad.shape}"
        )
    seen.live.backward(_like(torch, grad, seen.output))
    return "the gradient that was given"


def _find(model: Any, name: str | None) -> Any:
    """The layer of that name.

    Raises:
        ValueError: an unknown name, with the nearest; or one without a twin, with those that have.
    """
    if name is None:
        _check_known(model, model, "module")
        return model
    layers = dict(model.named_modules())
    if name not in layers or not name:
        near = difflib.get_close_matches(str(name), [n for n in layers if n], n=3)
        near = near or _known(model)[:3]
        hint = f": did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"layer must name a layer of the model, got {name!r}{hint}")
    _check_known(model, layers[name], f"layer {name!r}")
    return layers[name]


def _known(model: Any) -> list[str]:
    """The names of the layers that the reference knows."""
    return [name for name, layer in model.named_modules() if name and has_twin(layer)]


def _check_known(model: Any, layer: Any, what: str) -> None:
    if not has_twin(layer):
        names = _known(model)
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        hint = f": give layer=, one of {shown}" if names else ""
        raise TypeError(f"{what} must be a normalization layer, got {type(layer).__name__}{hint}")


def _tensor(torch: Any, x: Any, model: Any) -> Any:
    """x as a tensor where the model is, detached."""
    tensor = x if torch.is_tensor(x) else torch.from_numpy(np.ascontiguousarray(_numbers(x)))
    device = next((p.device for p in [*model.parameters(), *model.buffers()]), tensor.device)
    return tensor.detach().clone().to(device)


def _numbers(x: Any) -> Array:
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"x must be a tensor of numbers, got {type(x).__name__} of {array.dtype}")
    return array


def _like(torch: Any, grad: Array, tensor: Any) -> Any:
    return torch.from_numpy(np.array(grad)).to(dtype=tensor.dtype, device=tensor.device)


def _numpy_layer(layer: Module, x: Any, grad_output: Any) -> Capture:
    """The same for a NumPy layer, which needs no hooks."""
    twin, array = copy.deepcopy(layer), np.asarray(x)
    output = layer(array)
    where = "the gradient that was given"
    if grad_output is None:
        grad_output = np.random.default_rng(0).standard_normal(array.shape).astype(array.dtype)
        where = RANDOM
    grad = np.asarray(grad_output)
    grad_input = layer.backward(grad).grad_input
    title = type(layer).__name__
    given = "the tensor that was given"
    return Capture(twin, title, array, output, grad, grad_input, given, where)
