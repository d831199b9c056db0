"""The steps of a normalization in words, symbols, formulas and NumPy, as data; and with a value.

The formulas are for one statistics set of m elements, in the symbols that the
workbook's Glossary explains (normviz/workbook/sheets/symbols.py). The NumPy expressions are for all
sets at once, in the form of the sets' view, and run as they stand (a test executes them).
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from normviz.norms.partition import StatisticsSets
from normviz.numbers import written

Array = npt.NDArray[Any]
Kind = Literal["element", "set", "parameter"]

MOST_VALUES = 24
_LOOK = "text-align:left"
_AS_WRITTEN: Any = {"float_kind": written}


@dataclass(frozen=True)
class StepText:
    """What one step is called and how it is computed.

    ``kind`` says how many values it has: one per element, per statistics set, or per affine
    parameter. In ``numpy``, ``{axes}`` stands for the axes that are reduced within a set,
    ``{others}`` for those that an affine parameter does not have and ``{n}`` for the size of a set.
    ``name`` is the step's key everywhere, ``title`` what is shown: another word, or another
    language's, is given there.
    """

    name: str
    kind: Kind
    symbol: str
    formula: str
    numpy: str
    sentence: str
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", self.title or self.name)

    def numpy_for(self, sets: StatisticsSets) -> str:
        """The NumPy expression with the axes of these sets filled in."""
        return self.numpy.format(axes=sets.axes, others=sets.other_axes, n=sets.size)


@dataclass(frozen=True)
class Step:
    """One named step: its words and its value.

    ``value`` has x's shape for a step per element, ``sets.statistic_shape`` for one per set,
    ``sets.parameter_shape`` for one per parameter.
    """

    text: StepText
    value: Array
    numpy: str

    @property
    def name(self) -> str:
        """The step's name, as in the trace."""
        return self.text.name

    @property
    def title(self) -> str:
        """The step's name, as it is shown."""
        return self.text.title

    @property
    def is_given(self) -> bool:
        """Whether it is what the backward pass is given, the upstream gradient."""
        return self.name == GRAD_OUTPUT.name

    @property
    def is_backward(self) -> bool:
        """Whether it is of the backward pass."""
        return self.name.startswith("grad_")

    @property
    def kind(self) -> Kind:
        """How many values it has: one per "element", "set" or "parameter"."""
        return self.text.kind

    @property
    def symbol(self) -> str:
        """Its symbol in the papers."""
        return self.text.symbol

    @property
    def formula(self) -> str:
        """Its formula in plain text."""
        return self.text.formula

    @property
    def sentence(self) -> str:
        """What it is, in a sentence."""
        return self.text.sentence


_NORMALIZED = "How far each element lies from its set's mean, counted in roots r."

MEAN = StepText(
    "mean",
    "set",
    "μ",
    "μ = Σ x / m",
    "X.mean(axis={axes}, keepdims=True)",
    "The mean of each statistics set.",
)
CENTERED = StepText(
    "centered",
    "element",
    "x − μ",
    "u = x − μ",
    "X - mean",
    "How far each element lies from the mean of its set.",
)
SQUARED = StepText(
    "squared",
    "element",
    "(x − μ)²",
    "q = u²",
    "centered**2",
    "The squared distances, none of them negative.",
)
VARIANCE = StepText(
    "variance",
    "set",
    "σ²",
    "σ² = Σ u² / m",
    "squared.mean(axis={axes}, keepdims=True)",
    "The mean squared distance: the biased variance (divided by m), which normalizes.",
)
STD = StepText(
    "std",
    "set",
    "r",
    "r = √(σ² + ε)",
    "np.sqrt(variance + eps)",
    "The root that divides, with ε inside: a constant set is divided by √ε, not by 0.",
)
NORMALIZED = StepText("normalized", "element", "x̂", "x̂ = u / r", "centered / std", _NORMALIZED)
OUTPUT = StepText(
    "output",
    "element",
    "y",
    "y = γ · x̂ + β",
    "normalized * weight + bias",
    "Scaled and shifted by the learned parameters: the layer's output.",
)
RUNNING_MEAN = StepText(
    "mean",
    "set",
    "μ′",
    "μ′ = running_mean",
    "running_mean",
    "The stored mean: x's own is not used.",
)
RUNNING_CENTERED = replace(CENTERED, symbol="x − μ′", formula="u = x − μ′")
RUNNING_VARIANCE = StepText(
    "variance",
    "set",
    "σ′²",
    "σ′² = running_var",
    "running_var",
    "The stored variance: x's own is not used.",
)
RUNNING_STD = replace(STD, formula="r = √(σ′² + ε)")
RMS_SQUARED = StepText("squared", "element", "x²", "q = x²", "X**2", "The squares of the elements.")
MEAN_SQUARE = StepText(
    "mean_square",
    "set",
    "v",
    "v = Σ x² / m",
    "squared.mean(axis={axes}, keepdims=True)",
    "The mean square: what the variance would be if the mean were zero.",
)
RMS = StepText(
    "rms",
    "set",
    "r",
    "r = √(v + ε)",
    "np.sqrt(mean_square + eps)",
    "The root mean square; ε is inside the root.",
)
RMS_NORMALIZED = StepText(
    "normalized",
    "element",
    "x̂",
    "x̂ = x / r",
    "X / rms",
    "Each element in units of its set's root mean square.",
)
RMS_OUTPUT = StepText(
    "output",
    "element",
    "y",
    "y = γ · x̂",
    "normalized * weight",
    "Scaled by the learned parameter: the layer's output. There is no shift.",
)

