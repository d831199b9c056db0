"""The same computation with every intermediate step kept and named.

Where :mod:`normviz.reference.functional` goes block by block and in closed form, a trace goes step
by step, as one would on a whiteboard, and its backward pass is the chain rule, link after link.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from normviz.errors import unknown_name
from normviz.norms.norm import Norm
from normviz.norms.partition import StatisticsSets
from normviz.norms.sets import norm_of
from normviz.reference import steps
from normviz.reference.blockwise import moments as moments_of
from normviz.reference.call import checked_call, complete, update_running
from normviz.reference.checks import check_grad_output, check_tensor
from normviz.reference.core import Moments, working_dtype
from normviz.reference.spread import Spread
from normviz.reference.steps import Kind, Step, StepText

Array = npt.NDArray[Any]
USUAL = Spread()
PARAMETERS = ("weight", "bias", "running_mean", "running_var")
"""The arguments of a call that are arrays, beside x."""


@dataclass
class Trace(Mapping[str, Array]):
    """The steps of one normalization, in order: a mapping from step name to array.

    Made by :func:`trace`. ``backward`` adds the steps of the backward pass. ``arguments`` are
    those of the call with the defaults filled in.
    """

    norm: Norm
    x: Array
    sets: StatisticsSets
    training: bool
    arguments: dict[str, Any]
    spread: Spread = USUAL
    _steps: dict[str, Step] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> Array:
        try:
            return self._steps[name].value
        except KeyError:
            raise KeyError(unknown_name("step", name, self._steps)) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def put(self, name: str, value: Array) -> None:
        """Give a step another value of its shape: that of a whole of which x is a part."""
        self._steps[name] = replace(self._steps[name], value=value.reshape(self[name].shape))

    def _repr_html_(self) -> str:
        """The steps as a table, in a notebook."""
        return steps.as_html(f"{self.op} of x of shape {self.x.shape}", self.steps)

    @property
    def op(self) -> str:
        """The norm's name, or its pattern."""
        return self.norm.name

    @property
    def steps(self) -> list[Step]:
        """The steps in order, each with its words."""
        return list(self._steps.values())

    @property
    def weight(self) -> Array | None:
        """γ as it was given."""
        return self.arguments.get("weight")

    @property
    def bias(self) -> Array | None:
        """β as it was given."""
        return self.arguments.get("bias")

    @property
    def eps(self) -> float:
        """The ε, with None resolved."""
        return float(self.arguments["eps"])

    @property
    def numpy_setup(self) -> list[str]:
        """The NumPy lines that come before the first step's expression: reshape to the view."""
        lines = [f"X = x.reshape{self.sets.view}"]
        shape = self.sets.parameter_view
        lines += [
            f"{name} = {name}.reshape{shape}"
            for name in PARAMETERS
            if self.arguments.get(name) is not None
        ]
        return lines

    def running_buffers(self) -> dict[str, Array]:
        """What the running buffers become, float64: new values, the given ones stay untouched.

        Besides ``running_mean`` and ``running_var`` the unbiased ``new_var`` and the ``new_mean``
        that momentum mixes in. Empty where the op has no buffers, none were given, or the buffers
        do not move (evaluation).
        """
        mean, var = self.arguments.get("running_mean"), self.arguments.get("running_var")
        if mean is None or var is None or not self.training:
            return {}
        buffers = {"running_mean": mean.astype(np.float64), "running_var": var.astype(np.float64)}
        new = {"new_mean": np.zeros(mean.shape), "new_var": np.zeros(var.shape)}
        shape = self.sets.broadcast_shape
        found = Moments(*(self[n].astype(np.float64).reshape(shape) for n in ("mean", "variance")))
        update_running(
            buffers["running_mean"],
            buffers["running_var"],
            found,
            self.sets,
            self.arguments["momentum"],
        )
        update_running(new["new_mean"], new["new_var"], found, self.sets, momentum=1.0)
        return buffers | new

    def backward(self, grad_output: Array) -> "Trace":
        """Add the steps of the backward pass and return the trace itself.

        A gradient of a parameter that was not given has no step.

        Shapes: grad_output as x.

        Raises:
            TypeError, ValueError: for a grad_output unlike x; it is never broadcast.

        >>> t = trace("layer_norm", np.array([[1.0, 2.0, 4.0]]), normalized_shape=(3,))
        >>> list(t.backward(np.array([[0.0, 0.0, 1.0]])))[7:]
        ['grad_output', 'grad_normalized', 'grad_variance', 'grad_mean', 'grad_input']
        """
        grad = check_grad_output(grad_output, self.x)
        self._steps = {n: step for n, step in self._steps.items() if not step.is_backward}
        dy = grad.astype(working_dtype(grad.dtype)).reshape(self.sets.view)
        with np.errstate(all="ignore"):
            self._backward(dy)
        return self

    def _backward(self, dy: Array) -> None:
        sets, n, others = self.sets, self.sets.size, self.sets.other_axes
        self._keep(steps.GRAD_OUTPUT, dy)
        if self.bias is not None:
            self._keep(steps.GRAD_BIAS, dy.sum(axis=others, keepdims=True))
        if self.weight is not None:
            normalized = self._view("normalized")
            self._keep(steps.GRAD_WEIGHT, (dy * normalized).sum(axis=others, keepdims=True))
        dxhat = dy if self.weight is None else dy * self._parameter(self.weight)
        self._keep(steps.GRAD_NORMALIZED, dxhat, None if self.weight is not None else "dY")
        if not self.training:
            dx = dxhat / self._view("std")
            self._keep(steps.EVAL_GRAD_INPUT, dx.astype(self.x.dtype))
            return
        if sets.centered:
            centered = self._view("centered")
            texts = steps.GRAD_VARIANCE, steps.GRAD_INPUT
        else:
            centered = self.x.astype(dy.dtype).reshape(sets.view)
            texts = steps.GRAD_MEAN_SQUARE, steps.RMS_GRAD_INPUT
        scale = self._view(sets.spread)
        products = (dxhat * centered).sum(axis=sets.axes, keepdims=True)
        power = self._view(sets.power)
        dvar = self.spread.back(products, power, scale, self._eps(self.x))
        self._keep(texts[0], dvar)
        dx = dxhat / scale + dvar * 2 * centered / self.spread.divides_by(n)
        if sets.centered:
            dmean = -dxhat.sum(axis=sets.axes, keepdims=True) / scale
            self._keep(steps.GRAD_MEAN, dmean)
            dx = dx + dmean / n
        self._keep(texts[1], dx.astype(self.x.dtype))

    def _forward(self, x: Array) -> None:
        sets = self.sets
        if sets.centered:
            self._center(x)
            std = self.spread.of(self._view("variance"), self._eps(x))
            self._keep(steps.STD if self.training else steps.RUNNING_STD, std)
            self._keep(steps.NORMALIZED, self._view("centered") / std)
        else:
            self._keep(steps.RMS_SQUARED, x * x)
            self._keep(steps.MEAN_SQUARE, self._power(moments_of(x, sets).var).astype(x.dtype))
            rms = self.spread.of(self._view("mean_square"), self._eps(x))
            self._keep(steps.RMS, rms)
            self._keep(steps.RMS_NORMALIZED, x / rms)
        output = self._view("normalized")
        used = ["normalized"]
        for name, sign in (("weight", "*"), ("bias", "+")):
            parameter = self.arguments.get(name)
            if parameter is not None:
                value = self._parameter(parameter)
                output = output * value if sign == "*" else output + value
                used += [sign, name]
        text = steps.OUTPUT if "bias" in self.arguments else steps.RMS_OUTPUT
        self._keep(text, output.astype(self.x.dtype), " ".join(used))

    def _center(self, x: Array) -> None:
        """The steps mean, centered, squared and variance; in evaluation the stored statistics."""
        if self.training:
            found = moments_of(x, self.sets)
            centered = x - found.mean.astype(x.dtype)
            if np.any(np.square(found.mean) > 16.0 * found.var):
                centered = (x - found.mean).astype(x.dtype)
            self._keep(steps.MEAN, found.mean.astype(x.dtype))
            self._keep(steps.CENTERED, centered)
            self._keep(steps.SQUARED, centered * centered)
            self._keep(steps.VARIANCE, self._power(found.var).astype(x.dtype))
            return
        stored = (self._parameter(self.arguments[n]) for n in ("running_mean", "running_var"))
        mean, var = (np.broadcast_to(s, self.sets.broadcast_shape) for s in stored)
        self._keep(steps.RUNNING_MEAN, mean)
        self._keep(steps.RUNNING_CENTERED, x - mean)
        self._keep(steps.RUNNING_VARIANCE, var)

    def _power(self, biased: Array) -> Array:
        """The variance as it is divided by, from the one divided by m."""
        if self.spread.divisor == "m":
            return biased
        return biased * float(np.divide(self.sets.size, self.spread.divides_by(self.sets.size)))

    def _eps(self, x: Array) -> Any:
        return x.dtype.type(self.eps)

    def _parameter(self, parameter: Array) -> Array:
        wide = parameter.astype(working_dtype(parameter.dtype))
        return wide.reshape(self.sets.parameter_view)

    def _shape(self, kind: Kind) -> tuple[int, ...]:
        shapes: dict[str, tuple[int, ...]] = {
            "element": self.sets.shape,
            "set": self.sets.statistic_shape,
            "parameter": self.sets.parameter_shape,
        }
        return shapes[kind]

    def _keep(self, text: StepText, value: Array, numpy: str | None = None) -> None:
        text = self.spread.worded(text)
        expression = text.numpy_for(self.sets) if numpy is None else numpy
        kept = value.reshape(self._shape(text.kind))
        self._steps[text.name] = Step(text, kept, f"{text.name} = {expression}")

    def _view(self, name: str) -> Array:
        """A step's value in the form of the view, where it broadcasts against the others."""
        step = self._steps[name]
        shapes = {
            "element": self.sets.view,
            "set": self.sets.broadcast_shape,
            "parameter": self.sets.parameter_view,
        }
        return step.value.reshape(shapes[step.kind])


