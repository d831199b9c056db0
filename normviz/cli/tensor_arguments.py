"""An op and a tensor as the command line says them: what `explain` and `show` have in common."""

import argparse
import math
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from normviz.cli.ending import say
from normviz.errors import unknown_name
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.sets import norm_for
from normviz.norms.words import listed
from normviz.reference.checks import converted, dtype_beside
from normviz.tensors.files import TEXTS, is_text, read_tensor

Array = npt.NDArray[Any]

TENSOR_HELP = (
    "FILE.npy, FILE.csv, FILE.tsv (also with .gz), FILE.npz[:NAME], FILE.safetensors[:NAME], "
    "FILE.pt[:NAME] or FILE.xlsx[:[SHEET!]A1:D8 or a defined name]"
)
_ARRAYS = {
    "grad_output": "the upstream gradient dy, of x's shape (random)",
    "weight": "γ (1)",
    "bias": "β (0)",
    "running_mean": "the stored mean (0)",
    "running_var": "the stored variance (1)",
}


def add_call_arguments(parser: argparse.ArgumentParser, op: str | None = None) -> None:
    """The options that say which op runs on the tensor (by default ``op``), and with what."""
    add = parser.add_argument
    default = f" ({op})" if op else ""
    which = parser.add_mutually_exclusive_group(required=op is None)
    which.add_argument("--op", metavar="OP", help=f"{', '.join(NORMS)}{default}")
    sets = "statistics sets of your own, such as 'n t (h [d])' (none: --op)"
    which.add_argument("--sets", metavar="SETS", help=sets)
    size = "the size of an axis of SETS that the shape does not tell, such as h=4 (none)"
    add("-s", "--size", metavar="AXIS=SIZE", action="append", default=[], help=size)
    add("--affine", metavar="AXES", default="", help="the axes of SETS that γ and β have (none)")
    parser.set_defaults(default_op=op)
    add(
        "--shape",
        metavar="N,C,...",
        help="read the numbers in this shape, row by row (as the file has it)",
    )
    told = "decimal mark of a .csv or .tsv, . or , (told from the file where that is clear)"
    add("--decimal", metavar="MARK", choices=(".", ","), help=told)
    known = "without TENSOR: smallest divisor, else to be given" if op else "to be given"
    add(
        "--groups",
        metavar="G",
        type=int,
        help=f"of channels, for {_takers('num_groups')} ({known})",
    )
    add(
        "--splits",
        metavar="S",
        type=int,
        help=f"of the batch, for {_takers('num_splits')} ({known})",
    )
    trailing = f"for {_takers('normalized_shape')} (all but N)"
    add("--normalized-shape", metavar="C,H,W", help=trailing)
    add("--eps", metavar="E", type=float, help="inside the root (1e-5; rms_norm: machine epsilon)")
    add("--momentum", metavar="M", type=float, help="weight of the new running statistics (0.1)")
    add("--eval", action="store_true", help="evaluation: the stored statistics normalize")
    for name, what in _ARRAYS.items():
        add(f"--{name.replace('_', '-')}", metavar="FILE", help=what)


