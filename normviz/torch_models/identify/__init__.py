"""Which normalization a layer is, found out by asking the layer itself.

The room proposes and proves: :mod:`.partition` finds which elements share statistics,
:mod:`.formula` what is done with them, :mod:`.proof` holds the formula so found to the layer on
fresh inputs, :mod:`.names` and :mod:`.nearest` put it into words. :mod:`.recognize` is where to
begin reading.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from normviz.errors import needs_torch

torch = needs_torch("identify")

from normviz.torch_models.identify.identity import Identity
from normviz.torch_models.identify.inputs import (
    checked_layer,
    finite_twin,
    tensor_for,
    with_own_numbers,
)
from normviz.torch_models.identify.isolate import (
    EAGER,
    CannotBeCopiedError,
    copied,
    undisturbed,
    unwrapped,
)
from normviz.torch_models.identify.probe import Refused, device_of
from normviz.torch_models.identify.recognize import Recognizer


def identify(layer: Any, x: Any, *, seed: int = 0) -> Identity:
    """Tell which normalization a layer is by what it does to tensors like x, and prove it.

    ``layer`` is a torch module in the mode it is in, or any callable from tensor to tensor; its
    class and name do not count. Elements of the input are changed to see which outputs move
    (those share statistics), eps and the parameters are fitted, and the formula so found is held
    to the layer on fresh numbers: output and dx, in float64 where the layer can. What deviates is
    no normalization: an activation behind it, a residual, clipping, a detached statistic, a hook.

    Everything runs on copies: state, gradients, mode, hooks and random generators of the user's
    stay as they are, and it works under no_grad, inference_mode and autocast. Of what torch.compile
    made code of the eager layer is asked, and the sentence says so.

    Shapes: x as the layer takes it, a torch tensor, array or list of floating-point numbers.
    Returns an :class:`Identity`, true for a proven normalization or proven stored statistics.

    Raises:
        TypeError: a layer that is not callable, cannot be copied, or is not ready (lazy, quantized
            or meta), an x that holds no floating-point numbers.
        ValueError: an x that the layer refuses, or of more than 20 million elements.
        ModuleNotFoundError: without torch.

    >>> found = identify(torch.nn.GroupNorm(2, 6), torch.randn(4, 6, 5))
    >>> found.name, found.sets, found.sizes, found.gamma_is
    ('group_norm', 'n (g [k]) [...]', {'g': 2}, 'weight')
    >>> print(identify(torch.nn.ReLU(), torch.randn(4, 6)).kind)
    none
    """
    given = layer
    layer, burst = finite_twin(checked_layer(unwrapped(given)))
    tensor = tensor_for(layer, x)
    with undisturbed([device_of(layer, tensor)]):
        try:
            search = Recognizer(layer, tensor.detach().clone(), seed)
        except Refused as refused:
            title = getattr(layer, "__name__", None) or type(layer).__name__
            said = f"{title} is no normalization: {refused}"
            dtype = str(tensor.dtype).removeprefix("torch.")
            refusal = Identity("none", said, title, tuple(tensor.shape), dtype, 0.0)
            return _of_eager(refusal, given)
        except CannotBeCopiedError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())
            raise ValueError(
                f"x must be a tensor that the layer takes, got shape {tuple(tensor.shape)}: the "
                f"layer raised {type(error).__name__}: {said}"
            ) from error
        return _of_eager(with_own_numbers(search.answer(), burst), given)


def _of_eager(found: Identity, layer: Any) -> Identity:
    """What was found; of a layer with compiled code it says that the code was not asked."""
    if not copied(layer).compiled:
        return found
    return replace(found, sentence=f"{found.sentence}; {EAGER}")


__all__ = ["Identity", "identify"]
