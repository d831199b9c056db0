"""What torch makes of a traced normalization: every step in torch's arithmetic and autograd.

The steps in between come from torch operations over the statistics sets, their gradients from
autograd; output, parameter gradients, grad_input and running buffers come from torch's own
normalization functions, which know nothing of the reference.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import needs_torch
from normviz.reference.trace import Trace

Array = npt.NDArray[Any]


def torch_steps(trace: Trace) -> dict[str, Array]:
    """The value torch has for every step of a trace in training, forward and backward.

    Names and shapes as in the trace; also ``running_mean`` and ``running_var`` after the step
    where the trace has buffers.

    Raises:
        ModuleNotFoundError: without torch.
        ValueError: for a trace in evaluation, or without its backward pass.

    >>> from normviz import trace
    >>> x = np.array([[1.0, 2.0, 4.0]])
    >>> t = trace("layer_norm", x, normalized_shape=(3,)).backward(np.array([[1.0, 0.0, 0.0]]))
    >>> found = torch_steps(t)
    >>> all(np.allclose(found[name], t[name]) for name in t)
    True
    """
    torch = needs_torch("torch_steps")
    if not trace.training or "grad_input" not in trace:
        raise ValueError("trace must be of a training step with its backward pass")
    found = _chain(torch, trace)
    if trace.norm.torch is not None:
        found |= _own_function(torch, trace, trace.norm.torch)
    return {name: np.asarray(value.detach().numpy()) for name, value in found.items()}


def _chain(torch: Any, trace: Trace) -> dict[str, Any]:
    """Every step by torch operations over the sets' view, gradients by autograd."""
    sets = trace.sets
    x = torch.from_numpy(trace.x.copy()).requires_grad_()
    steps: dict[str, Any] = {}
    base = view = x.reshape(sets.view)
    if sets.centered:
        steps["mean"] = view.mean(sets.axes, keepdim=True)
        steps["centered"] = base = view - steps["mean"]
    steps["squared"] = base**2
    steps[sets.power] = steps["squared"].mean(sets.axes, keepdim=True)
    steps[sets.spread] = torch.sqrt(steps[sets.power] + trace.eps)
    steps["normalized"] = base / steps[sets.spread]
    parameters = _parameters(torch, trace)
    output = steps["normalized"]
    if "weight" in parameters:
        output = output * parameters["weight"].reshape(sets.parameter_view)
    if "bias" in parameters:
        output = output + parameters["bias"].reshape(sets.parameter_view)
    steps["output"] = output
    for step in steps.values():
        step.retain_grad()
    upstream = torch.from_numpy(trace["grad_output"].copy())
    output.backward(upstream.reshape(sets.view))
    gradients = {f"grad_{name}": step.grad for name, step in steps.items()}
    gradients |= {f"grad_{name}": p.grad for name, p in parameters.items()}
    steps |= gradients | {"grad_input": x.grad, "grad_output": upstream}
    return {name: steps[name].reshape(trace[name].shape) for name in trace}


def _own_function(torch: Any, trace: Trace, own: Callable[..., Any]) -> dict[str, Any]:
    """Output, gradients and buffers by torch's own function of that name."""
    x = torch.from_numpy(trace.x.copy()).requires_grad_()
    parameters = _parameters(torch, trace)
    arguments = {n: v for n, v in trace.arguments.items() if n not in ("weight", "bias")}
    buffers = {}
    for name in ("running_mean", "running_var"):
        if arguments.get(name) is not None:
            arguments[name] = buffers[name] = torch.from_numpy(arguments[name].copy())
    output = own(torch, x, **arguments, **parameters)
    output.backward(torch.from_numpy(trace["grad_output"].copy()))
    gradients = {f"grad_{name}": p.grad for name, p in parameters.items()}
    return {"output": output, "grad_input": x.grad} | gradients | buffers


def _parameters(torch: Any, trace: Trace) -> dict[str, Any]:
    given = {"weight": trace.weight, "bias": trace.bias}
    return {
        name: torch.from_numpy(value.copy()).requires_grad_()
        for name, value in given.items()
        if value is not None
    }
