"""What every NumPy layer is: parameters, running buffers, a mode, and a remembered input."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from normviz.norms.norm import Norm
from normviz.reference.call import backward, forward
from normviz.reference.checks import check_plain_array, check_real
from normviz.reference.core import Gradients

Array = npt.NDArray[Any]


class Module:
    """What all layers share: training mode, state, and the pair of forward and backward.

    ``layer(x)`` runs forward and keeps a copy of x; ``layer.backward(grad_output)`` differentiates
    at that x, with the parameters of that call, and returns
    :class:`~normviz.reference.core.Gradients`. Nothing is accumulated.
    """

    norm: Norm
    _own_settings: tuple[str, ...] = ()
    _parameters: tuple[str, ...] = ("weight", "bias")
    _buffers: tuple[str, ...] = ("running_mean", "running_var", "num_batches_tracked")
    _checks_channels = False
    """Whether other channels are refused by a layer without parameters, which torch's own takes."""

    training: bool = True
    weight: Array | None = None
    bias: Array | None = None
    running_mean: Array | None = None
    running_var: Array | None = None
    num_batches_tracked: Array | None = None
    _x: Array | None = None
    _used: dict[str, Any]

    def __call__(self, x: Array) -> Array:
        self._x = None
        used = self.arguments(x)
        output = forward(self.norm, x, **used)
        # Copies: the gradient is that of what was normalized, and by what, whatever becomes of x,
        # of the parameters (an optimizer's step) or of the buffers.
        self._used = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in used.items()}
        self._x = np.array(x)
        return output

    def backward(self, grad_output: Array) -> Gradients:
        """The gradients at the x of the last call.

        Raises:
            RuntimeError: before any call.
        """
        if self._x is None:
            raise RuntimeError("backward needs a forward pass first: call the layer on x")
        return backward(self.norm, grad_output, self._x, **self._used)

    def train(self, mode: bool = True) -> Self:
        """Set training mode (``mode`` False: evaluation) and return the layer."""
        self.training = mode
        return self

    def eval(self) -> Self:
        """Set evaluation mode and return the layer."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """Parameters and buffers under torch's keys; the arrays themselves, not copies."""
        names = (*self._parameters, *self._buffers)
        return {n: value for n in names if (value := getattr(self, n)) is not None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy values from a state_dict of this layer or of torch's (tensors are converted).

        Raises:
            KeyError: for missing or unexpected keys.
            ValueError: for a value of another shape.
            TypeError: for complex numbers.
        """
        own = self.state_dict()
        if own.keys() != state.keys():
            missing, extra = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
            raise KeyError(f"state_dict must have keys {list(own)}: missing {missing}, not {extra}")
        values = {name: to_numpy(value, name) for name, value in state.items()}
        for name, value in values.items():
            check_real(name, value.dtype)
            if value.shape != own[name].shape:
                raise ValueError(f"{name} must have shape {own[name].shape}, got {value.shape}")
        for name, value in values.items():
            kinds = own[name].dtype.kind + value.dtype.kind
            if kinds == "ff" and own[name].dtype != value.dtype:
                setattr(self, name, value.copy())
            else:
                own[name][...] = value

    def with_batch(self, x: Array) -> Array:
        """x as a batch of one, where the layer takes a single sample and x is one."""
        return x

    def arguments(self, x: Array) -> dict[str, Any]:
        """The arguments of the layer's norm for this x, as a call has them.

        Raises:
            ValueError: for an x of another rank.
        """
        self._check_rank(x)
        return self._arguments(x)

    def _arguments(self, x: Array) -> dict[str, Any]:
        """All arguments of this call of the layer's norm, after x."""
        return {"weight": self.weight, "bias": self.bias}

    def _check_rank(self, x: Array) -> None:
        """Refuse an x of the wrong rank; most layers take any."""


def to_numpy(value: Any, name: str = "value") -> Array:
    """A NumPy array from an array, a number or a torch tensor on any device.

    Raises:
        TypeError: for a tensor of bfloat16, which NumPy does not have, and a masked array.
    """
    check_plain_array(name, value)
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            raise TypeError("NumPy has no bfloat16: convert the tensor or module with .float()")
        value = value.numpy()
    return np.asarray(value)


def filled(shape: tuple[int, ...], wanted: bool, dtype: Any, fill: float) -> Array | None:
    """A parameter of a fresh layer, where it is wanted."""
    return np.full(shape, fill, dtype) if wanted else None
