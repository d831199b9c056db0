"""A workbook of one layer on its user's own numbers, from a module or from an op and a tensor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.files import check_place
from normviz.norms.norm import Norm
from normviz.norms.sets import NORMS, norm_of
from normviz.reference import functional
from normviz.reference.call import GIVEN, RANDOM, backward, complete, drawn_gradient, forward
from normviz.reference.checks import converted, dtype_beside
from normviz.reference.module import Module
from normviz.reference.trace import Trace
from normviz.tensors.limits import MOST_ELEMENTS, check_size
from normviz.workbook.explain.book import explain_book
from normviz.workbook.explain.call_trace import (
    Slices,
    checked_tensor,
    numpy_story,
    shown,
)
from normviz.workbook.explain.in_notebook import Explained
from normviz.workbook.explain.part import Numbers
from normviz.workbook.explain.selection import Choice
from normviz.workbook.explain.story import Story
from normviz.workbook.write import medium, save

Array = npt.NDArray[Any]


def explain(
    module: Any,
    x: Any,
    path: str | os.PathLike[str] | None = None,
    grad_output: Any = None,
    layer: str | None = None,
    *,
    kwargs: Mapping[str, Any] | None = None,
    call: int = 1,
    loss: Any = None,
    model_grad_output: Any = None,
    sets: str | None = None,
    sizes: Mapping[str, Any] | None = None,
    samples: Choice = None,
    channels: Choice = None,
    pixels: Any = None,
) -> Path | Explained:
    """A workbook that shows every step of a normalization layer on these numbers.

    It is written to ``path``, a .xlsx or .html file, which is returned. Without a path it is
    returned itself, and shows itself in a notebook.

    ``module`` is a layer: a torch module or a function of a tensor, whatever its class, or one of
    :mod:`normviz.reference.layers`. With ``layer="features.3"`` it is a model, and that layer is
    explained on what it sees at its ``call``-th call when the model runs on x (a tensor, a tuple
    of arguments or a dict) and ``kwargs``. Which normalization it is :func:`normviz.identify`
    finds out; ``sets`` (a pattern or a norm's name, with ``sizes``) says instead what it should
    be, and the book shows in red where it departs. Training or evaluation is the mode the module
    is in; module, buffers, gradients, hooks and random generators stay as they are.

    Axes are called by the names of the pattern; two before the features of four (heads of tokens,
    pixels with their channels last) also by what the model was given, where that tells.

    The upstream gradient is ``grad_output``, of the layer's output, or what reaches the layer of
    ``model_grad_output``, of the model's, or of ``loss``, a function of the model's output or
    "sum"; by default it is random numbers.

    Every statistic is computed over the whole tensor; of a large one the sheets show the slice of
    ``samples``, ``channels`` and ``pixels`` ("0:4", "0,3,7", a slice, numbers; for pixels a tuple
    of such, one for each spatial axis), and sums over the rest stand in the formulas as constants.
    Of more than 10 million elements only the sets that are shown are traced, which must not be
    more. All steps are in float64; the layer's own results stand beside them. Where one is NaN or
    infinity, or x is, the book has numbers instead of formulas and says where it first came up.

    Shapes: x of rank 1 to 6 as the layer takes it (with ``layer``, as the model takes it), a torch
    tensor, array or list.

    Raises:
        TypeError: a layer that is no normalization, with the sentence that says what it is; an x
            that holds no numbers.
        ValueError: more than 50 million elements, a layer that does not exist (with the nearest
            ones), a slice outside of x, what the layer or model refuses, a number that would become
            infinite in its dtype; an argument that means nothing for this module.
        OSError: a path that cannot be written. The file appears whole or not at all.

    >>> import tempfile
    >>> from normviz.reference.layers import BatchNorm1d
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0], [8.0, 20.0]], dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     explain(BatchNorm1d(2), x, f"{folder}/mine.xlsx").name
    'mine.xlsx'
    """
    if path is not None:
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(
                f"path must be the name of a file, got {type(path).__name__}: an upstream gradient "
                "is grad_output=, a layer's name layer="
            )
        medium(check_place(path))
    slices = Slices(samples, channels, pixels)
    of_model = {"kwargs": bool(kwargs), "call": call != 1, "loss": loss is not None}
    of_model |= {"model_grad_output": model_grad_output is not None}
    if sizes and sets is None:
        raise ValueError(f"sizes must be None without sets, whose axes they are of, got {sizes!r}")
    if isinstance(module, Module):
        if layer is not None:
            raise ValueError(f"layer must be None for a single NumPy layer, got {layer!r}")
        _refuse(of_model | {"sets": sets is not None}, "is not for a single NumPy layer")
        found = numpy_story(module, x, grad_output, slices)
    else:
        needs_torch("explaining a torch module")
        # torch is needed here alone: an op or a NumPy layer is explained without it.
        from normviz.torch_models.capture import capture
        from normviz.workbook.explain.torch_layer import story_of

        if layer is None:
            _refuse(of_model, "is for a model whose layer is named by layer=")
        given = {"kwargs": kwargs, "call": call, "loss": loss}
        given["model_grad_output"] = model_grad_output
        seen = capture(module, x, grad_output, layer, **given)
        found = story_of(seen, module, layer, sets, dict(sizes or {}), slices)
    book = explain_book(*found)
    return Explained(book) if path is None else save(book, path)


def _refuse(arguments: Mapping[str, bool], why: str) -> None:
    """Refuse the first argument that was given where it means nothing."""
    for name, is_given in arguments.items():
        if is_given:
            raise ValueError(f"{name} {why}")


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
        layer=_called(call.numbers.norm),
        source=source or "the tensor that was given",
        dtype=str(np.asarray(x).dtype),
        gradient=call.gradient,
        parameters=call.parameters,
        output=call.output,
        grad_input=call.grad_input,
    )
    found = shown(call.numbers, story, Slices(samples, channels, pixels))
    return save(explain_book(*found), Path(path))


def _called(norm: Norm) -> str:
    """How a norm is called in Python; one of the user's own has no function of its name."""
    if NORMS.get(norm.name) is norm and hasattr(functional, norm.name):
        return f"normviz.{norm.name}"
    return f"normviz.normalize, {norm}" if norm.name == norm.sets else repr(norm)


