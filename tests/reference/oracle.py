"""The same call by normviz and by torch, and the comparison of what they give."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import normviz
from normviz import NORMS
from tests.reference.norm_calls import Call

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
    """What the declaration names as the same by torch's own functions."""
    norm = NORMS[op]
    missing = dict.fromkeys(BUFFERS) if norm.buffers else {}
    return norm.torch(torch, x, **(missing | arguments))


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
