"""A layer as a function from tensor to tensor that can be asked anything, in float64 if it can."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from normviz.torch_models.identify.isolate import Copy, copied, random_states

SHORT = (torch.float32, torch.bfloat16, torch.float16)
PRECISION = {
    torch.float64: 1e-8,
    torch.float32: 1e-4,
    torch.float16: 1e-2,
    torch.bfloat16: 1e-1,
}
"""The relative deviation that is seen for certain, by the dtype a layer computes in."""


class InFloat64(TorchDispatchMode):
    """Turns every cast to a shorter dtype, wherever a layer makes one, into one to float64.

    Layers of language models cast to float32 inside, so that ``.double()`` alone would still show
    their float32 arithmetic.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, and to say so would import the compiler: three seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args = tuple(torch.float64 if _is_short(a) else a for a in args)
        kwargs = {k: torch.float64 if _is_short(v) else v for k, v in (kwargs or {}).items()}
        result = func(*args, **kwargs)
        fresh = isinstance(result, torch.Tensor) and result.dtype in SHORT
        if fresh and not any(isinstance(a, torch.Tensor) for a in args):
            return result.double()  # a constant made with the default dtype
        return result


def _is_short(value: Any) -> bool:
    return isinstance(value, torch.dtype) and value in SHORT


class Refused(Exception):  # noqa: N818  not an error: what the layer is, in a sentence
    """The layer cannot be a normalization, for a reason that is seen at once."""


class Probe:
    """A copy of a layer; every call finds its buffers as they were.

    ``dtype`` is what it is called in, ``precision`` the relative deviation that can be seen, and
    ``state`` every tensor it refers to under the name that a user would give it.
    """

    def __init__(self, layer: Any, dtype: torch.dtype, device: torch.device, wide: bool) -> None:
        self.dtype = torch.float64 if wide else dtype
        self.device = device
        self.wide = wide
        self.precision = PRECISION[self.dtype]
        self.copy: Copy = copied(layer, wide)
        for _, module in self.copy.submodules():
            module.requires_grad_(False)  # only the gradient of x is asked for
        self._keep()

    def _keep(self) -> None:
        self._buffers = [
            (module, {n: b.clone() for n, b in module._buffers.items() if b is not None})
            for _, module in self.copy.submodules()
        ]

    def _run(self, x: torch.Tensor) -> torch.Tensor:
        for module, buffers in self._buffers:
            for name, value in buffers.items():
                module._buffers[name] = value.clone()
        return self._called(x)

    def _called(self, x: torch.Tensor) -> torch.Tensor:
        with warnings.catch_warnings(), InFloat64() if self.wide else nullcontext():
            warnings.simplefilter("ignore")
            result = checked_output(self.copy.call(x), x)
        # What comes out in a shorter dtype cannot be told better.
        self.precision = max(self.precision, PRECISION[result.dtype])
        return result

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output, float64 on the CPU."""
        with torch.no_grad():
            # A clone: some layers work in place.
            return self._run(x.to(self.device, self.dtype).clone()).detach().double().cpu()

    def gradient(self, x: torch.Tensor, dy: torch.Tensor) -> torch.Tensor | None:
        """The gradient of x, float64 on the CPU; None where the output does not depend on it.

        Raises:
            Refused: where the layer keeps autograd from computing it.
        """
        leaf = x.to(self.device, self.dtype).clone().requires_grad_()
        with torch.enable_grad():
            try:
                y = self._run(leaf.clone())
                if not y.requires_grad:
                    return None
                (found,) = gradients_of(y, [leaf], dy.to(y.device, y.dtype))
            except RuntimeError as error:
                said = " ".join(str(error).split())
                raise Refused(f"its gradient of x cannot be computed ({said})") from None
        return None if found is None else found.double().cpu()

    def state(self) -> dict[str, torch.Tensor]:
        """Every tensor of floating point by name, as the last call left it."""
        found: dict[str, torch.Tensor] = dict(self.copy.tensors)
        for path, module in self.copy.submodules():
            held = {**module._parameters, **module._buffers}
            held |= {n: v for n, v in vars(module).items() if isinstance(v, torch.Tensor)}
            for name in getattr(module, "parametrizations", {}):
                held[name] = getattr(module, name)
            for name, value in held.items():
                key = f"{path}.{name}" if path else name
                if value is not None and "parametrizations." not in key:
                    found[key] = value
        return {
            name: value.detach().double().cpu().clone()
            for name, value in found.items()
            if value.is_floating_point()
        }

    def shake(self, generator: torch.Generator) -> None:
        """Give every parameter and buffer other numbers, to see what becomes of them."""
        tensors = list(self.copy.tensors.values())
        for _, module in self.copy.submodules():
            tensors += [*module._parameters.values(), *module._buffers.values()]  # type: ignore[list-item]
        with torch.no_grad():
            for tensor in tensors:
                if tensor is not None and tensor.is_floating_point():
                    noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
                    # Positive throughout: a variance stays one, and no factor becomes zero.
                    tensor.copy_(tensor.abs() + 0.25 + noise.to(tensor.device, tensor.dtype))
        self._keep()


def gradients_of(
    y: torch.Tensor, of: Sequence[torch.Tensor], dy: torch.Tensor
) -> list[torch.Tensor | None]:
    """The gradient of each tensor for dy; None where y does not depend on it.

    Given dy itself, autograd imports torch's compiler to look for symbols in it: a second.
    """
    asked = [tensor for tensor in of if tensor.requires_grad]
    if not (y.requires_grad and asked):
        return [None] * len(of)
    found = iter(torch.autograd.grad((y * dy).sum(), asked, allow_unused=True))
    return [next(found) if tensor.requires_grad else None for tensor in of]


def normal_numbers(shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    """Standard normal numbers to ask a layer with, as float64: float32 are drawn 4 times faster."""
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).double()


def checked_output(result: Any, x: torch.Tensor) -> torch.Tensor:
    """The output, where it is a tensor like x.

    Raises:
        Refused: otherwise, in words.
    """
    if not isinstance(result, torch.Tensor):
        raise Refused(f"its output is no tensor but {type(result).__name__}")
    if result.shape != x.shape:
        raise Refused(f"its output has the shape {tuple(result.shape)}, x {tuple(x.shape)}")
    if not result.is_floating_point():
        raise Refused(f"its output is of {str(result.dtype).removeprefix('torch.')}")
    return result


def device_of(layer: Any, x: torch.Tensor) -> torch.device:
    """Where a module lives; x's own device for what has no state."""
    if isinstance(layer, nn.Module):
        for tensor in (*layer.parameters(), *layer.buffers()):
            return tensor.device
    return x.device


def draws_random_numbers(probe: Probe, x: torch.Tensor) -> bool:
    """Whether a call moves a random generator."""
    before = random_states([probe.device])
    probe(x)
    return random_states([probe.device]) != before


def depends_on_calls(layer: Any, x: torch.Tensor, device: torch.device, wide: bool) -> bool:
    """Whether a second call, its buffers not put back, gives another output."""
    probe = Probe(layer, x.dtype, device, wide)
    with torch.no_grad():
        once, again = (probe._called(x.to(device, probe.dtype).clone()) for _ in range(2))
    return not torch.equal(torch.nan_to_num(once), torch.nan_to_num(again))
