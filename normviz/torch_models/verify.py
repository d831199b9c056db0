"""Any torch normalization layer against the NumPy reference: forward, backward, buffers."""

import copy
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.reference.checks import check_grad_output, check_tensor
from normviz.reference.module import to_numpy
from normviz.torch_models.from_torch import from_torch, has_twin

Array = npt.NDArray[Any]

TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "float16": 5e-3, "bfloat16": 5e-3}
"""The largest difference allowed, relative to the largest value of the result."""

TOLERANCE_IN_FLOAT64 = 1e-6
"""The same for what runs once more in float64, where the rounding of a shorter dtype no longer
hides a slightly wrong formula; a layer that works in float32 inside still passes."""


@dataclass(frozen=True)
class Difference:
    """How far one tensor of the torch layer is from the reference's.

    ``absolute`` is the largest difference of an element, ``relative`` that divided by the largest
    absolute value of the reference's tensor.
    """

    tensor: str
    absolute: float
    relative: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the relative difference is within the tolerance (NaN is not)."""
        return self.relative <= self.tolerance


@dataclass(frozen=True)
class Report:
    """What :func:`verify` found; its truth value is the verdict."""

    layer: str
    dtype: str
    training: bool
    shape: tuple[int, ...]
    differences: tuple[Difference, ...]
    failure: str | None = None  # what kept the layer from running to the end

    def __bool__(self) -> bool:
        return self.failure is None and all(d.passed for d in self.differences)

    @property
    def worst(self) -> Difference:
        """The tensor with the largest relative difference."""
        return max(
            self.differences, key=lambda d: math.inf if d.relative != d.relative else d.relative
        )

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data, for a JSON file."""
        return {**asdict(self), "passed": bool(self)}

    def __str__(self) -> str:
        mode = "training" if self.training else "evaluation"
        lines = [
            f"{'PASS' if self else 'FAIL'}  {self.layer}  {self.dtype}  {mode}  {self.shape}",
            f"  {'tensor':<24} {'absolute':>10} {'relative':>10} {'allowed':>10}",
        ]
        lines += [
            f"  {d.tensor:<24} {d.absolute:>10.2e} {d.relative:>10.2e} {d.tolerance:>10.0e}"
            f"{'' if d.passed else '  FAIL'}"
            for d in self.differences
        ]
        if self.failure:
            lines.insert(1, f"  {self.failure}")
        return "\n".join(lines)


def verify(module: Any, x: Any, grad_output: Any = None, tolerance: float | None = None) -> Report:
    """Run a torch normalization layer beside the NumPy reference on the same numbers.

    Compares the output, the gradients of x, weight and bias for ``grad_output`` (random where not
    given), and the running buffers after the step, in the mode the module is in: their shapes,
    dtypes and values. The module itself is left as it was: a copy runs. A tensor that the module
    does not give fails, except for the gradients of frozen parameters, which are not compared; a
    module that raises an error where the reference does not fails too.

    In float32, float16 and bfloat16 it runs once more in float64 where it can, for there an eps
    outside the root, or another eps, is not lost in rounding (tensors named "... in float64").

    A module of another class is held to what :func:`normviz.identify` recognizes in it: its output
    and the gradient of x.

    Shapes: x as the module takes it, a torch tensor or NumPy array of float16, float32 or float64
    in the module's own dtype and any memory layout, or a bfloat16 tensor for a float32 module, as
    autocast gives it; grad_output as x. ``tolerance`` is relative to the largest value of each
    tensor: by default 1e-10 for float64, 1e-5 for float32, 5e-3 for float16 and bfloat16, and 1e-6
    for what runs once more in float64; a tolerance of your own is for the one run in x's dtype.
    (torch's float32 batch norm on channels-last tensors on the CPU adds up in float32 and misses
    1e-5 on tens of thousands of values per channel, where its contiguous kernel and the reference
    are exact to 1e-7.)

    Raises:
        TypeError: for a module that is no normalization, with the sentence that says what it is.
        ModuleNotFoundError: without torch.
        ValueError, TypeError: what the layer refuses the reference refuses too; also for a
            grad_output unlike x, which is never broadcast.

    >>> import torch
    >>> bool(verify(torch.nn.GroupNorm(2, 4), torch.randn(3, 4, 5)))
    True
    """
    torch = needs_torch("verify")
    dtype, array = _floats(torch, "x", x)
    if (
        dtype == "bfloat16"
        and has_twin(module)
        and any(p.dtype == torch.bfloat16 for p in module.parameters())
    ):
        raise TypeError(
            "module must be of float32 where x is bfloat16, as autocast leaves it, got bfloat16: "
            "convert it with .float()"
        )
    if not has_twin(module):
        return _verify_recognized(torch, module, x, grad_output, tolerance)
    twin = from_torch(module)  # refuses state in bfloat16 before anything runs
    is_torchs = type(module).__module__.startswith(("torch.", "normviz."))
    if not is_torchs:
        # A class that inherits from torch's may do something else: channels first, for one.
        try:
            twin(array)
        except (ValueError, TypeError) as refusal:
            try:
                return _verify_recognized(torch, module, x, grad_output, tolerance)
            except (ValueError, TypeError):
                raise refusal from None
    if grad_output is None:
        grad_output = np.random.default_rng(0).standard_normal(array.shape).astype(array.dtype)
        grad_output = torch.from_numpy(grad_output).to(getattr(torch, dtype))
    upstream = np.empty_like(array)  # in x's memory layout, which decides the kernel torch runs
    upstream[...] = check_grad_output(_floats(torch, "grad_output", grad_output)[1], array)
    allowed = TOLERANCE[dtype] if tolerance is None else tolerance
    differences, failure = _compare(torch, module, array, upstream, dtype, allowed)
    if tolerance is None and failure is None and dtype != "float64":
        x64, grad64 = (a.astype(np.float64, order="K") for a in (array, upstream))
        module64 = copy.deepcopy(module).double()
        again, cannot = _compare(torch, module64, x64, grad64, "float64", TOLERANCE_IN_FLOAT64)
        if cannot is None:
            differences += tuple(replace(d, tensor=f"{d.tensor} in float64") for d in again)
    name = module._get_name()
    report = Report(name, dtype, bool(module.training), array.shape, differences, failure)
    return (
        report if report or is_torchs else _of_own_reading(torch, module, x, grad_output) or report
    )


