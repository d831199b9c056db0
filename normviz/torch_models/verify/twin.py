"""A torch layer beside the NumPy twin of its class: every result of both, and how far they are."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from normviz.reference.call import drawn_gradient
from normviz.reference.checks import check_grad_output, check_tensor
from normviz.reference.module import Module, to_numpy
from normviz.reference.rounding import Rounding, in_float64
from normviz.torch_models.from_torch import from_torch
from normviz.torch_models.identify.isolate import copied, undisturbed
from normviz.torch_models.identify.probe import InFloat64
from normviz.torch_models.verify.report import Difference, Report, difference

Array = npt.NDArray[Any]

TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "float16": 5e-3, "bfloat16": 5e-3}
"""The largest difference allowed, relative to the terms of each number, besides rounding."""

TOLERANCE_IN_FLOAT64 = 1e-6
"""The same for what runs once more in float64, where the rounding of a shorter dtype no longer
hides a slightly wrong formula; a layer that works in float32 inside still passes."""


def beside_twin(
    module: Any, x: Array, dtype: str, grad_output: Any, tolerance: float | None
) -> Report:
    """A module held to the twin of its class, in x's dtype and then in float64."""
    if grad_output is None:
        drawn = drawn_gradient(x.shape).astype(x.dtype)
        grad_output = torch.from_numpy(drawn).to(getattr(torch, dtype))
    upstream = np.empty_like(x)  # in x's memory layout, which decides the kernel torch runs
    upstream[...] = check_grad_output(floats("grad_output", grad_output)[1], x)
    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    with undisturbed([p.device for p in module.parameters()][:1], autocast=True):
        run = copied(module, hooks=True).call
        differences, failure = _compare(run, x, upstream, dtype, allowed)
        if tolerance is None and failure is None and dtype != "float64":
            x64, grad64 = (a.astype(np.float64, order="K") for a in (x, upstream))
            run = copied(module, wide=True, hooks=True).call
            again, cannot = _compare(run, x64, grad64, "float64", TOLERANCE_IN_FLOAT64, True)
            if cannot is None:
                differences += tuple(replace(d, tensor=f"{d.tensor} in float64") for d in again)
    name = module._get_name()
    return Report(name, dtype, bool(module.training), x.shape, differences, failure)


def floats(name: str, value: Any) -> tuple[str, Array]:
    """The dtype of a tensor or array, and its values; those of bfloat16 in float32."""
    if getattr(value, "dtype", None) is torch.bfloat16:
        return "bfloat16", to_numpy(value.float())
    array = check_tensor(name, to_numpy(value, name))
    return str(array.dtype), array


def _compare(
    module: Any,
    x: Array,
    grad_output: Array,
    dtype: str,
    tolerance: float,
    wide: bool = False,
) -> tuple[tuple[Difference, ...], str | None]:
    """Every tensor's difference, and a sentence where the module did not run to the end."""
    reference = _run_reference(from_torch(module), x, grad_output)
    roundings = _roundings(from_torch(module), x, grad_output, dtype)
    found: dict[str, Array] = {}
    frozen: set[str] = set()
    failure = None
    try:
        with warnings.catch_warnings(), InFloat64() if wide else nullcontext():
            warnings.simplefilter("ignore")  # torch tells of slower kernels
            found, frozen = _run_torch(module, x, grad_output, dtype)
    except Exception as error:  # noqa: BLE001  whatever a wrong layer raises is the finding
        failure = f"the layer raised {type(error).__name__}: {' '.join(str(error).split())}"
    return tuple(
        difference(name, found.get(name), expected, tolerance, roundings)
        for name, expected in reference.items()
        if name not in frozen
    ), failure


def _run_reference(twin: Module, x: Array, grad_output: Array) -> dict[str, Array]:
    results = {"output": twin(x)}
    gradients: Mapping[str, Any] = twin.backward(grad_output)._asdict()
    results |= {n: g for n, g in gradients.items() if g is not None}
    return results | {n: b for n in twin._buffers if (b := getattr(twin, n)) is not None}


def _roundings(twin: Module, x: Array, grad_output: Array, dtype: str) -> tuple[Rounding, ...]:
    """What rounding explains, first as most layers compute, then with a one-pass variance."""
    if x.size == 0:
        return ()
    x, grad_output = twin.with_batch(x), twin.with_batch(grad_output)
    made = in_float64(twin.norm, x, grad_output, twin.arguments(x))
    return tuple(Rounding(made, dtype, one_pass) for one_pass in (False, True))


def _run_torch(
    module: Any, x: Array, grad_output: Array, dtype: str
) -> tuple[dict[str, Array], set[str]]:
    """Every result by name, and the gradients that frozen parameters do not have."""
    wanted = getattr(torch, dtype)
    tensor = torch.from_numpy(x.copy(order="K")).to(wanted).requires_grad_()
    device = next((p.device for p in [*module.parameters(), *module.buffers()]), tensor.device)
    with torch.nn.utils.parametrize.cached():
        output = module(tensor.to(device))
        if not torch.is_tensor(output):
            raise TypeError(f"its output must be a tensor, got {type(output).__name__}")
        # A weight that is made of others is no parameter itself.
        used = {n: getattr(module, n, None) for n in ("weight", "bias")}
    made = {n: p for n, p in used.items() if isinstance(p, torch.Tensor)}
    for parameter in made.values():
        if parameter.requires_grad and not parameter.is_leaf:
            parameter.retain_grad()
    if output.requires_grad and output.shape == x.shape:
        upstream = torch.from_numpy(grad_output.copy(order="K")).to(device, output.dtype)
        # The same gradients to the bit; given to backward, torch imports sympy to compare shapes.
        (output * upstream).sum().backward()
    # In float32, as the reference's, it would pass below.
    if wanted == torch.bfloat16 and output.dtype != wanted:
        raise TypeError(f"its output must be bfloat16 as x, got {output.dtype}")
    results = {"output": output, "grad_input": tensor.grad}
    results |= {f"grad_{name}": p.grad for name, p in made.items()}
    results |= dict(module.named_buffers())
    return {
        name: to_numpy(value.float() if value.dtype == torch.bfloat16 else value)
        for name, value in results.items()
        if value is not None
    }, {f"grad_{name}" for name, p in made.items() if not p.requires_grad}
