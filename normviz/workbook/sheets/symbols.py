"""Every symbol and word of the workbook with its one meaning: what the sheet Glossary shows.

Formulas in symbols, here and in `normviz.reference.steps`, use nothing else; a test reads every
text of every book and finds what is not in this list, or stands for two things.
"""

from __future__ import annotations

from dataclasses import dataclass

from normviz.workbook.sheets.subject.kinds import IMAGES, ROWS, SAMPLES, SIGNALS, TOKENS, VOLUMES


@dataclass(frozen=True)
class Symbol:
    """Signs that are explained together, what they mean, and the sheets that show them.

    `forms` are the right sides by which formulas may say what the first sign is.
    """

    signs: tuple[str, ...]
    words: str
    see: tuple[str, ...]
    forms: tuple[str, ...] = ()


FOUR = "Four numbers, BatchNorm, LayerNorm"
RUNNING = "Evaluation, Inputs"
OF_NORMS = "BatchNorm, LayerNorm"


def _symbol(signs: str, words: str, see: str, *forms: str) -> Symbol:
    return Symbol(tuple(signs.split(", ")), words, tuple(see.split(", ")), forms)


QUANTITIES = (
    _symbol("x", "the input of the layer", "Inputs"),
    _symbol("y", "the output of the layer", OF_NORMS, "γ · x̂ + β", "γ · x̂", "β"),
    _symbol("m", "the size of a set: how many elements it has", OF_NORMS, "Σ mᵢ"),
    _symbol("μ", "the mean of a set", OF_NORMS, "Σ x / m", "Σ mᵢ μᵢ / m"),
    _symbol(
        "u",
        "how far an element is from the mean of its set",
        OF_NORMS,
        "x − μ",
        "x − μ′",
        "z − μ",
        "r x̂",
    ),
    _symbol("q", "the squares that a mean is taken of", OF_NORMS, "u²", "u · u", "x²"),
    _symbol(
        "σ²",
        "the biased variance of a set: the mean of u², a sum divided by m",
        "Conventions, BatchNorm, LayerNorm",
        "Σ u² / m",
        "Σ q / m",
        "Σ (x − μ)² / m",
        "M / m",
    ),
    _symbol("σ", "the standard deviation: the root of σ², without ε", "Playground"),
    _symbol("s", "the root of s², without ε", "Conventions"),
    _symbol(
        "s²",
        "the unbiased variance, divided by m − 1; it goes into running_var",
        "Conventions, BatchNorm",
        "σ² · m / (m − 1)",
        "Σ (x − μ)² / (m − 1)",
        "Σ u² / (m − 1)",
    ),
    _symbol(
        "v",
        "the mean square of RMSNorm, in the place of σ²",
        "RMSNorm",
        "Σ x² / m",
        "Σ x² / (m − 1)",
    ),
    _symbol(
        "μ′, σ′²",
        "running_mean and running_var, which evaluation takes for μ and σ²",
        "Evaluation",
    ),
    _symbol(
        "ε, eps", "a small number inside the root: nothing is divided by 0", "Numerics, Inputs"
    ),
    _symbol(
        "r",
        "the root that divides, ε inside; the steps std and rms",
        OF_NORMS,
        "√(σ² + ε)",
        "√(σ′² + ε)",
        "√(v + ε)",
        "√(s² + ε)",
        "σ + ε",
        "s + ε",
        "√v + ε",
        "max(σ, ε)",
        "max(s, ε)",
        "max(√v, ε)",
    ),
    _symbol("x̂", "x normalized", OF_NORMS, "u / r", "x / r"),
    _symbol("γ, β", "weight and bias of the norm, learned", "Which LayerNorm, Inputs"),
    _symbol("α", "momentum as torch means it: the weight of the new value", "Evaluation"),
    _symbol("E[x], E[x²]", "the mean of x and the mean of x²", "Numerics"),
    _symbol(
        "M",
        "what devices, or Welford, add up instead of a variance",
        "Batches, Numerics",
        "Σ (x − μ)²",
        "Σ (Mᵢ + mᵢ (μᵢ − μ)²)",
    ),
    _symbol("δ", "Welford: a number less the mean of those before it", "Numerics", "x − old"),
    _symbol(
        "a",
        "what enters a linear layer or convolution",
        "Why, Layer to layer",
        "ReLU(y)",
        "ReLU(z)",
        "ReLU(x̂)",
    ),
    _symbol("A, b", "its weights and its bias: A₀ is that of channel 0", "Layer to layer, Batches"),
    _symbol(
        "z",
        "what it puts out, and a norm then takes in",
        "Batches, Why, Layer to layer",
        "A a",
        "A · a + b",
        "A₀ x₀ + A₁ x₁ + b",
    ),
    _symbol("Σ", "a sum over what follows, in one set", OF_NORMS),
)
GRADIENTS = (
    _symbol("L", "the loss, which training makes small", FOUR, "Σ dy · y"),
    _symbol(
        "dy, dx, dx̂, du, dq, dr, dσ², ds², dμ, dv, dz",
        "d before a symbol: the gradient of L by it; dy is short for ∂L/∂y",
        FOUR,
        "∂L/∂y",
    ),
    _symbol(
        "∂L/∂γ, ∂L/∂β, ∂L/∂A, ∂L/∂b",
        "the gradients by parameters, written out: none is taken for dy",
        FOUR,
        "Σ dy · x̂",
    ),
    _symbol("Δ, L₊, L₋", "a nudge of one x, and L with x + Δ and with x − Δ", "Four numbers"),
)
_FEATURE = _symbol("d, D", "which feature, and how many: d = 0, or [d] in a norm's sets", "Inputs")
_CHANNEL = _symbol("c, C", "which channel, and how many", "Inputs")
_SAMPLE = _symbol("n, N", "which sample, counted from 0, and how many there are", "Inputs")
AXES = {
    ROWS: (
        _symbol("n, N", "which row, counted from 0, and how many there are", "Inputs"),
        _FEATURE,
    ),
    TOKENS: (
        _symbol("n, N", "which sequence, counted from 0, and how many there are", "Inputs"),
        _symbol(
            "t, T",
            "which token of a sequence, and how many; a token is one vector of features",
            "Inputs",
        ),
        _FEATURE,
        _symbol("(h [d])", "the features of a token as heads h of d", "RMSNorm per head"),
    ),
    IMAGES: (
        _symbol("n, N", "which image, counted from 0, and how many there are", "Inputs"),
        _CHANNEL,
        _symbol(
            "h, w, H, W",
            "row and column of a pixel, height and width of an image",
            "Playground, Inputs",
        ),
    ),
    VOLUMES: (
        _symbol("n, N", "which volume, counted from 0, and how many there are", "Inputs"),
        _CHANNEL,
        _symbol(
            "d, h, w, D, H, W", "layer, row and column of a voxel, and how many of each", "Inputs"
        ),
    ),
    SIGNALS: (
        _SAMPLE,
        _CHANNEL,
        _symbol("l, L", "which position of a channel, and how many", "Inputs"),
    ),
    SAMPLES: (_SAMPLE, _CHANNEL),
}
"""The letters of places in a tensor of each kind."""

