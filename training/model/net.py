"""The network of the experiments: 5,632 convolution weights, and 128 of BatchNorm make 5,760.

Every block is convolution (no bias), ReLU, normalization, dropout. What the normalization is, and
whether torch's own layer or the NumPy reference computes it, are the choices. Which layers there
are is data, see :mod:`training.model.stack`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from training.experiments.trials import AVERAGE, LAYERS, NORMS
from training.model import stack
from training.model.block import Block
from training.model.dropout import SparseDropout
from training.model.norms import BACKENDS, make_norm

FLAGS = {"layer": "layer_norm", "group": "group_norm", "ghost": "ghost_norm"}


class Net(nn.Module):
    """A CNN for 28 by 28 digits; (N, 1, 28, 28) to log-probabilities (N, 10).

    Args:
        dropout_value: probability of a dropped element after each normalization; 0: no dropout.
        batch_norm, layer_norm, group_norm, ghost_norm: the normalization, one of them.
        group_norm_groups: groups of GroupNorm; must divide 8, 16, 12 and 14, so 1 or 2.
        num_splits: splits of the batch for Ghost BatchNorm.
        norm: the normalization by name instead: "batch", "layer", "group", "ghost", "instance",
            "rms", "pixel" or "none".
        backend: "torch", or "reference" for the NumPy code of normviz.
        layers: all layers before the average pooling, in the words of :mod:`training.model.stack`.
        average: side of the average pooling, which must leave one value a channel; behind it
            comes a bare 1 by 1 convolution to the 10 digits.

    Raises:
        ValueError: when two choices contradict each other or a value cannot be.

    >>> sum(p.numel() for p in Net().parameters())
    5760
    >>> Net(batch_norm=False, group_norm=True).norm
    'group'
    """

    def __init__(
        self,
        dropout_value: float = 0.01,
        batch_norm: bool = True,
        layer_norm: bool = False,
        group_norm: bool = False,
        group_norm_groups: int = 2,
        ghost_norm: bool = False,
        num_splits: int = 2,
        norm: str | None = None,
        backend: str = "torch",
        layers: Sequence[str] = LAYERS,
        average: int = AVERAGE,
    ) -> None:
        super().__init__()
        chosen = {"layer": layer_norm, "group": group_norm, "ghost": ghost_norm}
        self.norm = choose_norm(norm, batch_norm, chosen)
        self.backend = backend
        if backend not in BACKENDS:
            raise ValueError(f"backend={backend!r} is not one of {', '.join(BACKENDS)}")
        if not 0 <= dropout_value < 1:
            raise ValueError(f"dropout_value={dropout_value} must be in [0, 1)")

        def block(inputs: int, outputs: int, padding: int) -> Block:
            layer = None
            if self.norm != "none":
                layer = make_norm(self.norm, outputs, group_norm_groups, num_splits, backend)
            return Block(inputs, outputs, padding, layer, dropout_value)

        # Registered in the order in which they work, for forward to follow.
        made = list(stack.build(layers, block))
        for name, layer, _ in made:
            self.add_module(name, layer)
        self.average = nn.AvgPool2d(average)
        self.classify = nn.Conv2d(made[-1].channels, 10, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return F.log_softmax(x.flatten(1).float() if x.dtype.itemsize < 4 else x.flatten(1), dim=1)

    def norm_layers(self) -> dict[str, nn.Module]:
        """Return the normalization layers by their names in the network; empty for "none"."""
        return {
            f"{name}.norm": cast(nn.Module, layer.norm)
            for name, layer in self.named_children()
            if hasattr(layer, "norm")
        }

    def dropout_layers(self) -> list[SparseDropout]:
        """Return the dropout layers, first to last."""
        return [layer for layer in self.modules() if isinstance(layer, SparseDropout)]


def choose_norm(norm: str | None, batch_norm: bool, others: dict[str, bool]) -> str:
    """Return the one normalization that the arguments of ``Net`` mean.

    ``batch_norm`` is on by default, so beside ``norm`` being on says nothing; being off does.

    Raises:
        ValueError: when they mean two, naming both.
    """
    on = [name for name, chosen in others.items() if chosen]
    if norm is None:
        if batch_norm and on:
            flag = FLAGS[on[0]]
            raise ValueError(
                f"batch_norm=True and {flag}=True contradict each other: "
                f"for {on[0]} norm write Net(batch_norm=False, {flag}=True)"
            )
        if len(on) > 1:
            raise ValueError(
                f"{FLAGS[on[0]]}=True and {FLAGS[on[1]]}=True contradict each other: choose one"
            )
        return "batch" if batch_norm else (on[0] if on else "none")
    if norm not in NORMS:
        raise ValueError(f"norm={norm!r} is not one of {', '.join(NORMS)}")
    if norm == "batch" and not batch_norm:
        raise ValueError("norm='batch' and batch_norm=False contradict each other: choose one")
    for name in on:
        if name != norm:
            raise ValueError(
                f"norm={norm!r} and {FLAGS[name]}=True contradict each other: choose one"
            )
    return norm