def _verify_recognized(
    torch: Any, module: Any, x: Any, grad_output: Any, tolerance: float | None
) -> Report:
    """A module of a class without a twin, held to the formula that was recognized in it."""
    from normviz.torch_models.capture import capture
    from normviz.torch_models.identify import identify

    found = identify(module, x)
    if not found or found.reference is None:
        raise TypeError(f"module must be a normalization layer: {found.sentence}")
    seen = capture(module, x, grad_output)
    wide = [torch.from_numpy(a.astype(np.float64)) for a in (seen.x, seen.grad_output)]
    expected = {
        "output": (seen.output, found.reference.output(wide[0])),
        "grad_input": (seen.grad_input, found.reference.gradient(*wide)),
    }
    # A layer of 16 bits may compute in them, where torch's own accumulate in float32.
    usual = 2e-2 if seen.dtype.endswith("16") else TOLERANCE[seen.dtype]
    allowed = usual if tolerance is None else tolerance
    differences = tuple(
        _difference(name, own, np.asarray(right).astype(seen.x.dtype), allowed)
        for name, (own, right) in expected.items()
    )
    training = bool(getattr(module, "training", True))
    return Report(found.layer, seen.dtype, training, found.shape, differences)


def _of_own_reading(torch: Any, module: Any, x: Any, grad_output: Any) -> Report | None:
    """The report of a class that inherits from torch's but means something else by its settings.

    It keeps γ − 1 in its weight, or the channels that its normalized_shape counts come first.
    """
    from normviz.torch_models.identify import identify

    try:
        found = identify(module, x)
    except (ValueError, TypeError):
        return None
    shape = getattr(module, "normalized_shape", None)
    channels_first = found.name == "pixel_norm" and shape == (found.shape[1],)
    if not found or not (channels_first or str(found.gamma_is).startswith("1 + ")):
        return None
    return _verify_recognized(torch, module, x, grad_output, None)


def _floats(torch: Any, name: str, value: Any) -> tuple[str, Array]:
    """The dtype of a tensor or array, and its values; those of bfloat16 in float32."""
    if getattr(value, "dtype", None) is torch.bfloat16:
        return "bfloat16", to_numpy(value.float())
    array = check_tensor(name, to_numpy(value))
    return str(array.dtype), array


def _compare(
    torch: Any, module: Any, x: Array, grad_output: Array, dtype: str, tolerance: float
) -> tuple[tuple[Difference, ...], str | None]:
    """Every tensor's difference, and a sentence where the module did not run to the end."""
    reference = _run_reference(from_torch(module), x, grad_output)
    found: dict[str, Array] = {}
    failure = None
    try:
        with torch.inference_mode(False), torch.enable_grad():
            found = _run_torch(torch, copy.deepcopy(module), x, grad_output, dtype)
    except Exception as error:  # noqa: BLE001  whatever a wrong layer raises is the finding
        failure = f"the layer raised {type(error).__name__}: {' '.join(str(error).split())}"
    frozen = {f"grad_{n}" for n, p in module.named_parameters() if not p.requires_grad}
    return tuple(
        _difference(name, found.get(name), expected, tolerance)
        for name, expected in reference.items()
        if name not in frozen
    ), failure


