"""What a layer and its x must be before anything is asked of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from normviz.reference.checks import check_plain_array, too_large
from normviz.reference.module import Module
from normviz.torch_models.identify.identity import Identity
from normviz.torch_models.identify.isolate import copied

MOST = 20_000_000
"""So many elements take some seconds and a few hundred megabytes."""


def checked_layer(layer: Any) -> Any:
    """A layer that can be called.

    Raises:
        TypeError: what is not callable, or a module that has no numbers to compute with.
    """
    is_class = isinstance(layer, type)
    if is_class or not callable(layer):
        what = f"the class {layer.__name__}: call it" if is_class else type(layer).__name__
        raise TypeError(f"layer must be a module or a function of a tensor, got {what}")
    for what, module in _modules_in(layer):
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(
                f"layer must be an eager module, {what} is one of torch.jit: give the module that "
                "it was made from"
            )
        if ".quantized" in type(module).__module__:
            raise TypeError(f"layer must compute in floating point, {what} is quantized")
    if isinstance(layer, Module):
        raise TypeError(
            "layer must be of torch, got the NumPy layer "
            f"{type(layer).__name__}, to which torch's are held"
        )
    check_has_numbers(layer)
    return layer


def check_has_numbers(layer: Any, name: str = "layer") -> None:
    """Refuse a module whose parameters are without numbers or even shapes.

    Raises:
        TypeError: with the part of it that is so.
    """
    for what, module in _modules_in(layer):
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is None:
                continue
            if torch.nn.parameter.is_lazy(tensor):
                raise TypeError(
                    f"{name} must have been run once so that its shapes are known, {what} is lazy"
                )
            if tensor.is_meta:
                raise TypeError(
                    f"{name} must hold numbers, {what} is on the meta device: load its weights "
                    "or call to_empty"
                )


def _modules_in(layer: Any) -> Iterator[tuple[str, nn.Module]]:
    """Every module in a layer, by its name and class."""
    for name, module in layer.named_modules() if isinstance(layer, nn.Module) else ():
        yield f"{name}: {type(module).__name__}" if name else type(module).__name__, module


def finite_twin(layer: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """The layer to be asked, and by name its parameters and buffers that are not finite.

    NaN hides what it meets, so a layer that has some is asked as a copy with 1 in their place; so
    is one with an infinity, even where that did no harm, as the limit of a clamp.
    """
    burst = {
        name: value.detach()
        for name, value in _state(layer).items()
        if value.is_floating_point() and not bool(value.isfinite().all())
    }
    twin = copied(layer, hooks=True).call if burst else layer
    with torch.no_grad():
        for name, value in _state(twin).items():
            if name in burst:
                value.nan_to_num_(1.0, 1.0, 1.0)
    return twin, burst


def with_own_numbers(found: Identity, burst: Mapping[str, torch.Tensor]) -> Identity:
    """What was found of a finite twin, with the layer's own numbers."""
    if not burst:
        return found
    own: dict[str, Any] = {}
    for field in ("gamma", "beta", "mean", "variance"):
        said = getattr(found, f"{field}_is")
        name = (said or "").removeprefix("1 + ")
        value = getattr(found, field)
        if name in burst and value is not None and value.size == burst[name].numel():
            number = burst[name].double().cpu().numpy().reshape(value.shape)
            own[field] = number + (name != said)
    told = f"{found.sentence}; asked with 1 for what is not finite in {', '.join(burst)}"
    return replace(found, sentence=told, **own)


def _state(layer: Any) -> dict[str, torch.Tensor]:
    if not isinstance(layer, nn.Module):
        return {}
    return {**dict(layer.named_parameters()), **dict(layer.named_buffers())}


def check_plain(x: torch.Tensor, name: str = "x") -> None:
    """Refuse a tensor that has more or less than one real number for each index.

    Raises:
        TypeError: with what it is.
    """
    kinds = {
        "nested": x.is_nested,
        "sparse": x.layout is not torch.strided,
        "complex": x.is_complex(),
        "quantized": x.is_quantized,
    }
    found = next((kind for kind, is_one in kinds.items() if is_one), "")
    if found:
        raise TypeError(f"{name} must be a dense tensor of real numbers, got a {found} one")


def array_of(value: Any, name: str) -> npt.NDArray[Any]:
    """Numbers that are no tensor, as an array.

    Raises:
        TypeError, ValueError: for what holds none, lists of unequal length, a masked array.
    """
    check_plain_array(name, value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be lists of equal length, at each depth") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{name} must be a tensor of numbers, got {type(value).__name__} of {array.dtype}"
        )
    return array


def tensor_for(layer: Any, x: Any) -> torch.Tensor:
    """x as a tensor; numbers that are no tensor take the dtype of the layer's parameters.

    Raises:
        TypeError: for numbers that are not floating point.
        ValueError: for no elements, or too many.
    """
    if isinstance(x, torch.Tensor):
        check_plain(x)
        tensor = x
    else:
        array = array_of(x, "x")
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        if array.dtype.kind == "f" or not isinstance(x, np.ndarray):
            tensor = converted("x", tensor, _dtype_of(layer) or tensor.dtype)
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise TypeError(f"x must hold floating-point numbers, got {kind}: use x.float()")
    if tensor.numel() == 0:
        raise ValueError(f"x must have elements, got shape {tuple(tensor.shape)}")
    if tensor.numel() > MOST:
        raise ValueError(
            f"x must have at most {MOST:,} elements, got {tensor.numel():,}: a part such as x[:1] "
            "tells the same"
        )
    if tensor.is_meta:
        raise TypeError("x must hold numbers, got a tensor on the meta device")
    return tensor


def converted(
    name: str, tensor: torch.Tensor, dtype: torch.dtype, device: torch.device | None = None
) -> torch.Tensor:
    """A tensor in another dtype, on the device (None: its own).

    Raises:
        TypeError: complex numbers, of which the imaginary part would be lost.
        ValueError: where a finite number of it would become infinite.
    """
    if tensor.is_complex():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise TypeError(f"{name} must hold real numbers, got dtype {kind}")
    made = tensor.to(device, dtype)
    if tensor.dtype != dtype:
        burst = tensor.isfinite() & ~made.isfinite().to(tensor.device)
        if burst.any():
            kind = str(dtype).removeprefix("torch.")
            raise ValueError(too_large(name, float(tensor[burst][0]), kind))
    return made


def _dtype_of(layer: Any) -> torch.dtype | None:
    if not isinstance(layer, nn.Module):
        return None
    tensors = (*layer.parameters(), *layer.buffers())
    return next((t.dtype for t in tensors if t.is_floating_point()), torch.get_default_dtype())
