"""The kinds of tensors that a workbook can be about, and the norms that each is normalized by.

Images (N, C, H, W), volumes (N, C, D, H, W), signals (N, C, L) and samples (N, C) have every
declared norm; tokens (N, T, D) and rows (N, D) have those that transformers and plain networks use,
in their own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.norms.notation import parse
from normviz.norms.partition import StatisticsSets
from normviz.norms.refusals import one_value
from normviz.norms.words import axis_words, sets_in_words
from normviz.workbook.draw.tensor import UNNAMED, axes_of

Shape = tuple[int, ...]

OF_IMAGES = r"\b(images?|channels?|pixels?|C, H, W)\b"
"""Words that images have and tokens have not."""


@dataclass(frozen=True)
class Kind:
    """A kind of tensor: its axes, what is counted along them, and where an element stands.

    `cut` are the words for what groups and splits cut, `words` those that it has for words about
    images.
    """

    axes: tuple[str, ...]
    cut: tuple[str, str]
    laid_out: str
    words: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def layout(self) -> str:
        """Its shape as one writes it: N, C, H, W."""
        return ", ".join(self.axes).upper()

    @property
    def features_last(self) -> bool:
        """Whether γ and β are of the last axis: of features, not of channels."""
        return "c" not in self.axes

    @property
    def feature_axis(self) -> int:
        """The dimension that γ and β have: the channels, or the features."""
        return len(self.axes) - 1 if self.features_last else 1

    def spoken(self, text: str) -> str:
        """A sentence about images in the words of the tensor.

        >>> VOLUMES.spoken("One mean for each image, over its pixels.")
        'One mean for each volume, over its voxels.'
        """
        longest = sorted(self.words, key=len, reverse=True)
        told = "|".join(rf"(?<!\w){re.escape(words)}(?!\w)" for words in longest)
        return re.sub(told, lambda found: self.words[found[0]], text) if told else text

    def layer(self, torch_layer: str) -> str:
        """torch's layer of images as the one of this kind; empty where there is none.

        >>> SIGNALS.layer("torch.nn.BatchNorm2d(C)"), VOLUMES.layer("torch.nn.LayerNorm((C, H, W))")
        ('torch.nn.BatchNorm1d(C)', 'torch.nn.LayerNorm((C, D, H, W))')
        """
        if self == IMAGES:
            return torch_layer
        spatial = max(1, len(self.axes) - 2)
        found = re.sub(r"(torch\.nn\.\w+)2d", rf"\g<1>{spatial}d", torch_layer)
        found = found.replace("C, H, W", ", ".join(self.axes[1:]).upper())
        return "" if re.search(r"\w2d\(", found) else found


ROWS = Kind(("n", "d"), ("features", "rows"), "Rows n go down, features d across.")
TOKENS = Kind(
    ("n", "t", "d"),
    ("features", "sequences"),
    "Sequences n and their tokens t go down, features d across.",
)
IMAGES = Kind(
    ("n", "c", "h", "w"),
    ("channels", "images"),
    "Images n go down, channels c across; a block is one channel of one image, H × W pixels.",
)
VOLUMES = Kind(
    ("n", "c", "d", "h", "w"),
    ("channels", "volumes"),
    "Volumes n go down, channels c across; a block is one channel of one volume, its voxels.",
    {
        "an image": "a volume",
        "An image": "A volume",
        "images": "volumes",
        "Images": "Volumes",
        "image": "volume",
        "pixels": "voxels",
        "pixel": "voxel",
        "C, H, W": "C, D, H, W",
    },
)
_OF_SAMPLES = {
    "an image": "a sample",
    "An image": "A sample",
    "images": "samples",
    "Images": "Samples",
    "image": "sample",
}
SIGNALS = Kind(
    ("n", "c", "l"),
    ("channels", "samples"),
    "Samples n go down, channels c across; a block is one channel of one sample, its positions l.",
    _OF_SAMPLES | {"pixels": "positions", "pixel": "position", "C, H, W": "C, L"},
)
SAMPLES = Kind(
    ("n", "c"),
    ("channels", "samples"),
    "Samples n go down, channels c across.",
    _OF_SAMPLES
    | {
        "images and pixels": "samples",
        "image and pixel": "sample",
        "channels and pixels": "channels",
        "image and channel, over its pixels": "element by itself",
        "pixels": "elements",
        "pixel": "element",
        "C, H, W": "C",
    },
)
VECTORS = Kind(
    UNNAMED,
    ("features", "samples"),
    "Samples n go down, the indices i of axis 1 across; a block has those of axis 2, j, down and "
    "the features d across.",
    _OF_SAMPLES,
)
"""Heads of tokens, or images whose channels come last: the two axes between may mean anything."""


def _named_vectors(axes: tuple[str, ...]) -> Kind:
    """Vectors along the last of four axes, in the words of their names.

    >>> _named_vectors(("n", "t", "h", "d")).laid_out
    'Sequences n go down, tokens t across; a block has the heads h down and the features d across.'
    """
    n, across, down, features = (
        f"{word.many} {name}" for name, word in axis_words(parse(" ".join(axes))).items()
    )
    laid_out = f"{n.capitalize()} go down, {across} across; a block has the {down} down and the "
    return replace(VECTORS, axes=axes, laid_out=f"{laid_out}{features} across.")


KINDS = (ROWS, TOKENS, IMAGES, VOLUMES, SIGNALS, SAMPLES)
"""The first of so many dimensions is what a shape without names of axes means."""


def kind_called(shape: Shape, axes: Sequence[str] = ()) -> Kind:
    """The kind of a tensor by the names of its axes, or by how many there are.

    Raises:
        ValueError: for axes of no kind, or more or fewer than the kinds have.

    >>> kind_called((2, 4, 6)) is TOKENS, kind_called((2, 4, 6), ("n", "c", "l")) is SIGNALS
    (True, True)
    """
    for kind in KINDS:
        if kind.axes == tuple(axes) if axes else len(kind.axes) == len(shape):
            return kind
    known = "; ".join(",".join(kind.axes) for kind in KINDS)
    raise ValueError(f"the axes of a shape must be those of one of {known}, got {','.join(axes)}")


def kind_of(sets: StatisticsSets) -> Kind:
    """The kind of tensor that sets are about, by the names in their pattern."""
    names = axes_of(sets)
    if len(names) == len(UNNAMED):
        return VECTORS if names == UNNAMED else _named_vectors(names)
    if names:
        return kind_called(sets.shape, names)
    of_channels = [kind for kind in KINDS if not kind.features_last]
    return next(kind for kind in of_channels if len(kind.axes) == len(sets.shape))


def kind_for(norm: Norm, shape: Shape) -> Kind:
    """The kind of tensor that a norm is about on x of a shape, by its axes."""
    channels = {"c", "g", "k"} & {*norm.pattern.names}
    of_so_many = [kind for kind in KINDS if len(kind.axes) == len(shape)]
    fitting = [kind for kind in of_so_many if not (channels and kind.features_last)]
    return next(iter(fitting), IMAGES)


def norms_on(
    shape: Shape, kind: Kind, groups: int, splits: int, also: tuple[str, ...]
) -> dict[str, Norm]:
    """The norms of a workbook by name: those of its kind of tensor, and patterns of one's own.

    Raises:
        ValueError: for a pattern that cannot be read, or is none for x of this shape.
    """
    if kind.features_last:
        found = {norm.name: norm for norm in _of_features(kind, groups)}
    else:
        declared = [norm for norm in NORMS.values() if norm.fits(shape)]
        found = {norm.name: _spoken(norm, kind) for norm in declared}
    for at, sets in enumerate(also, start=1):
        norm = _own(sets, at if len(also) > 1 else 0, shape, kind, {"g": groups, "s": splits})
        found[norm.name] = norm
    return found


def parts_taken(shape: Shape, kind: Kind, also: tuple[str, ...]) -> frozenset[str]:
    """Which of groups and splits any norm of such a workbook takes.

    Raises:
        ValueError: as :func:`norms_on`.

    >>> sorted(parts_taken((4, 4, 2, 2), IMAGES, ())), sorted(parts_taken((2, 5, 8), TOKENS, ()))
    (['groups', 'splits'], ['groups'])
    """
    norms = norms_on(shape, kind, 1, 1, also).values()
    told = {size.parts for norm in norms for size in norm.sizes}
    fixed = {_PARTS.get(axis, "") for norm in norms for axis in norm.fixed or {}}
    return frozenset(told | fixed) - {""}


_PARTS = {"g": "groups", "h": "groups", "s": "splits"}
"""What tells the size that an axis has here; the heads of a token are groups of its features."""


def _spoken(norm: Norm, kind: Kind) -> Norm:
    words = {name: kind.spoken(getattr(norm, name)) for name in ("sentence", "use")}
    return replace(norm, **words, torch_layer=kind.layer(norm.torch_layer))  # type: ignore[arg-type]


def _of_features(kind: Kind, heads: int) -> tuple[Norm, ...]:
    """The norms of tokens and of rows: declared ones whose axes are these, and heads of tokens."""
    tokens = kind == TOKENS
    each, every = ("n t", "[n t] d") if tokens else ("n", "[n] d")
    one = "token" if tokens else "row"
    layer, rms = (
        _with_axes(NORMS[name], f"{each} [d]", torch=_over_features(name))
        for name in ("layer_norm", "rms_norm")
    )
    norms = (
        replace(
            layer,
            use=f"No {one} sees another; γ and β are one for each feature. The norm of the first "
            "transformers.",
            torch_layer="torch.nn.LayerNorm(D)",
        ),
        replace(
            rms,
            use=f"The sets of LayerNorm, but the mean is taken as zero: a {one} is divided by its "
            "size, and its mean is not taken away. Usual in language models; no β.",
            torch_layer="torch.nn.RMSNorm(D, eps)",
        ),
        *([_per_head(rms, heads)] if tokens else []),
        replace(
            _with_axes(NORMS["batch_norm"], every, torch=_over_rows),
            refuses=(
                one_value(f"more {'sequences or tokens' if tokens else 'rows'}, or drop_last"),
            ),
            use=f"{one.capitalize()}s share statistics: the result of one depends on all others in "
            "its batch, padding among them, and evaluation needs running averages.",
            torch_layer="torch.nn.BatchNorm1d(D)" + (" on x.flatten(0, 1)" if tokens else ""),
        ),
    )
    return tuple(replace(norm, sentence=_rows(norm.sentence, tokens)) for norm in norms)


def _per_head(rms: Norm, heads: int) -> Norm:
    """RMSNorm of each head of a token's features."""
    return replace(
        _with_axes(rms, "n t (h [d])", torch=None),
        name="per_head",
        fixed={"h": heads},
        title="RMSNorm per head",
        use=f"The features of a token are {heads} heads of attention, and each is normalized "
        "by itself, as queries and keys are (QK-norm, there an L2 norm and one learned "
        "number); γ is shared by all heads.",
        paper="after Henry et al. 2020",
        torch_layer="torch.nn.RMSNorm(D // heads, eps) on x.unflatten(-1, (heads, -1))",
    )