def add_slice_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which part of a large tensor is shown."""
    add = parser.add_argument
    add("--samples", metavar="I", help="which to show, such as 0:4 or 0,3,7 (a few)")
    add("--channels", metavar="I", help="which to show, such as 0:4 or 0,3,7 (a few)")
    add("--pixels", metavar="I", help='along every spatial axis: 0:4, or "0:4 2:6" (a few)')


def read_call(
    options: argparse.Namespace, x: Array | None = None, default: Mapping[str, Any] | None = None
) -> tuple[Norm, Array, dict[str, Any]]:
    """The norm, the tensor, and the norm's arguments; grad_output is among them if given.

    Instead of a file the tensor may be ``x``; ``default`` are arguments where none are told.

    Raises:
        ValueError, TypeError: with one sentence, for what cannot be read or does not go together.
        OSError: for a file that is not there.
    """
    norm = _norm(options)
    _check_decimal(options)
    if x is None:
        if options.tensor in NORMS:
            op = f"{options.tensor!r}: did you mean --op {options.tensor}?"
            raise ValueError(f"TENSOR must be a file, got the op {op}")
        x = _read(options.tensor, "x", options.decimal)
        if options.shape:
            x = _reshaped(x, _numbers("--shape", options.shape), "x")
    arguments = _settings(norm, options, default or {})
    shape = norm.on_call(x.shape, {"normalized_shape": x.shape[1:], **arguments}).parameter_shape
    given: dict[str, Array] = {}
    for name in _ARRAYS:
        place = getattr(options, name)
        if place is None:
            continue
        if not norm.affine and name in ("weight", "bias"):
            raise ValueError(f"--affine must name the axes of --{name}, as in --affine c; got none")
        if name != "grad_output":
            _taken(norm, name)
        wanted = x.shape if name == "grad_output" else shape
        found = _read(place, name, options.decimal)
        given[name] = _reshaped(found, wanted, _option(name))
    arguments |= _in_dtypes(x, given)
    _say_fresh(norm, arguments)
    _say_unused(norm, options, arguments)
    _say_axes(norm, x, arguments)
    return norm, x, arguments


def _in_dtypes(x: Array, given: Mapping[str, Array]) -> dict[str, Array]:
    """dy in x's dtype and the parameters in the one that goes with it.

    Raises:
        ValueError: for a number that is too large for it.
    """
    beside = dtype_beside(x, (given[name] for name in given if name != "grad_output"))
    return {
        name: converted(_option(name), array, x.dtype if name == "grad_output" else beside)
        for name, array in given.items()
    }


def given_files(options: argparse.Namespace) -> list[str]:
    """Where the arrays beside the tensor are read from."""
    return [place for name in _ARRAYS if (place := getattr(options, name))]


def workbook_call(options: argparse.Namespace) -> tuple[Norm, Array, dict[str, Any]]:
    """As :func:`read_call`, with the numbers of the workbook of that shape for what is not given.

    Raises:
        ValueError: as :func:`read_call`; for a shape that is no N,C,H,W of a workbook.
    """
    from normviz.workbook.sheets.subject.case import Case, Settings
    from normviz.workbook.sheets.subject.kinds import kind_for

    shape = _numbers("--shape", options.shape) if options.shape else Settings().shape
    norm = _norm(options)
    axes = kind_for(norm, shape).axes if 2 <= len(shape) <= 5 else ()
    case = Case(Settings(shape, axes=axes))
    default = {
        size.argument: getattr(case.settings, size.parts) for size in norm.sizes if size.parts
    }
    norm, x, arguments = read_call(options, case.x, default | {"eps": case.settings.eps})
    sets = norm.on_call(x.shape, {"normalized_shape": x.shape[1:], **arguments})
    own = {"grad_output": case.grad_output}
    if case.running_mean.shape == sets.parameter_shape and (norm.tracks or options.eval):
        own |= {"running_mean": case.running_mean, "running_var": case.running_var}
    if sets.parameter_shape[:1] == case.gamma.shape:
        own |= {
            "weight": case.per_parameter(case.gamma, sets),
            "bias": case.per_parameter(case.beta, sets),
        }
    kept = {n: v for n, v in own.items() if norm.takes(n) or n == "grad_output"}
    return norm, x, kept | arguments


def _norm(options: argparse.Namespace) -> Norm:
    """The norm that --op names or --sets says."""
    op = options.op or options.default_op
    sizes = _sizes(options)
    if options.sets is not None:
        return norm_for(options.sets, sizes=sizes, affine=options.affine)
    if options.affine:
        raise ValueError(f"--affine is for --sets, got {options.affine!r} with {op}")
    if op not in NORMS:
        raise ValueError(unknown_name("--op", op, NORMS))
    return NORMS[op]


def _size(text: str) -> tuple[str, int]:
    """An axis and its size.

    >>> _size("h=4")
    ('h', 4)
    """
    axis, equals, size = text.partition("=")
    if not (axis and equals and size.isdecimal()):
        raise ValueError(f"-s must look like h=4, got {text!r}")
    return axis.strip(), int(size)


def _sizes(options: argparse.Namespace) -> dict[str, int]:
    """The sizes that -s tells, by axis."""
    found: dict[str, int] = {}
    for axis, size in map(_size, options.size):
        if axis in found:
            raise ValueError(f"-s must tell {axis} once, got {found[axis]} and {size}")
        found[axis] = size
    return found


def _takers(argument: str) -> str:
    """The declared norms that take an argument, in words."""
    return listed(name for name, norm in NORMS.items() if norm.takes(argument))


_OPTIONS = {
    "num_groups": "--groups",
    "num_splits": "--splits",
    "normalized_shape": "--normalized-shape",
}
"""The options of their own that arguments have; others are told by -s AXIS=SIZE."""


def _settings(
    norm: Norm, options: argparse.Namespace, default: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments that are numbers."""
    arguments = _told_sizes(norm, options)
    for name, option in _OPTIONS.items():
        value = getattr(options, option[2:].replace("-", "_"))
        if value is None:
            continue
        _taken(norm, name, option)
        if name in arguments:
            axis = next(size.axis for size in norm.sizes if size.argument == name)
            raise ValueError(
                f"{option} and -s {axis}= tell the same: give one of them, got {value} and "
                f"{arguments[name]}"
            )
        arguments[name] = _numbers(option, value) if isinstance(value, str) else value
    arguments = {**default, **arguments}
    for size in norm.sizes:
        needed = size.divides and not (options.eval and norm.evaluation)
        if needed and size.argument not in arguments:
            option = _OPTIONS.get(size.argument, f"-s {size.axis}=")
            example = f"{option}{'' if option[-1] == '=' else ' '}2"
            raise ValueError(f"{option} must be given for {norm.name}, for example {example}")
    if norm.takes("num_splits"):
        arguments.setdefault("num_splits", 1)
    if options.momentum is not None:
        _taken(norm, "momentum")
        if not 0 <= options.momentum <= 1:
            raise ValueError(f"--momentum must be from 0 to 1, got {options.momentum}")
        arguments["momentum"] = options.momentum
    if options.eps is not None:
        arguments["eps"] = options.eps
    if norm.flag:
        arguments[norm.flag] = not options.eval
    return arguments


