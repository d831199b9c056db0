"""Any torch normalization layer against the NumPy reference: forward, backward, buffers.

The room holds a layer to the twin of its class (:mod:`.twin`) or to what :mod:`..identify`
recognizes in it, and reports how far each tensor is (:mod:`.report`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from normviz.errors import needs_torch
from normviz.reference.checks import REAL
from normviz.reference.rounding import Rounding, in_float64

torch = needs_torch("verify")

from normviz.torch_models.capture import capture
from normviz.torch_models.from_torch import from_torch, has_twin
from normviz.torch_models.identify import Identity, identify
from normviz.torch_models.identify.call import call_of
from normviz.torch_models.identify.identity import formula_in_words
from normviz.torch_models.identify.isolate import EAGER, copied, unwrapped
from normviz.torch_models.verify.report import Difference, Report, difference
from normviz.torch_models.verify.twin import TOLERANCE, beside_twin, floats


def verify(module: Any, x: Any, grad_output: Any = None, tolerance: float | None = None) -> Report:
    """Run a torch normalization layer beside the NumPy reference on the same numbers.

    Compares the output, the gradients of x, weight and bias for ``grad_output`` (random where not
    given), and the running buffers after the step, in the mode the module is in: their shapes,
    dtypes and values. The module itself is left as it was: a copy runs. A tensor that the module
    does not give fails, except for the gradients of frozen parameters, which are not compared; a
    module that raises an error where the reference does not fails too. The gradient of a weight
    that is made of others (parametrized, pruned) is that of the weight so made. Of what is wrapped
    (torch.compile, DataParallel, DistributedDataParallel) the layer inside runs; where it is
    compiled code that did not run, ``note`` of the report says so.

    In float32, float16 and bfloat16 it runs once more in float64 where it can, for there an eps
    outside the root, or another eps, is not lost in rounding (tensors named "... in float64").

    A module of another class is held to what :func:`normviz.identify` recognizes in it: its output,
    the gradient of x, and those of the parameters that γ and β are. The report says what that is
    (``held_to``), and in ``note`` which gradients were not compared, such as that of w in γ = |w|.

    Shapes: x as the module takes it, a torch tensor or NumPy array of float16, float32 or float64
    in the module's own dtype and any memory layout, or a bfloat16 tensor for a float32 module, as
    autocast gives it; grad_output as x. ``tolerance`` is relative to each number's own terms, those
    of its statistics set with its own γ and β, so that no large channel hides what is wrong in a
    small one: by default 1e-10 for float64, 1e-5 for float32, 5e-3 for float16 and bfloat16, and
    1e-6 for what runs once more in float64; a tolerance of your own is for the run in x's dtype.

    What rounding may do to the terms that are added up to a number is allowed besides
    (:mod:`normviz.reference.rounding`): much where the mean is far from zero, or where a gradient
    cancels. Where a difference is allowed for that alone, the report says the cause. NaN and
    infinity agree with their like.

    Raises:
        TypeError: for a module that is no normalization, with the sentence that says what it is.
        ModuleNotFoundError: without torch.
        ValueError, TypeError: what the layer refuses the reference refuses too; also for a
            grad_output unlike x, which is never broadcast, and a tolerance that is not positive
            and finite.

    >>> import torch
    >>> bool(verify(torch.nn.GroupNorm(2, 4), torch.randn(3, 4, 5)))
    True
    """
    _check_tolerance(tolerance)
    layer = unwrapped(module)
    report = _verified(layer, layer is module, x, grad_output, tolerance)
    said = [report.note, EAGER] if copied(module).compiled else [report.note]
    return replace(report, note="; ".join(filter(None, said)))


def _check_tolerance(tolerance: Any) -> None:
    if tolerance is None:
        return
    if isinstance(tolerance, bool) or not isinstance(tolerance, REAL):
        raise TypeError(f"tolerance must be a float, got {tolerance!r}: for example 1e-5")
    if not 0.0 < float(tolerance) < math.inf:
        raise ValueError(
            f"tolerance must be positive and finite, got {tolerance}: for example 1e-5"
        )


def _verified(
    module: Any, is_plain: bool, x: Any, grad_output: Any, tolerance: float | None
) -> Report:
    """The report on a layer; ``is_plain`` says that it was not inside of another."""
    dtype, array = floats("x", x)
    if not has_twin(module):
        return _recognized(module, x, grad_output, tolerance)
    if is_plain:
        _check_dtypes(module, dtype)
        from_torch(module)  # refuses state in bfloat16 before anything runs
    is_torchs = is_plain and type(module).__module__.startswith(("torch.", "normviz."))
    if not is_torchs:
        # A class that inherits from torch's may do something else: channels first, for one.
        try:
            from_torch(module)(array)
        except (ValueError, TypeError) as refusal:
            try:
                return _recognized(module, x, grad_output, tolerance)
            except (ValueError, TypeError):
                raise refusal from None
    report = beside_twin(module, array, dtype, grad_output, tolerance)
    if report or is_torchs:
        return report
    return _of_own_reading(module, x, grad_output, tolerance) or report


def _check_dtypes(module: Any, dtype: str) -> None:
    if dtype == "bfloat16" and any(p.dtype == torch.bfloat16 for p in module.parameters()):
        raise TypeError(
            "module must be of float32 where x is bfloat16, as autocast leaves it, got bfloat16: "
            "convert it with .float()"
        )


def _recognized(module: Any, x: Any, grad_output: Any, tolerance: float | None) -> Report:
    """A module of a class without a twin, held to the formula that was recognized in it."""

    found = identify(module, x)
    if not found:
        raise TypeError(f"module must be a normalization layer: {found.sentence}")
    seen = capture(module, x, grad_output)
    call = call_of(found)
    made = in_float64(call.norm, seen.x, seen.grad_output, call.arguments, call.spread)
    results = [
        ("output", seen.output, seen.output_dtype),
        ("grad_input", seen.grad_input, seen.dtype),
    ]
    left = {name for name, own in seen.grad_parameters.items() if own is not None}
    for name, (parameter, slope) in _parameters(found).items():
        if parameter not in seen.grad_parameters or name not in made:
            continue
        own = seen.grad_parameters[parameter]
        if own is not None and own.size != made[name].size:
            continue  # one number for several of γ, as ScaleNorm has: its gradient is not γ's
        if own is not None:
            # dw is dγ · dγ/dw; it is dγ that is held.
            grows = call.arguments["weight"] if slope is None else slope
            own = (own.reshape(made[name].shape) / grows).astype(own.dtype)
        left.discard(parameter)
        results.append((name, own, seen.dtype))
    differences = []
    for name, own, dtype in results:
        # A layer of 16 bits may compute in them, where torch's own accumulate in float32.
        usual = 2e-2 if dtype.endswith("16") else TOLERANCE[dtype]
        differences.append(
            difference(
                name,
                own,
                made[name].astype(seen.x.dtype if own is None else own.dtype),
                usual if tolerance is None else tolerance,
                tuple(Rounding(made, dtype, one_pass) for one_pass in (False, True)),
            )
        )
    return Report(
        found.layer,
        seen.dtype,
        bool(getattr(module, "training", True)),
        found.shape,
        tuple(differences),
        held_to=formula_in_words(found),
        note="; ".join(f"gradient of {name}: not compared" for name in sorted(left)),
    )


def _parameters(found: Identity) -> dict[str, tuple[str, float | None]]:
    """Which parameter each gradient is of, and how γ or β grows with it.

    One that is γ and β has the gradients of both, which no single one is.
    """
    of = {"grad_weight": found.gamma_of, "grad_bias": found.beta_is and (found.beta_is, 1.0)}
    known = {name: made for name, made in of.items() if made}
    return {} if len({parameter for parameter, _ in known.values()}) < len(known) else known


def _of_own_reading(
    module: Any, x: Any, grad_output: Any, tolerance: float | None
) -> Report | None:
    """The report of a class that inherits from torch's but means something else by its settings.

    It keeps γ − 1 in its weight, or what its normalized_shape counts are other axes than the last.
    """
    try:
        found = identify(module, x)
        own = found and (str(found.gamma_is).startswith("1 + ") or _counts_others(module, found))
    except (ValueError, TypeError):
        return None
    return _recognized(module, x, grad_output, tolerance) if own else None


def _counts_others(module: Any, found: Identity) -> bool:
    """Whether other axes of x than the last are as long as normalized_shape, and share statistics.

    Channels that come first, for one. γ and β must be of these axes, too.
    """
    call = call_of(found)
    sets = call.norm.on(found.shape, call.arguments)
    shared = [
        (factor.dimension + at, length)
        for factor in sets.factors
        if factor.shared
        for at, length in enumerate(factor.lengths)
    ]
    axes, lengths = [at for at, _ in shared], tuple(length for _, length in shared)
    last = list(range(len(found.shape) - len(axes), len(found.shape)))
    parameters = [v.shape for v in (found.gamma, found.beta) if v is not None]
    varying = {at for shape in parameters for at, n in enumerate(shape) if n > 1}
    return (
        lengths == getattr(module, "normalized_shape", None) and axes != last and varying <= {*axes}
    )


__all__ = ["Difference", "Report", "verify"]
