"""Copies of a layer that may be called as often as one likes without the user's noticing.

A probe calls the layer a hundred times. Nothing of that may reach what the user holds: parameters,
buffers, gradients, hooks, random generators, the lists and modules that a function refers to.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import random
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_WITH_KWARGS = ("_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs")
EAGER = "that is the eager layer; its compiled code was not run"
"""What is said of a :class:`Copy` of a compiled layer."""

_HELD = (nn.Module, torch.Tensor, list, dict, set, np.ndarray)


class CannotBeCopiedError(TypeError):
    """What a layer is that no copy can be made of."""


@dataclass
class Copy:
    """A copy of a layer: what to call, and the modules and tensors that it refers to by name.

    ``compiled`` says that torch.compile made code of it, in place of which the copy runs the layer.
    """

    call: Any = None
    compiled: bool = False
    modules: list[nn.Module] = field(default_factory=list)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)

    def submodules(self) -> Iterator[tuple[str, nn.Module]]:
        """Every module inside, with its path."""
        for module in self.modules:
            yield from module.named_modules()


def unwrapped(layer: Any) -> Any:
    """The layer inside torch.compile, DataParallel and DistributedDataParallel.

    >>> type(unwrapped(nn.DataParallel(nn.LayerNorm(3)))).__name__
    'LayerNorm'
    """
    while (inner := _inside(layer)[0]) is not None:
        layer = inner
    return layer


def _inside(layer: Any) -> tuple[Any, bool]:
    """The layer inside another, or None, and whether torch.compile made its code of it."""
    if isinstance(layer, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return layer.module, False
    if isinstance(layer, torch.jit.ScriptModule):
        return None, False
    parts = getattr(layer, "__dict__", {}).get("_modules") or {}
    inner = parts.get("_orig_mod", getattr(layer, "_torchdynamo_orig_callable", None))
    return inner, inner is not None


def copied(layer: Any, wide: bool = False, hooks: bool = False) -> Copy:
    """A copy of a module or of a callable together with all it refers to.

    ``wide`` turns its floating-point state into float64. The user's hooks are left out, unless
    ``hooks`` asks for copies of them; those of torch.nn.utils (pruning, weight norm) belong to the
    layer and stay.

    Raises:
        CannotBeCopiedError: a TypeError, such as for a layer that holds an open file.
    """
    made = Copy()
    try:
        with torch.inference_mode(False):  # else the copy could not be differentiated
            made.call = _copied(layer, made, wide, hooks, "")
    except (TypeError, RuntimeError, AttributeError) as error:
        raise CannotBeCopiedError(
            f"layer must be something that can be copied, got {type(layer).__name__}: {error}"
        ) from error
    return made


def has_hooks(layer: Any) -> bool:
    """Whether a module carries hooks of the user's."""
    modules = layer.modules() if isinstance(layer, nn.Module) else ()
    return any(
        not _is_torchs(hook)
        for module in modules
        for name in _HOOKS
        for hook in getattr(module, name).values()
    )


def changed_by_hooks(layer: Any, x: torch.Tensor, generator: torch.Generator) -> str:
    """What hooks of the user change on a copy of the layer, and by how much; "" for nothing."""
    if not has_hooks(layer):
        return ""
    dy = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    results = []
    for hooks in (False, True):
        twin = copied(layer, hooks=hooks)
        leaf = x.detach().clone().requires_grad_()
        with silent(), torch.enable_grad():
            y = twin.call(leaf)
            (dx,) = torch.autograd.grad(y, leaf, dy.to(y.device, y.dtype))
        results.append([t.detach().double().cpu().nan_to_num() for t in (y, dx)])
    output, gradient = (float((a - b).abs().max()) for a, b in zip(*results, strict=True))
    if max(output, gradient) == 0.0:
        return ""
    what = "output" if output else "gradient of x"
    return f"{what} by up to {max(output, gradient):.3g}"


