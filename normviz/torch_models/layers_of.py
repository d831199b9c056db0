"""Every normalization that runs when a model does, in the order in which they run."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from normviz.errors import needs_torch

torch = needs_torch("layers_of")

from torch import nn

from normviz.torch_models.from_torch import has_twin
from normviz.torch_models.identify import Identity, identify
from normviz.torch_models.identify.isolate import copied, silent, undisturbed
from normviz.torch_models.model_call import ModelCall, plain_model, tensors_in

_NONE = (
    nn.Linear,
    nn.Embedding,
    nn.Identity,
    nn.modules.conv._ConvNd,
    nn.modules.dropout._DropoutNd,
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.ReLU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softmax,
)
"""torch's own layers that are no normalization; asking them costs time and tells nothing."""


@dataclass(frozen=True)
class NormLayer:
    """A normalization of a model: its name and class, the shape it saw first, what it is."""

    name: str
    layer: str
    shape: tuple[int, ...]
    calls: int
    identity: Identity

    @property
    def normalization(self) -> str:
        """The declared norm that it is, or the kind; both where stored statistics normalize."""
        name, kind = self.identity.name, self.identity.kind
        if kind == "constants" and name:
            return f"{name} ({kind})"
        return name or kind

    @property
    def sets(self) -> str:
        """Its statistics sets, with their sizes; "" where they cannot be told."""
        sizes = "".join(f", {axis} = {n}" for axis, n in (self.identity.sizes or {}).items())
        return f"{self.identity.sets or ''}{sizes}"


class NormLayers(tuple[NormLayer, ...]):
    """The layers as a table that shows itself."""

    def _rows(self) -> list[tuple[str, ...]]:
        head: tuple[str, ...] = ("name", "class", "x", "calls", "normalization", "sets")
        return [head] + [
            (
                each.name,
                each.layer,
                str(each.shape),
                str(each.calls),
                each.normalization,
                each.sets,
            )
            for each in self
        ]

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        return "\n".join(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        head, *rows = [[html.escape(text) for text in row] for row in self._rows()]
        lines = ["".join(f"<th>{text}</th>" for text in head)]
        lines += ["".join(f"<td>{text}</td>" for text in row) for row in rows]
        return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def layers_of(model: Any, args: Any, kwargs: Mapping[str, Any] | None = None) -> NormLayers:
    """Every normalization that runs when ``model`` does, in order: a table.

    Each module that gives a tensor like the one it takes is asked by :func:`normviz.identify`, as
    it is and on what it sees first. A module inside one that was recognized is not listed; a layer
    of torch's classes is also where it cannot be told on this x ("undecided", as with two values a
    set). Where stored statistics normalize, as in evaluation, the table says "constants". The model
    stays as it was.

    Shapes: ``args`` is what the model takes: a tensor or array, a tuple of arguments, or a dict.

    Raises:
        TypeError: what is no torch module.
        ValueError: arguments that the model does not take.

    >>> model = nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.RMSNorm(8))
    >>> layers_of(model, torch.randn(4, 6))
    name  class      x       calls  normalization  sets
    1     LayerNorm  (4, 8)  1      layer_norm     ... [d], d = (8,)
    3     RMSNorm    (4, 8)  1      rms_norm       ... [d], d = (8,)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch module, got {type(model).__name__}")
    twin, untouched = (plain_model(copied(model, hooks=True).modules[0]) for _ in range(2))
    before = dict(untouched.named_modules())
    seen: dict[str, Any] = {}
    for path, module in twin.named_modules():
        if not isinstance(module, _NONE):
            module.register_forward_hook(_watcher(seen, path), with_kwargs=True)
    run = ModelCall(twin, args, kwargs)
    with undisturbed([run.device] if run.device else [], autocast=True), silent(), torch.no_grad():
        run()
    inside = {path: _children(path, seen) for path in seen}
    found: list[NormLayer] = []
    for path, (x, calls) in seen.items():
        # A block is asked only where nothing in it was seen to be one.
        if any(each.name in inside[path] for each in found) or _is_large(before[path]):
            continue
        try:
            identity = identify(before[path], x)
        except (ValueError, TypeError):
            continue
        # What cannot be told on this x, such as sets of one, the class says.
        if identity or (identity.kind == "undecided" and has_twin(before[path])):
            kind = type(before[path]).__name__
            found.append(NormLayer(path, kind, tuple(x.shape), int(calls), identity))
    return NormLayers(found)


def _watcher(seen: dict[str, Any], path: str) -> Any:
    def watch(_: Any, args: Any, kwargs: Any, output: Any) -> None:
        x = next(tensors_in((args, kwargs)), None)
        if x is None or not isinstance(output, torch.Tensor):
            return
        if output.shape == x.shape and x.is_floating_point():
            first, calls = seen.get(path, (None, 0))
            seen[path] = (x.detach().clone() if first is None else first, calls + 1)

    return watch


def _children(path: str, seen: Mapping[str, Any]) -> set[str]:
    return {
        other for other in seen if other != path and other.startswith(f"{path}." if path else "")
    }


def _is_large(module: nn.Module) -> bool:
    """Whether a module is a block: it has layers with weights of their own inside."""
    heavy = (nn.Linear, nn.Embedding, nn.modules.conv._ConvNd)
    return any(isinstance(part, heavy) for part in module.modules() if part is not module)