def _run_reference(twin: Any, x: Array, grad_output: Array) -> dict[str, Array]:
    results = {"output": twin(x)}
    results |= {n: g for n, g in twin.backward(grad_output)._asdict().items() if g is not None}
    return results | {n: b for n in twin._buffers if (b := getattr(twin, n)) is not None}


def _run_torch(
    torch: Any, module: Any, x: Array, grad_output: Array, dtype: str
) -> dict[str, Array]:
    wanted = getattr(torch, dtype)
    tensor = torch.from_numpy(x.copy(order="K")).to(wanted).requires_grad_()
    device = next((p.device for p in [*module.parameters(), *module.buffers()]), tensor.device)
    output = module(tensor.to(device))
    if not torch.is_tensor(output):
        raise TypeError(f"its output must be a tensor, got {type(output).__name__}")
    for parameter in module.parameters():
        parameter.grad = None
    if output.requires_grad and output.shape == x.shape:
        output.backward(torch.from_numpy(grad_output.copy(order="K")).to(device, output.dtype))
    # In float32, as the reference's, it would pass below.
    if wanted == torch.bfloat16 and output.dtype != wanted:
        raise TypeError(f"its output must be bfloat16 as x, got {output.dtype}")
    results = {"output": output, "grad_input": tensor.grad}
    results |= {f"grad_{name}": p.grad for name, p in module.named_parameters()}
    results |= dict(module.named_buffers())
    return {
        name: to_numpy(value.float() if value.dtype == torch.bfloat16 else value)
        for name, value in results.items()
        if value is not None
    }


def _difference(name: str, found: Array | None, expected: Array, tolerance: float) -> Difference:
    if found is None or (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return Difference(name, math.inf, math.inf, tolerance)
    if found.size == 0:
        return Difference(name, 0.0, 0.0, tolerance)
    a, b = found.astype(np.float64), expected.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity less infinity is NaN, and that does not pass
        absolute = float(np.max(np.abs(a - b)))
    scale = float(np.max(np.abs(b)))
    # A gradient that is zero up to rounding has no scale of its own: it is held to that of 1.
    relative = absolute / (scale if scale > 1e-3 else 1.0)
    return Difference(name, absolute, relative, tolerance)


def standard_layers(dtype: str) -> list[tuple[str, Any, Array]]:
    """Every layer that the reference has, with an x for it: what ``normviz verify`` runs.

    >>> [name for name, _, _ in standard_layers("float64")][:3]
    ['BatchNorm1d', 'BatchNorm2d', 'BatchNorm3d']
    """
    torch = needs_torch("verify")
    from normviz import torch_layers as own

    nn, wanted = torch.nn, getattr(torch, dtype)
    two, three, four, five = (8, 6), (4, 6, 10), (4, 6, 5, 5), (4, 6, 3, 4, 4)
    cases = [
        (nn.BatchNorm1d(6), two),
        (nn.BatchNorm2d(6), four),
        (nn.BatchNorm3d(6), five),
        (nn.GroupNorm(3, 6), four),
        (nn.LayerNorm((6, 5, 5)), four),
        (nn.InstanceNorm1d(6, affine=True, track_running_stats=True), three),
        (nn.InstanceNorm2d(6, affine=True, track_running_stats=True), four),
        (nn.InstanceNorm3d(6, affine=True, track_running_stats=True), five),
        (nn.RMSNorm((6, 5, 5)), four),
        (own.GhostBatchNorm2d(6, num_splits=2), four),
        (own.RMSNorm2d(6), four),
        (own.Norm("n [c] ...", (None, 6, None, None), affine="c"), four),
        (own.ReferenceNorm2d("batch_norm", 6), four),
    ]
    rng = np.random.default_rng(0)
    layers = []
    for module, shape in cases:
        module = module.to(wanted)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.from_numpy(rng.normal(1.0, 0.5, tuple(parameter.shape))))
        x = (3.0 * rng.standard_normal(shape) + 1.0).astype(dtype)
        layers.append((module._get_name(), module, x))
    return layers


def verify_all() -> list[Report]:
    """Verify every standard layer in float32 and float64, in training and in evaluation."""
    return [
        verify(module.train(training), x)
        for dtype in ("float32", "float64")
        for _, module, x in standard_layers(dtype)
        for training in (True, False)
    ]