GRAD_OUTPUT = StepText(
    "grad_output",
    "element",
    "dy",
    "dy = ∂L/∂y",
    "dY",
    "The upstream gradient: how the loss L changes with each output.",
)
GRAD_BIAS = StepText(
    "grad_bias",
    "parameter",
    "∂L/∂β",
    "∂L/∂β = Σ dy, over all elements that share β",
    "dY.sum(axis={others}, keepdims=True)",
    "β is added to each of its elements, so their gradients add up.",
)
GRAD_WEIGHT = StepText(
    "grad_weight",
    "parameter",
    "∂L/∂γ",
    "∂L/∂γ = Σ dy · x̂, over all elements that share γ",
    "(dY * normalized).sum(axis={others}, keepdims=True)",
    "γ multiplies x̂, so each gradient counts with its x̂.",
)
GRAD_NORMALIZED = StepText(
    "grad_normalized", "element", "dx̂", "dx̂ = dy · γ", "dY * weight", "Back through the scale."
)
GRAD_VARIANCE = StepText(
    "grad_variance",
    "set",
    "dσ²",
    "dσ² = Σ dx̂ · u · (−1/2) · r⁻³",
    "(grad_normalized * centered).sum(axis={axes}, keepdims=True) * -0.5 / std**3",
    "Every element of the set was divided by this variance's root.",
)
GRAD_MEAN = StepText(
    "grad_mean",
    "set",
    "dμ",
    "dμ = −Σ dx̂ / r",
    "-grad_normalized.sum(axis={axes}, keepdims=True) / std",
    "The mean was taken from every element. Its path through the variance adds "
    "dσ² · (−2/m) · Σ u, which is 0.",
)
GRAD_INPUT = StepText(
    "grad_input",
    "element",
    "dx",
    "dx = dx̂ / r + dσ² · 2u / m + dμ / m",
    "grad_normalized / std + grad_variance * 2 * centered / {n} + grad_mean / {n}",
    "Three paths: straight through, by way of the variance, by way of the mean.",
)
GRAD_MEAN_SQUARE = StepText(
    "grad_mean_square",
    "set",
    "dv",
    "dv = Σ dx̂ · x · (−1/2) · r⁻³",
    "(grad_normalized * X).sum(axis={axes}, keepdims=True) * -0.5 / rms**3",
    "Every element of the set was divided by this mean square's root.",
)
RMS_GRAD_INPUT = StepText(
    "grad_input",
    "element",
    "dx",
    "dx = dx̂ / r + dv · 2x / m",
    "grad_normalized / rms + grad_mean_square * 2 * X / {n}",
    "Two paths: straight through, and by way of the mean square.",
)
EVAL_GRAD_INPUT = StepText(
    "grad_input",
    "element",
    "dx",
    "dx = dx̂ / r",
    "grad_normalized / std",
    "The stored statistics are constants, so there is only the straight path.",
)


def as_html(title: str, steps: Iterable[Step]) -> str:
    """Steps as a table, for a notebook: of each its name, its formula, its shape, and its values.

    >>> as_html("x < 1", [Step(MEAN, np.array([0.5]), "")]).count("<tr>")
    2
    """
    rows = []
    for step in steps:
        about = (f"{step.title} {step.symbol}", step.formula, str(step.value.shape))
        cells = "".join(f"<td style='{_LOOK}'>{html.escape(text)}</td>" for text in about)
        values = np.array2string(
            step.value, threshold=MOST_VALUES, edgeitems=2, formatter=_AS_WRITTEN
        )
        look = f"{_LOOK};white-space:pre;font-family:monospace"
        rows.append(f"<tr>{cells}<td style='{look}'>{html.escape(values)}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("step", "formula", "shape", "values"))
    caption = f"<caption>{html.escape(title)}</caption>"
    return f"<table>{caption}<tr>{head}</tr>{''.join(rows)}</table>"
