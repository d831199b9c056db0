"""One call of a user's model: its arguments as tensors where the model is, its layers by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from normviz.errors import did_you_mean
from normviz.torch_models.identify.inputs import array_of, converted
from normviz.torch_models.identify.isolate import unwrapped

MOST = 50_000_000
"""Elements of one argument: more would take gigabytes, and no sheet shows them."""

_WRAPPERS = ("module", "_orig_mod")


class ModelCall:
    """A copy of a model that is called once; ``args`` is x, a tuple of arguments or a dict.

    Raises:
        TypeError: arguments that hold no numbers.
        ValueError: an argument that is too large to be shown.
    """

    def __init__(self, model: nn.Module, args: Any, kwargs: Mapping[str, Any] | None) -> None:
        self.model = model
        self.device, self.dtype = _place(model)
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        if isinstance(args, tuple):
            self.args = tuple(self._argument(a, f"args[{i}]") for i, a in enumerate(args))
        elif isinstance(args, Mapping):
            self.kwargs = {n: self._argument(a, n) for n, a in args.items()}
        else:
            self.args = (self._argument(args, "x"),)
        self.kwargs |= {n: self._argument(a, n) for n, a in (kwargs or {}).items()}

    def __call__(self) -> Any:
        """Run the model.

        Raises:
            ValueError: whatever the model raises, in a sentence.
        """
        try:
            return self.model(*self.args, **self.kwargs)
        except Exception as error:
            said = " ".join(str(error).split())
            given = [*tensors_in((self.args, self.kwargs))]
            whole = bool(given) and not any(t.is_floating_point() for t in given)
            raise ValueError(
                f"the model must run on {self}: {type(self.model).__name__} raised "
                f"{type(error).__name__}: {said}"
                + ("; where it takes images, give x.float()" if whole else "")
            ) from error

    def __str__(self) -> str:
        shapes = [str(tuple(t.shape)) for t in tensors_in((self.args, self.kwargs))]
        if len(shapes) == 1:
            return f"a tensor of shape {shapes[0]}"
        return f"tensors of shapes {', '.join(shapes)}" if shapes else "what was given"

    def axes_of(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """What the axes of a layer's x (N, ., ., features) are called, by what the model was given.

        The one as long as its texts is that of their tokens, and the other that of heads; where two
        have the proportions of its images they are rows and columns. Empty where it does not tell.
        """
        if len(shape) != 4:
            return ()
        samples, first, second, _ = shape
        for given in tensors_in((self.args, self.kwargs)):
            if not given.dim() or len(given) != samples:
                continue
            of_tokens = 3 if given.is_floating_point() else 2
            if given.dim() == of_tokens and (given.shape[1] == first) != (given.shape[1] == second):
                return ("n", "t", "h", "d") if given.shape[1] == first else ("n", "h", "t", "d")
            if given.dim() == 4 and min(first, second) > 1:
                height, width = given.shape[2:]
                whole = not (height % first or width % second)
                if whole and height // first == width // second:
                    return ("n", "h", "w", "d")
        return ()

    def _argument(self, value: Any, name: str) -> Any:
        if isinstance(value, torch.Tensor):
            _check_count(name, value.numel())
            if value.is_meta:
                raise TypeError(f"{name} must hold numbers, got a tensor on the meta device")
            with torch.inference_mode(False):  # else the copy could not be differentiated
                return value.detach().to(self.device).clone()
        if isinstance(value, tuple):
            return type(value)(self._argument(v, name) for v in value)
        if isinstance(value, Mapping):
            return {key: self._argument(v, f"{name}[{key!r}]") for key, v in value.items()}
        if isinstance(value, list) and any(isinstance(v, torch.Tensor) for v in value):
            return [self._argument(v, name) for v in value]
        if isinstance(value, (np.ndarray, list)):
            return self._numbers(value, name)
        return value

    def _numbers(self, value: Any, name: str) -> torch.Tensor:
        """An array or nested lists; floating-point numbers in the dtype of the model."""
        array = array_of(value, name)
        _check_count(name, array.size)
        with torch.inference_mode(False):
            tensor = torch.from_numpy(np.array(array))
            if not self.dtype or array.dtype.kind != "f":
                return tensor.to(self.device)
            if name != "x":  # a mask adds -1e9, which is minus infinity in a narrower dtype
                tensor = tensor.masked_fill(tensor < torch.finfo(self.dtype).min, -math.inf)
            return converted(name, tensor, self.dtype, self.device)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in a tensor, tuple, list, dict or ModelOutput, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for inside in value.values():
            yield from tensors_in(inside)
    elif isinstance(value, (tuple, list)):
        for inside in value:
            yield from tensors_in(inside)


def plain_model(model: nn.Module) -> nn.Module:
    """The model without its wrappers, and with those inside taken off, so that hooks are called."""
    model = unwrapped(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            inner = unwrapped(child)
            if inner is not child:
                setattr(parent, name, inner)
    return model


def find_layer(model: nn.Module, name: Any, suggestions: Callable[[], list[str]]) -> str:
    """The path of the layer that ``name`` means; what torch.compile and DDP put in is optional.

    Raises:
        ValueError: a name that there is none of, with the nearest that there are.
    """
    paths = [path for path, _ in model.named_modules() if path]
    if isinstance(name, str) and name:
        for wanted in (name, _bare(name)):
            if wanted in paths:
                return wanted
    hint = did_you_mean(name, paths) if isinstance(name, str) else ""
    if not hint and (near := suggestions()[:3]):
        hint = f": did you mean {' or '.join(near)}?"
    raise ValueError(f"layer must name a layer of the model, got {name!r}{hint}")


def _bare(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)


def _place(model: nn.Module) -> tuple[torch.device | None, torch.dtype | None]:
    tensors = [*model.parameters(), *model.buffers()]
    device = tensors[0].device if tensors else None
    return device, next((t.dtype for t in tensors if t.is_floating_point()), None)


def _check_count(name: str, count: int) -> None:
    if count > MOST:
        raise ValueError(
            f"{name} must have at most {MOST:,} elements, got {count:,}: give a part of it, such "
            "as its first samples"
        )
