"""What the sheets say about each normalization in words; everything in numbers comes from sets.py.

An op that is not described here still gets its sheet, under a title made of its name.
"""

from __future__ import annotations

from dataclasses import dataclass

from normviz.norms.sets import OPS


@dataclass(frozen=True, slots=True)
class Description:
    """Title of the sheet, one sentence on the sets, one on when it is used, and the paper."""

    title: str
    sets: str
    use: str
    paper: str
    call: str
    running: bool = False


DESCRIPTIONS: dict[str, Description] = {
    "batch_norm": Description(
        "BatchNorm",
        "One mean and one variance for each channel, over all images and pixels.",
        "Images share statistics: the result of one depends on the others in its batch, and "
        "evaluation needs running averages.",
        "Ioffe & Szegedy 2015",
        "torch.nn.BatchNorm2d(C)",
        running=True,
    ),
    "layer_norm": Description(
        "LayerNorm",
        "One mean and one variance for each image, over all its channels and pixels.",
        "No image sees another. The affine parameters are one for each element (C, H, W).",
        "Ba, Kiros & Hinton 2016",
        "torch.nn.LayerNorm((C, H, W))",
    ),
    "group_norm": Description(
        "GroupNorm",
        "One mean and one variance for each image and group of neighboring channels.",
        "Between LayerNorm (one group) and InstanceNorm (as many groups as channels).",
        "Wu & He 2018",
        "torch.nn.GroupNorm(groups, C)",
    ),
    "instance_norm": Description(
        "InstanceNorm",
        "One mean and one variance for each image and channel, over its pixels.",
        "Takes the contrast out of every single channel; known from style transfer.",
        "Ulyanov, Vedaldi & Lempitsky 2016",
        "torch.nn.InstanceNorm2d(C, affine=True)",
    ),
    "ghost_batch_norm": Description(
        "GhostBatchNorm",
        "The batch is cut into splits of neighboring images; one mean and one variance for each "
        "split and channel.",
        "BatchNorm with smaller batches, as on several devices that do not talk. In evaluation "
        "the splits are gone.",
        "Hoffer, Hubara & Soudry 2017",
        "normviz.torch_layers.GhostBatchNorm2d(C, splits)",
        running=True,
    ),
    "rms_norm": Description(
        "RMSNorm",
        "The sets of LayerNorm, but the mean is taken as zero: only the size is normalized.",
        "Cheaper than LayerNorm, usual in language models. No bias; torch's own default for eps "
        "is the machine epsilon.",
        "Zhang & Sennrich 2019",
        "torch.nn.RMSNorm((C, H, W), eps)",
    ),
}


def describe(op: str) -> Description:
    """The words for an op.

    >>> describe("group_norm").title
    'GroupNorm'
    """
    if op in DESCRIPTIONS:
        return DESCRIPTIONS[op]
    title = "".join(word.capitalize() for word in op.split("_"))
    return Description(title, "Its sets are colored below.", "", "", f"normviz.{op}")


def all_ops() -> list[str]:
    """Every op that sets.py knows, in its order."""
    return list(OPS)
