"""What the functions refuse: the same calls that torch refuses, with a sentence that helps."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
REAL = (int, float, np.integer, np.floating)
FLOATS = frozenset(map(np.dtype, (np.float16, np.float32, np.float64)))


def check_tensor(name: str, value: Any) -> Array:
    """``value`` if it is a NumPy array of float16, float32 or float64.

    Raises:
        TypeError: otherwise; integers have no fractional part to normalize into.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    check_plain_array(name, value)
    if value.dtype not in FLOATS:
        raise TypeError(
            f"{name} must be float16, float32 or float64, got {value.dtype}: "
            f"convert it with {name}.astype(np.float32)"
        )
    return value


def check_plain_array(name: str, value: Any) -> None:
    """Refuse a masked array or another kind of one, before np.asarray makes it a plain one.

    Raises:
        TypeError: a mask would count in one place and be lost in another.
    """
    if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
        raise TypeError(
            f"{name} must be a plain NumPy array, got {type(value).__name__}: "
            f"convert it with np.asarray({name})"
        )


def check_real(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse complex numbers, of which a conversion would keep the real part alone."""
    if dtype.kind == "c":
        raise TypeError(f"{name} must hold real numbers, got dtype {dtype}")


def check_eps(eps: Any, positive: bool) -> None:
    """Refuse an eps that is no number, or below zero; ``positive``: zero too, as batch_norm."""
    if isinstance(eps, bool) or not isinstance(eps, REAL):
        raise TypeError(f"eps must be a float, got {eps!r}: the usual value is 1e-5")
    number = float(eps)
    if not (number > 0.0 if positive else number >= 0.0) or math.isinf(number):
        wanted = "positive" if positive else "zero or positive"
        raise ValueError(f"eps must be {wanted}, got {eps}: the usual value is 1e-5")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is no bool: any other truth value is most likely a misplaced argument."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_momentum(momentum: Any) -> None:
    """Refuse a momentum that is no number."""
    if isinstance(momentum, bool) or not isinstance(momentum, REAL):
        raise TypeError(f"momentum must be a float, got {momentum!r}: torch's default is 0.1")


def check_parameters(x: Array, shape: tuple[int, ...], **parameters: Array | None) -> None:
    """Check weight, bias and running buffers: their shape, and one dtype that goes with x's.

    Raises:
        TypeError: for a dtype other than x's (or, for float16, other than float32 throughout).
        ValueError: for another shape.
    """
    alike = True
    for name, parameter in parameters.items():
        if parameter is None:
            continue
        check_tensor(name, parameter)
        if parameter.shape != shape:
            raise ValueError(f"{name} must have shape {shape}, got {parameter.shape}")
        alike = alike and parameter.dtype == x.dtype
    if alike:
        return
    given = {name: value for name, value in parameters.items() if value is not None}
    allowed = {x.dtype} | ({np.dtype(np.float32)} if x.dtype == np.float16 else set())
    found = {value.dtype for value in given.values()}
    if found - allowed or len(found) > 1:
        told = ", ".join(f"{name} {value.dtype}" for name, value in given.items())
        wanted = " or all ".join(sorted(str(d) for d in allowed))
        raise TypeError(
            f"with x of dtype {x.dtype} the parameters must be all {wanted}, got {told}"
        )


def dtype_beside(x: Array, parameters: Iterable[Any]) -> np.dtype[Any]:
    """The dtype in which these parameters go with x: x's, or float32 for wider ones of float16."""
    wide = any(np.asarray(parameter).dtype.itemsize > 2 for parameter in parameters)
    return np.dtype(np.float32) if wide and x.dtype == np.float16 else x.dtype


def converted(name: str, value: Array, dtype: np.dtype[Any]) -> Array:
    """``value`` in another dtype.

    Raises:
        TypeError: complex numbers, of which the imaginary part would be lost.
        ValueError: where a finite number of it would become infinite.
    """
    check_real(name, value.dtype)
    with np.errstate(over="ignore"):
        made = value.astype(dtype)
    if value.dtype.kind in "fiu" and value.dtype != dtype:
        burst = np.isfinite(value) & ~np.isfinite(made)
        if burst.any():
            raise ValueError(too_large(name, float(value[burst][0]), str(dtype)))
    return made


def too_large(name: str, number: float, dtype: str) -> str:
    """The sentence for a number that a narrower dtype has no room for."""
    return (
        f"{name} must be in the range of {dtype}, to which it is converted, got {number:g}: "
        "give x or the layer in a wider dtype"
    )


def check_buffers(
    running_mean: Array | None, running_var: Array | None, needed: bool, why: str
) -> None:
    """Check that both running buffers are there, or neither; ``needed`` in evaluation."""
    if (running_mean is None) != (running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise ValueError(
            f"running_mean and running_var must be given both or not at all, got None for {missing}"
        )
    if needed and running_mean is None:
        raise ValueError(f"running_mean and running_var must be given {why}, got None")


def check_writable(**buffers: Array | None) -> None:
    """Refuse buffers that cannot be written, before one of them has moved without the other."""
    for name, buffer in buffers.items():
        if buffer is not None and not buffer.flags.writeable:
            raise ValueError(
                f"{name} must be writable in training, where it moves, got a read-only array: "
                f"give {name}.copy()"
            )


def check_grad_output(grad_output: Any, x: Array) -> Array:
    """``grad_output`` if it has the shape and dtype of the output, which are those of x."""
    check_tensor("grad_output", grad_output)
    if grad_output.shape != x.shape:
        raise ValueError(
            f"grad_output must have the shape of x, {x.shape}, got {grad_output.shape}: "
            "it is never broadcast"
        )
    if grad_output.dtype != x.dtype:
        raise TypeError(f"grad_output must have the dtype of x, {x.dtype}, got {grad_output.dtype}")
    return np.asarray(grad_output)
