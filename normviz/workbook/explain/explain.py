"""A workbook of one layer on its user's own numbers, from a module or from an op and a tensor."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.norms.sets import norm_of
from normviz.reference.call import backward, complete, default_eps, forward
from normviz.reference.module import Module
from normviz.reference.trace import Trace, trace
from normviz.tensors.files import checked
from normviz.torch_models.capture import RANDOM, Capture, capture
from normviz.workbook.explain.book import Story, explain_book
from normviz.workbook.explain.selection import Choice, select
from normviz.workbook.in_notebook import Explained
from normviz.workbook.write import save

Array = npt.NDArray[Any]
RANKS = (2, 3, 4, 5)


def explain(
    module: Any,
    x: Any,
    path: str | os.PathLike[str] | None = None,
    grad_output: Any = None,
    layer: str | None = None,
    *,
    samples: Choice = None,
    channels: Choice = None,
    pixels: Any = None,
) -> Path | Explained:
    """A workbook that shows every step of a normalization layer on these numbers.

    It is written to ``path``, a .xlsx or .html file, which is returned. Without a path it is
    returned itself, and shows itself in a notebook.

    ``module`` is a torch normalization layer, one of :mod:`normviz.reference.layers`, or with
    ``layer="features.3"`` a model whose layer of that name is explained on what it sees when the
    model runs on x. Training or evaluation is the mode the module is in; module, buffers and
    gradients stay as they are. ``grad_output`` is the upstream gradient (with ``layer``, of the
    model's output, or of the layer's where it has that shape); by default random numbers.

    Every statistic is computed over the whole tensor; of a large one the sheets show the slice of
    ``samples``, ``channels`` and ``pixels`` ("0:4", "0,3,7", a slice, numbers; for pixels a tuple
    of such, one for each spatial axis), and sums over the rest stand in the formulas as constants.
    All steps are in float64; the layer's own results stand beside them.

    Shapes: x of rank 2 to 5 as the layer takes it (with ``layer``, as the model takes it), a torch
    tensor or array.

    Raises:
        TypeError: a module that is no normalization layer, an x that holds no numbers.
        ValueError: NaN or infinity (named by index), a layer that does not exist (with the nearest
            ones), a slice outside of x, a shape or dtype that the layer refuses.
        OSError: a path that cannot be written. The file appears whole or not at all.

    >>> import tempfile
    >>> from normviz.reference.layers import BatchNorm1d
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0], [8.0, 20.0]], dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     explain(BatchNorm1d(2), x, f"{folder}/mine.xlsx").name
    'mine.xlsx'
    """
    seen = capture(module, x, grad_output, layer)
    made, story = _of_capture(seen)
    selection = select(made.sets, samples, channels, pixels)
    book = explain_book(made, selection, story)
    return Explained(book) if path is None else save(book, path)


def explain_op(
    op: str | Norm,
    x: Array,
    path: str | os.PathLike[str],
    grad_output: Array | None = None,
    *,
    source: str = "",
    samples: Choice = None,
    channels: Choice = None,
    pixels: Any = None,
    **arguments: Any,
) -> Path:
    """As :func:`explain`, for an op by name, or a pattern, and its function's arguments.

    Parameters that are not among the arguments are those of a fresh layer: weight 1, bias 0,
    running_mean 0, running_var 1 (instance_norm in training has none, as torch's).

    Raises:
        ValueError, TypeError: as :func:`explain`; for an unknown op, with the nearest.
    """
    call = fresh_call(op, x, grad_output, **arguments)
    story = Story(
        layer=call.trace.norm.call,
        source=source or "the tensor that was given",
        dtype=str(np.asarray(x).dtype),
        gradient=call.gradient,
        parameters=call.parameters,
        output=call.output,
        grad_input=call.grad_input,
    )
    selection = select(call.trace.sets, samples, channels, pixels)
    return save(explain_book(call.trace, selection, story), Path(path))


@dataclass(frozen=True)
class Call:
    """An op traced on a tensor, and what normviz's own functions make of it in x's dtype."""

    trace: Trace
    output: Array
    grad_input: Array
    gradient: str
    parameters: str


def fresh_call(
    op: str | Norm, x: Array, grad_output: Array | None = None, **arguments: Any
) -> Call:
    """Trace an op in float64 with the parameters of a fresh layer where none are given.

    Raises:
        ValueError, TypeError: as the op's function; for an unknown op, with the nearest.
    """
    norm, arguments = norm_of(op, arguments)
    x = checked_tensor(x, "x")
    if norm.takes("normalized_shape"):
        arguments.setdefault("normalized_shape", x.shape[1:])
    if norm.flag:
        arguments.setdefault(norm.flag, norm.flag_default)
    own = norm.uses_own_statistics(arguments)
    shape = norm.on_call(x.shape, arguments).parameter_shape
    fresh = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    if norm.flag_default and own and "running_mean" not in arguments:
        fresh = {"weight": 1.0, "bias": 0.0}  # as in torch, instance norm tracks only when asked to
    missing = [name for name in fresh if norm.has(name) and arguments.get(name) is None]
    arguments |= {name: np.full(shape, fresh[name], x.dtype) for name in missing}
    gradient = "the gradient that was given"
    if grad_output is None:
        gradient = RANDOM
        grad_output = np.random.default_rng(0).standard_normal(x.shape).astype(x.dtype)
    elif grad_output.shape == x.shape:
        grad_output = checked_tensor(grad_output, "grad_output").astype(x.dtype)
    before = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in arguments.items()}
    output = forward(norm, x, **complete(norm, arguments))
    gradients = backward(norm, grad_output, x, **complete(norm, before))
    made = traced(norm, x, grad_output, before)
    said = f"of a fresh layer: {', '.join(missing)}" if missing else "as given"
    return Call(made, output, gradients.grad_input, gradient, said)


def traced(norm: Norm, x: Array, grad_output: Array, arguments: dict[str, Any]) -> Trace:
    """Every step in float64, which is what a sheet computes in.

    Raises:
        ValueError: where a step is not finite (a constant set with eps = 0).
    """
    wide = {
        n: v.astype(np.float64) if isinstance(v, np.ndarray) else v for n, v in arguments.items()
    }
    if wide.get("eps", 0.0) is None:
        wide["eps"] = default_eps(x.dtype)
    if wide.get("momentum", 0.0) is None:
        wide["momentum"] = 0.0
    made = trace(norm, x.astype(np.float64), **wide)
    made.backward(grad_output.astype(np.float64))
    for name in made:
        if not np.isfinite(made[name]).all():
            raise ValueError(
                f"the step {name} must be finite to be shown; with eps={made.eps} it is not"
            )
    return made


def checked_tensor(x: Any, name: str) -> Array:
    """A finite floating-point array of a rank that a sheet can show.

    Raises:
        TypeError, ValueError: otherwise, in a sentence.
    """
    array = checked(np.asarray(x), name)[0]
    if array.ndim not in RANKS:
        raise ValueError(f"{name} must have 2 to 5 dimensions (N, C, *spatial), got {array.shape}")
    return array


def _of_capture(seen: Capture) -> tuple[Trace, Story]:
    twin, x = seen.twin, seen.x
    given, grad, output, grad_input = x, seen.grad_output, seen.output, seen.grad_input
    if _is_single_sample(twin, x):
        given, grad, output, grad_input = (a[None] for a in (x, grad, output, grad_input))
    given, grad = checked_tensor(given, "x"), checked_tensor(grad, "grad_output")
    twin._check_rank(given)
    made = traced(twin.norm, given, grad, twin._arguments(given))
    story = Story(
        layer=seen.title,
        source=seen.where_x,
        dtype=str(x.dtype),
        gradient=seen.where_grad_output,
        parameters="the layer's own",
        output=output,
        grad_input=grad_input,
    )
    return made, story


def _is_single_sample(twin: Module, x: Array) -> bool:
    """Whether an instance norm was given (C, *spatial) without the batch."""
    ranks: tuple[int, ...] = getattr(twin, "_ranks", ())
    return twin.norm.name == "instance_norm" and bool(ranks) and x.ndim == ranks[0] - 1