def _with_axes(norm: Norm, sets: str, torch: Any) -> Norm:
    """A declared norm of features, its sets over these axes; what it says of images is dropped."""
    changed = replace(norm, sets=sets, affine="d", sizes=(), per_channel=False, torch=torch)
    return replace(changed, sentence="", shows="", tries="", layout="")


def _rows(sentence: str, tokens: bool) -> str:
    return sentence if tokens else sentence.replace("sample", "row")


def _own(sets: str, number: int, shape: Shape, kind: Kind, sizes: Mapping[str, int]) -> Norm:
    """A norm by its pattern, γ and β being one for each channel or feature."""
    pattern, axis = parse(sets), kind.feature_axis
    known = {name: size for name, size in sizes.items() if name in pattern.names}
    composed = [dimension for dimension in pattern.dimensions if len(dimension) > 1]
    known = {n: s for n, s in known.items() if any(n in [a.name for a in d] for d in composed)}
    names = list(dict.fromkeys(f.name for f in pattern.fit(shape, known) if f.dimension == axis))
    affine = f"({' '.join(names)})" if len(names) > 1 else "".join(names)
    return Norm(
        f"own_{number}" if number else "own",
        sets,
        affine,
        fixed=known,
        title=f"Your own {number}".strip(" 0"),
        sentence=kind.spoken(f"{sets}: {sets_in_words(pattern)}"),
        use="A norm of your own, by its pattern.",
        torch_layer=f"normviz.torch_layers.Norm({sets!r}, shape, affine={affine!r})",
    )


def _over_features(function: str) -> Any:
    """torch's function of that name over the last dimension."""

    def call(torch: Any, x: Any, **arguments: Any) -> Any:
        return getattr(torch.nn.functional, function)(x, x.shape[-1:], **arguments)

    return call


def _over_rows(torch: Any, x: Any, **arguments: Any) -> Any:
    """torch's batch_norm with every token a row of its own."""
    flat = x.reshape(-1, x.shape[-1])
    return torch.nn.functional.batch_norm(flat, **arguments).reshape(x.shape)