PLACES = (
    _symbol("S", "how many splits there are", "Playground"),
    _symbol("K", "how many sets there are", "Playground"),
    _symbol(
        "i", "which of several numbers or devices: mᵢ, μᵢ, Mᵢ", "Four numbers, Numerics, Batches"
    ),
    _symbol(
        "[n], [...]",
        "what stands in brackets shares one mean and one variance, as in [n] c [...]",
        "Why",
    ),
    _symbol(
        "(g [k]), (s [m]), [d]",
        "groups g of k channels, splits s of m images, all of normalized_shape d: in such a line "
        "letters name axes and nothing else",
        "Why",
    ),
)
WORDS = (
    _symbol(
        "torch",
        "PyTorch, the library whose layers these are; normviz computes as it does",
        "Reference",
    ),
    _symbol("normviz", "the Python package that made this workbook", "Contents"),
    _symbol("NumPy", "the library in which every number here was computed once more", "Reference"),
    _symbol("statistics set", "the elements that share one mean and one variance", "Sets"),
    _symbol("affine", "the last step, y = γ · x̂ + β, with learned γ and β", "LayerNorm"),
    _symbol("upstream gradient", "dy, what comes back to the layer from what follows it", "Inputs"),
    _symbol(
        "chain rule",
        "a gradient is the product of the derivatives on its way, added up over all ways",
        FOUR,
    ),
    _symbol("closed form", "dx in one formula, without the steps between", OF_NORMS),
    _symbol(
        "training, evaluation",
        "with the statistics of the batch, and with the running ones",
        "Evaluation, BatchNorm",
    ),
    _symbol("running statistics", "averages that training keeps for evaluation", RUNNING),
    _symbol(
        "momentum",
        "the weight of the new value in them; Keras gives this name to 1 less it",
        RUNNING,
    ),
    _symbol("group", "neighboring channels that share statistics (GroupNorm)", "GroupNorm"),
    _symbol("split", "a part of the batch with statistics of its own (Ghost BN)", "GhostBatchNorm"),
    _symbol(
        "PixelNorm",
        "here LayerNorm over the channels of each pixel; that of Progressive GAN takes no mean",
        "PixelNorm",
    ),
    _symbol("SyncBatchNorm", "BatchNorm over the batches of several devices, merged", "Batches"),
    _symbol("Welford", "a variance in one pass that stays right far from zero (1962)", "Numerics"),
    _symbol("Bessel's correction", "dividing by m − 1: s² instead of σ²", "Conventions"),
    _symbol(
        "float64, float32, float16",
        "numbers of about 16, 7 and 3 digits; a sheet has float64",
        "Numerics",
    ),
    _symbol("normalized_shape", "the last axes, which LayerNorm and RMSNorm run over", "Why"),
    _symbol("drop_last", "of a DataLoader: an incomplete last batch is left out", "Numerics"),
    _symbol("weight decay", "an L2 penalty: it makes the weights smaller at each step", "Batches"),
    _symbol(
        "DistributedDataParallel",
        "torch's training on several devices; rank 0 is the first of them",
        "Batches",
    ),
    _symbol("ReLU", "max(y, 0): what is negative becomes 0", "Layer to layer, Why"),
    _symbol("1×1 convolution", "each pixel's channels mixed by one small matrix", "Layer to layer"),
)
