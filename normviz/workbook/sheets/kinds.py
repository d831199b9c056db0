"""The kinds of tensors that a workbook can be about, and the norms that each is normalized by.

Images (N, C, H, W) and volumes (N, C, D, H, W) have every declared norm; tokens (N, T, D) and rows
(N, D) have those that transformers and plain networks use, in their own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm, Refusal
from normviz.norms.notation import parse
from normviz.norms.partition import StatisticsSets
from normviz.norms.words import sets_in_words

Shape = tuple[int, ...]

VOLUMES = {
    "an image": "a volume",
    "images": "volumes",
    "Images": "Volumes",
    "image": "volume",
    "pixels": "voxels",
    "pixel": "voxel",
}
OF_IMAGES = r"\b(images?|channels?|pixels?|C, H, W)\b"
"""Words that only images and volumes have."""

LAYOUTS = {2: "N,D", 3: "N,T,D", 4: "N,C,H,W", 5: "N,C,D,H,W"}
WHOLES = {2: ("features", "rows"), 3: ("features", "sequences"), 4: ("channels", "images")}
WHOLES[5] = ("channels", "volumes")
"""What groups and splits cut, by the number of dimensions."""


LAID_OUT = {
    2: "Rows n go down, features d across.",
    3: "Sequences n and their tokens t go down, features d across.",
    4: "Images n go down, channels c across; a block is one channel of one image, H × W pixels.",
    5: "Volumes n go down, channels c across; a block is one channel of one volume, its voxels.",
}
"""Where an element stands on a sheet, by the number of dimensions."""


def feature_axis(shape: Shape) -> int:
    """The dimension that γ and β have: the channels of images, the features of tokens and rows."""
    return 1 if len(shape) > 3 else len(shape) - 1


def norms_on(shape: Shape, groups: int, splits: int, also: tuple[str, ...]) -> dict[str, Norm]:
    """The norms of a workbook by name: those of its kind of tensor, and patterns of one's own.

    Raises:
        ValueError: for a pattern that cannot be read, or is none for x of this shape.
    """
    if len(shape) > 3:
        declared = [norm for norm in NORMS.values() if norm.fits(shape)]
        found = {norm.name: _spoken(norm, len(shape)) for norm in declared}
    else:
        found = {norm.name: norm for norm in _of_features(len(shape), groups)}
    for at, sets in enumerate(also, start=1):
        norm = _own(sets, at if len(also) > 1 else 0, shape, {"g": groups, "s": splits})
        found[norm.name] = norm
    return found


def spoken(text: str, dimensions: int) -> str:
    """A sentence about images in the words of the tensor.

    >>> spoken("One mean for each image, over its pixels.", 5)
    'One mean for each volume, over its voxels.'
    """
    if dimensions != 5:
        return text
    return re.sub(rf"\b({'|'.join(VOLUMES)})\b", lambda found: VOLUMES[found[0]], text)


def _spoken(norm: Norm, dimensions: int) -> Norm:
    if dimensions == 4:
        return norm
    words = {name: spoken(getattr(norm, name), dimensions) for name in ("sentence", "use")}
    layer = norm.torch_layer.replace("2d", "3d").replace("C, H, W", "C, D, H, W")
    return replace(norm, **words, torch_layer=layer)  # type: ignore[arg-type]


def _of_features(dimensions: int, heads: int) -> tuple[Norm, ...]:
    """The norms of tokens (3 dimensions) and rows (2)."""
    tokens = dimensions == 3
    each, every = ("n t", "[n t] d") if tokens else ("n", "[n] d")
    one = "token" if tokens else "row"
    norms = (
        Norm(
            "layer_norm",
            f"{each} [d]",
            affine="d",
            title="LayerNorm",
            use=f"No {one} sees another; γ and β are one for each feature. The norm of the first "
            "transformers.",
            paper="Ba, Kiros & Hinton 2016",
            torch_layer="torch.nn.LayerNorm(D)",
            torch=_over_features("layer_norm"),
        ),
        Norm(
            "rms_norm",
            f"{each} [d]",
            affine="d",
            centered=False,
            bias=False,
            eps=None,
            title="RMSNorm",
            use=f"The sets of LayerNorm, but the mean is taken as zero: the length of a {one} is "
            "normalized, its mean stays. Usual in language models; no β.",
            paper="Zhang & Sennrich 2019",
            torch_layer="torch.nn.RMSNorm(D, eps)",
            torch=_over_features("rms_norm"),
        ),
        Norm(
            "per_head",
            "n t (h [d])",
            affine="d",
            fixed={"h": heads},
            centered=False,
            bias=False,
            eps=None,
            title="RMSNorm per head",
            use=f"The features of a token are {heads} heads of attention, and each is normalized "
            "by itself, as queries and keys are (QK-norm); γ is shared by all heads.",
            paper="Henry et al. 2020",
            torch_layer="torch.nn.RMSNorm(D // heads, eps) on x.unflatten(-1, (heads, -1))",
        ),
        Norm(
            "batch_norm",
            every,
            affine="d",
            buffers=True,
            flag="training",
            zero_eps=False,
            refuses=(_one_value("sequences or tokens" if tokens else "rows"),),
            title="BatchNorm",
            use=f"{one.capitalize()}s share statistics: the result of one depends on all others in "
            "its batch, padding among them, and evaluation needs running averages.",
            paper="Ioffe & Szegedy 2015",
            torch_layer="torch.nn.BatchNorm1d(D)" + (" on x.flatten(0, 1)" if tokens else ""),
            torch=_over_rows,
        ),
    )
    rows = [norm for norm in norms if tokens or norm.name != "per_head"]
    return tuple(replace(norm, sentence=_rows(norm.sentence, tokens)) for norm in rows)


def _one_value(more: str) -> Refusal:
    """BatchNorm's refusal of one value per set, which advises to use more images or pixels."""

    def refuse(sets: StatisticsSets) -> str | None:
        said = NORMS["batch_norm"].refusal(sets)
        return said and said.replace("samples or pixels", more)

    return refuse


def _rows(sentence: str, tokens: bool) -> str:
    return sentence if tokens else sentence.replace("sample", "row")


def _own(sets: str, number: int, shape: Shape, sizes: Mapping[str, int]) -> Norm:
    """A norm by its pattern, γ and β being one for each channel or feature."""
    pattern, axis = parse(sets), feature_axis(shape)
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
        sentence=spoken(f"{sets}: {sets_in_words(pattern)}", len(shape)),
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