@dataclass(frozen=True)
class Call:
    """An op on a tensor, and what normviz's own functions make of it in x's dtype."""

    numbers: Numbers
    output: Array
    grad_input: Array
    gradient: str
    parameters: str

    @cached_property
    def trace(self) -> Trace:
        """Every step, in float64.

        Raises:
            ValueError: for more elements than can be traced.
        """
        check_size(self.numbers.x.shape, "x", MOST_ELEMENTS)
        return self.numbers.traced()


def fresh_call(
    op: str | Norm, x: Array, grad_output: Array | None = None, **arguments: Any
) -> Call:
    """A call of an op, with the parameters of a fresh layer where none are given.

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
    given = [name for name in fresh if arguments.get(name) is not None]
    if not norm.tracks and own and not {"running_mean", "running_var"} & {*given}:
        fresh = {"weight": 1.0, "bias": 0.0}  # as in torch, instance norm tracks only when asked to
    missing = [name for name in fresh if norm.has(name) and name not in given]
    dtype = dtype_beside(x, (arguments[name] for name in given))
    arguments |= {name: np.full(shape, fresh[name], dtype) for name in missing}
    gradient = GIVEN
    if grad_output is None:
        gradient, grad_output = RANDOM, drawn_gradient(x.shape).astype(x.dtype)
    elif grad_output.shape == x.shape:
        grad_output = checked_tensor(grad_output, "grad_output")
        grad_output = converted("grad_output", grad_output, x.dtype)
    before = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in arguments.items()}
    output = forward(norm, x, **complete(norm, arguments))
    gradients = backward(norm, grad_output, x, **complete(norm, before))
    said = f"of a fresh layer: {', '.join(missing)}" if missing else "as given"
    numbers = Numbers(norm, x, grad_output, before)
    return Call(numbers, output, gradients.grad_input, gradient, said)