@contextlib.contextmanager
def undisturbed(devices: list[torch.device], autocast: bool = False) -> Iterator[None]:
    """Random generators as they were afterwards; gradients on, inference mode off.

    Autocast is off too, unless ``autocast`` leaves it as the user has it.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  the user's own
    cuda = [d.index or 0 for d in devices if d.type == "cuda"]
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.random.fork_rng(devices=cuda))
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.enable_grad())
            for kind in {"cpu", *(d.type for d in devices)}:
                if not autocast and torch.amp.is_autocast_available(kind):
                    stack.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def silent() -> contextlib.redirect_stdout[io.StringIO]:
    """What a hook prints while a copy runs is not for the user."""
    return contextlib.redirect_stdout(io.StringIO())


def random_states(devices: list[torch.device]) -> tuple[Any, ...]:
    """What tells whether somebody drew a random number."""
    cuda = [torch.cuda.get_rng_state(d).tolist() for d in devices if d.type == "cuda"]
    numpy: Any = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().tolist(), cuda, numpy[1].tolist(), numpy[2], random.getstate()


def _copied(value: Any, made: Copy, wide: bool, hooks: bool, name: str) -> Any:
    """A copy of one value; modules and tensors that are met on the way are noted in ``made``."""
    inner, compiled = _inside(value)
    if inner is not None:
        made.compiled = made.compiled or compiled
        return _copied(inner, made, wide, hooks, name)
    if isinstance(value, nn.Module):
        return _module(value, made, wide, hooks)
    if isinstance(value, torch.Tensor):
        tensor = _plain(value)
        made.tensors[name] = tensor = tensor.double() if _is_short(tensor, wide) else tensor
        return tensor
    if isinstance(value, types.MethodType):
        owner = _copied(value.__self__, made, wide, hooks, name)
        return types.MethodType(value.__func__, owner)
    if isinstance(value, functools.partial):
        inside = functools.partial(_copied, made=made, wide=wide, hooks=hooks)
        arguments = [inside(a, name=f"argument {i}") for i, a in enumerate(value.args)]
        named = {key: inside(a, name=key) for key, a in value.keywords.items()}
        return functools.partial(inside(value.func, name=name), *arguments, **named)
    if isinstance(value, types.FunctionType):
        return _function(value, made, wide, hooks)
    if isinstance(value, (types.BuiltinFunctionType, type, types.ModuleType)):
        return value
    return copy.deepcopy(value, _memo(value))


def _module(module: nn.Module, made: Copy, wide: bool, hooks: bool) -> nn.Module:
    twin: nn.Module = copy.deepcopy(module, _memo(module))
    called = (part._compiled_call_impl for part in module.modules())
    made.compiled = made.compiled or any(code is not None for code in called)
    for part in twin.modules():
        part._compiled_call_impl = None
        for name in _HOOKS:
            own: dict[Any, Any] = getattr(part, name)
            for key, hook in list(own.items()):
                if _is_torchs(hook):
                    continue
                if hooks:
                    own[key] = _copied(hook, Copy(), False, False, "")
                else:
                    del own[key]
                    for flags in (getattr(part, n) for n in _WITH_KWARGS):
                        flags.pop(key, None)
    if wide:
        twin = twin.double()
        for part in twin.modules():
            for name, value in vars(part).items():
                if isinstance(value, torch.Tensor) and _is_short(value, wide):
                    setattr(part, name, value.double())
    for parameter in twin.parameters():
        parameter.grad = None
    made.modules.append(twin)
    return twin


def _memo(value: Any) -> dict[int, Any]:
    """For copy.deepcopy: hooks, and the tensors that it refuses or would keep in inference mode."""
    memo: dict[int, Any] = {}
    for module in value.modules() if isinstance(value, nn.Module) else ():
        for name in (*_HOOKS, *_WITH_KWARGS):
            hooks = getattr(module, name)
            memo[id(hooks)] = hooks.copy()  # not what they hold, which may be anything
        own: dict[str, Any] = {**vars(module), **module._parameters, **module._buffers}
        for tensor in own.values():
            if not isinstance(tensor, torch.Tensor):
                continue
            if tensor.is_inference() or not tensor.is_leaf:
                twin = _plain(tensor)
                if isinstance(tensor, nn.Parameter):
                    twin = nn.Parameter(twin, requires_grad=tensor.requires_grad)
                memo[id(tensor)] = twin
    return memo


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def _is_short(tensor: torch.Tensor, wide: bool) -> bool:
    return wide and tensor.is_floating_point()


def _function(function: Any, made: Copy, wide: bool, hooks: bool) -> Any:
    """The same code over copies of the modules, tensors and containers that it refers to."""
    code = function.__code__
    inside = functools.partial(_copied, made=made, wide=wide, hooks=hooks)
    cells = []
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        held = cell.cell_contents
        kinds = (*_HELD, types.FunctionType, types.MethodType)
        own = isinstance(held, kinds) and held is not function
        cells.append(types.CellType(inside(held, name=name)) if own else cell)
    names = dict(function.__globals__)
    for name in code.co_names:
        if isinstance(names.get(name), _HELD):
            names[name] = inside(names[name], name=name)
    defaults = tuple(
        inside(value, name="a default") if isinstance(value, _HELD) else value
        for value in function.__defaults__ or ()
    )
    twin = types.FunctionType(code, names, function.__name__, defaults, tuple(cells))
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _is_torchs(hook: Any) -> bool:
    where = getattr(hook, "__module__", None) or type(hook).__module__
    return str(where).startswith("torch.nn.utils")