def trace(op: str | Norm, x: Array, **arguments: Any) -> Trace:
    """Run ``op`` on x step by step and keep every step.

    ``op`` is the name of a declared norm and ``arguments`` those of the function of that name,
    except that batch_norm and ghost_batch_norm train when neither ``training`` nor buffers are
    given; or a pattern (:mod:`normviz.norms.notation`) with the arguments of
    :func:`normviz.normalize`. The buffers are not changed; :meth:`Trace.running_buffers` tells
    what they would become.

    Steps: mean, centered, squared, variance, std, normalized, output (rms_norm: squared,
    mean_square, rms, normalized, output; with stored statistics there is no squared). Elementwise
    steps have x's shape, statistics ``sets.statistic_shape``; x's dtype (float32 for the steps of
    a float16 x).

    Raises:
        TypeError, ValueError: as the function of that name; also for an unknown op or argument.

    >>> t = trace("batch_norm", np.array([[1.0, 10.0], [3.0, 30.0]]), training=True)
    >>> list(t)
    ['mean', 'centered', 'squared', 'variance', 'std', 'normalized', 'output']
    >>> t["mean"], t["variance"]
    (array([ 2., 20.]), array([  1., 100.]))
    """
    return trace_with(USUAL, op, x, arguments)


def trace_with(spread: Spread, op: str | Norm, x: Array, arguments: Mapping[str, Any]) -> Trace:
    """As :func:`trace`, with a root that may be made in another way than torch's."""
    norm, given = norm_of(op, dict(arguments))
    check_tensor("x", x)
    if norm.flag and given.get("running_mean") is None:
        given = {norm.flag: True, **given}
    whole = complete(norm, given)
    call = checked_call(norm, x, whole)
    made = Trace(norm, x, call.sets, call.given is None, whole | {"eps": call.eps}, spread)
    with np.errstate(all="ignore"):
        made._forward(x.astype(working_dtype(x.dtype)).reshape(call.sets.view))
    return made