def _told_sizes(norm: Norm, options: argparse.Namespace) -> dict[str, Any]:
    """The arguments that -s tells by their axes, of a norm that --op names."""
    told = _sizes(options) if options.sets is None else {}
    found: dict[str, Any] = {}
    for size in (size for size in norm.sizes if size.axis in told):
        length = told.pop(size.axis)
        found[size.argument] = length if size.divides else (length,)
    if told:
        axes = [size.axis for size in norm.sizes]
        raise ValueError(unknown_name("the axis of -s", next(iter(told)), axes))
    return found


def _taken(norm: Norm, name: str, option: str = "") -> None:
    """Refuse an option that the norm has no argument for."""
    if not norm.takes(name):
        option = option or _option(name)
        owners = [norm.name for norm in NORMS.values() if norm.takes(name)]
        raise ValueError(f"{option} is for {', '.join(owners)}; {norm.name} does not take it")


def _option(name: str) -> str:
    """The option of an argument that is an array."""
    return f"--{name.replace('_', '-')}"


def _read(place: str, name: str, decimal: str | None) -> Array:
    source = read_tensor(place, name, decimal)
    if source.note:
        say(f"note: {name} {source.note}")
    return source.array


def _check_decimal(options: argparse.Namespace) -> None:
    """Refuse a decimal mark where no text is read."""
    places = [options.tensor, *given_files(options)]
    if options.decimal and not any(place and is_text(place) for place in places):
        raise ValueError(f"--decimal is for {' and '.join(TEXTS)}, and none is read")


def _reshaped(array: Array, shape: tuple[int, ...], name: str) -> Array:
    """The array in that shape, if a table can hold nothing else.

    A table has rows and columns: it may be a single row or column, or a sample a row.
    """
    flat = max(array.shape, default=1) == array.size
    samples = len(shape) > 2 and array.ndim == 2 and array.shape[0] == shape[0]
    fits = array.size == math.prod(shape) and (name == "x" or flat or samples)
    if array.shape != shape and not fits:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return array.reshape(shape)


def _numbers(option: str, text: str) -> tuple[int, ...]:
    """Positive whole numbers from their text.

    >>> _numbers("--shape", "4,3,2")
    (4, 3, 2)
    """
    try:
        found = tuple(int(part) for part in text.strip("()").rstrip(",").split(","))
    except ValueError:
        found = ()
    if not found or min(found) < 1:
        raise ValueError(
            f"{option} must be positive whole numbers such as 4,3,2,2, got {text!r}"
        ) from None
    return found


def _say_fresh(norm: Norm, arguments: dict[str, Any]) -> None:
    """In evaluation without stored statistics those of a fresh layer count, and this is said."""
    evaluates = not norm.uses_own_statistics(arguments)
    missing = [n for n in ("running_mean", "running_var") if n not in arguments]
    if evaluates and missing:
        given = {"running_mean": "0", "running_var": "1"}
        told = " and ".join(f"{name} {given[name]}" for name in missing)
        say(f"note: {told}, those of a fresh layer: none were given")


def _say_unused(norm: Norm, options: argparse.Namespace, arguments: Mapping[str, Any]) -> None:
    """An option that every norm may be given, and that changes nothing for this one."""
    if options.eval and not norm.flag:
        say(f"note: --eval changes nothing: {norm.name} is the same in training and evaluation")
    if options.momentum is None:
        return
    if not norm.uses_own_statistics(arguments):
        say("note: --momentum changes nothing: in evaluation the stored statistics stay")
    elif not norm.tracks and not {"running_mean", "running_var"} & {*arguments}:
        say(f"note: --momentum changes nothing: {norm.name} was given no running statistics")


def _say_axes(norm: Norm, x: Array, arguments: dict[str, Any]) -> None:
    """Layer norm of tokens (N, T, D) is meant over D alone far more often than over all but N."""
    takes = norm.takes("normalized_shape") and "normalized_shape" not in arguments
    if takes and x.ndim > 2:
        axes = ",".join(map(str, x.shape[1:]))
        say(
            f"note: {norm.name} took all axes but the first, --normalized-shape {axes}; "
            f"over the last alone (the features of a token) it is --normalized-shape {x.shape[-1]}"
        )
