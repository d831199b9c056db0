"""The same call by normviz and by torch, and the comparison of what they give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import normviz
from tests.reference.norm_calls import DECLARED, Call
from tests.reference.truth import brute_labels

Array = npt.NDArray[Any]

TOLERANCE = {"float64": 1e-10, "float32": 1e-5, "float16": 5e-3}
BUFFERS = ("running_mean", "running_var")


def by_normviz(call: Call) -> dict[str, Array]:
    """Output, gradients and buffers; only x and grad_output are handed over as they are."""
    arguments = copied(call.arguments)
    function = getattr(normviz, call.op)
    results = {"output": function(call.x, **arguments)}
    results |= {name: arguments[name].copy() for name in BUFFERS if name in arguments}
    gradients = getattr(normviz, f"{call.op}_backward")(
        call.grad_output, call.x, **copied(call.arguments)
    )
    return results | {n: g for n, g in gradients._asdict().items() if g is not None}


def by_torch(call: Call) -> dict[str, Array]:
    """The same by torch.nn.functional and autograd."""
    arguments = {
        name: torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value
        for name, value in call.arguments.items()
    }
    leaves = {"input": torch.from_numpy(np.array(call.x, order="C"))}
    leaves |= {name: arguments[name] for name in ("weight", "bias") if name in arguments}
    for leaf in leaves.values():
        leaf.requires_grad_()
    output = torch_function(call.op, leaves["input"], arguments)
    output.backward(torch.from_numpy(np.array(call.grad_output, order="C")))
    results = {"output": output.detach().numpy()}
    results |= {name: arguments[name].numpy() for name in BUFFERS if name in arguments}
    gradients = {f"grad_{name}": leaf.grad for name, leaf in leaves.items()}
    return results | {n: g.numpy() for n, g in gradients.items() if g is not None}


def torch_function(op: str, x: Any, arguments: dict[str, Any]) -> Any:
    """What the declaration names as the same by torch's own functions, or the sets one by one."""
    norm = DECLARED[op]
    if norm.torch is None:
        return set_by_set(op, x, **arguments)
    missing = dict.fromkeys(BUFFERS) if norm.buffers else {}
    return norm.torch(torch, x, **(missing | arguments))


def set_by_set(
    op: str, x: Any, eps: float, weight: Any = None, bias: Any = None, **sizes: Any
) -> Any:
    """For a norm that torch does not have: float64 and autograd, on the labels of the truth."""
    labels = torch.from_numpy(brute_labels(op, tuple(x.shape), **sizes)) - 1
    wide, flat = x.double(), labels.reshape(-1)
    count = torch.bincount(flat).double()

    def mean_of(values: Any) -> Any:
        sums = torch.zeros(len(count), dtype=torch.float64)
        return (sums.index_add(0, flat, values.reshape(-1)) / count)[labels]

    if DECLARED[op].centered:
        wide = wide - mean_of(wide)
    y = wide / torch.sqrt(mean_of(wide.square()) + eps)
    beside = (-1, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * weight.double().reshape(beside)
    y = y if bias is None else y + bias.double().reshape(beside)
    return y.to(x.dtype)


def copied(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with copies of the arrays, for a function that changes buffers in place."""
    return {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in arguments.items()}


def distance(found: Array, expected: Array) -> float:
    """The largest difference, as a fraction of the expected array's largest value."""
    if expected.size == 0:
        return 0.0
    a, b = found.astype(np.longdouble), expected.astype(np.longdouble)
    return float(np.max(np.abs(a - b)) / max(float(np.max(np.abs(b))), 1e-3))


def assert_same(
    found: dict[str, Array], expected: dict[str, Array], tolerance: float | None = None
) -> None:
    """The same tensors, of the same shapes and dtypes, within the tolerance of the dtype."""
    assert sorted(found) == sorted(expected)
    for name, value in expected.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype), name
        allowed = tolerance or TOLERANCE[str(found["output"].dtype)]
        assert distance(found[name], value) <= allowed, name
