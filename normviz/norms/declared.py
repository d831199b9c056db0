"""The normalizations that normviz comes with, each one declaration; everything else follows."""

from typing import Any

from normviz.norms.norm import Norm, When
from normviz.norms.refusals import no_values, one_value
from normviz.norms.sizes import SizeArgument

_IMAGES = "(N, C, *spatial)"
_SHAPE = SizeArgument("d", "normalized_shape", example="x.shape[1:]")


def _named(function: str) -> Any:
    """torch's function of that name."""
    return lambda torch, x, **arguments: getattr(torch.nn.functional, function)(x, **arguments)


def _each_rank(name: str) -> tuple[str, ...]:
    return tuple(f"{name}{rank}d" for rank in (1, 2, 3))


def _each_split(torch: Any, x: Any, num_splits: int, **arguments: Any) -> Any:
    """torch's batch_norm on every split by itself; the buffers move to the mean of the results."""
    batch_norm = torch.nn.functional.batch_norm
    if not arguments.get("training", False):
        return batch_norm(x, **arguments)
    buffers = [arguments.pop("running_mean"), arguments.pop("running_var")]
    outputs, moved = [], []
    for split in x.chunk(num_splits):
        copies = [None if b is None else b.clone() for b in buffers]
        outputs.append(batch_norm(split, *copies, **arguments))
        moved.append(copies)
    for buffer, copies in zip(buffers, zip(*moved, strict=True), strict=True):
        if buffer is not None:
            buffer.copy_(sum(copies) / len(copies))
    return torch.cat(outputs)


def _over_channels(torch: Any, x: Any, **arguments: Any) -> Any:
    """torch's layer_norm over the channels, moved to the end and back, in x's own layout."""
    moved = x.movedim(1, -1)
    output = torch.nn.functional.layer_norm(moved, moved.shape[-1:], **arguments)
    return output.movedim(-1, 1).contiguous()


_BATCH = Norm(
    "batch_norm",
    sets="[n] c [...]",
    affine="c",
    buffers=True,
    flag="training",
    zero_eps=False,
    title="BatchNorm",
    basic=True,
    sentence="One mean and one variance for each channel, over all images and pixels.",
    use="Images share statistics: the result of one depends on the others in its batch, and "
    "evaluation needs running averages.",
    when=When(
        used="convolutional networks for images",
        needs="batches of 16 or more (Wu & He, 2018), drawn alike",
        fails="small batches, such as 2; samples that depend on each other; devices that do not "
        "talk",
        alone="refused where a channel has one value",
        evaluating="running statistics: another function than in training",
    ),
    shows="Forward, backward, closed form; running_mean and running_var with the unbiased variance "
    "beside the biased one.",
    tries="Change one image: every other image's output changes too.",
    paper="Ioffe & Szegedy 2015",
    torch_layer="torch.nn.BatchNorm2d(C)",
    layers=(*_each_rank("torch.nn.BatchNorm"), "normviz.torch_layers.SyncBatchNorm2d"),
    layout=_IMAGES,
    torch=_named("batch_norm"),
)

_DECLARED = (
    _BATCH,
    Norm(
        "layer_norm",
        sets="... [d]",
        affine="d",
        sizes=(_SHAPE,),
        title="LayerNorm",
        basic=True,
        sentence="One mean and one variance for each image, over all its channels and pixels.",
        use="No image sees another. The affine parameters are one for each element (C, H, W).",
        when=When(
            used="transformers, recurrent networks",
            needs="features that may share a scale",
            fails="features of very different sizes: the large ones decide for all",
        ),
        paper="Ba, Kiros & Hinton 2016",
        torch_layer="torch.nn.LayerNorm((C, H, W))",
        layers=("torch.nn.LayerNorm",),
        torch=_named("layer_norm"),
    ),
    Norm(
        "group_norm",
        sets="n (g [k]) [...]",
        affine="(g k)",
        sizes=(
            SizeArgument(
                "g",
                "num_groups",
                divides="channel",
                hint=" (num_groups counts the groups, not the channels in a group)",
                empty=False,
            ),
        ),
        refuses=(no_values, one_value("fewer groups", only_one_sample=True)),
        title="GroupNorm",
        basic=True,
        sentence="One mean and one variance for each image and group of neighboring channels.",
        use="Between LayerNorm (one group) and InstanceNorm (as many groups as channels).",
        when=When(
            used="detection, segmentation, video: large images, few in a batch",
            needs="channels that divide into groups",
            fails="groups of one or two values",
            alone="the same as in any batch; refused where a group has one value",
        ),
        paper="Wu & He 2018",
        torch_layer="torch.nn.GroupNorm(groups, C)",
        layers=("torch.nn.GroupNorm",),
        layout=_IMAGES,
        torch=_named("group_norm"),
    ),
    Norm(
        "instance_norm",
        sets="n c [...]",
        affine="c",
        buffers=True,
        flag="use_input_stats",
        flag_default=True,
        title="InstanceNorm",
        sentence="One mean and one variance for each image and channel, over its pixels.",
        use="Takes the contrast out of every single channel; known from style transfer.",
        when=When(
            used="style transfer, image generation",
            needs="several pixels a channel",
            fails="where contrast carries the answer; one pixel",
            evaluating="as in training, unless it tracks running statistics",
        ),
        paper="Ulyanov, Vedaldi & Lempitsky 2016",
        torch_layer="torch.nn.InstanceNorm2d(C, affine=True)",
        layers=_each_rank("torch.nn.InstanceNorm"),
        layout=_IMAGES,
        torch=_named("instance_norm"),
    ),
    Norm(
        "ghost_batch_norm",
        sets="(s [m]) c [...]",
        affine="c",
        sizes=(
            SizeArgument(
                "s",
                "num_splits",
                divides="sample",
                hint=", or drop the last incomplete batch",
            ),
        ),
        buffers=True,
        flag="training",
        evaluation=_BATCH,
        zero_eps=False,
        title="GhostBatchNorm",
        sentence="The batch is cut into splits of neighboring images; one mean and one variance "
        "for each split and channel.",
        use="BatchNorm with smaller batches: in training as on several devices that do not talk, "
        "but with one running mean. In evaluation the splits are gone.",
        when=When(
            used="large batches that should behave like small ones",
            needs="a batch that its splits divide",
            fails="splits of a few samples",
            alone="only with 1 split, and then as BatchNorm",
            evaluating="running statistics; the splits are gone",
        ),
        shows="BatchNorm on each split of the batch by itself; the running statistics move to the "
        "mean over the splits.",
        tries="Change an image of one split: the other split does not notice.",
        paper="Hoffer, Hubara & Soudry 2017",
        torch_layer="normviz.torch_layers.GhostBatchNorm2d(C, splits)",
        layers=("normviz.torch_layers.GhostBatchNorm2d",),
        layout=_IMAGES,
        torch=_each_split,
    ),
    Norm(
        "rms_norm",
        sets="... [d]",
        affine="d",
        sizes=(_SHAPE,),
        centered=False,
        bias=False,
        eps=None,
        title="RMSNorm",
        basic=True,
        sentence="The sets of LayerNorm, but the mean is taken as zero: only the size is "
        "normalized.",
        use="Cheaper than LayerNorm, usual in language models. No bias; torch's own default for "
        "eps is the machine epsilon.",
        when=When(
            used="large language models",
            needs="features whose mean says little",
            fails="inputs far from zero: no mean is taken away",
        ),
        shows="The same steps with the mean taken as zero, and no β.",
        tries="Add 100 to every x: which of LayerNorm and RMSNorm notices?",
        paper="Zhang & Sennrich 2019",
        torch_layer="torch.nn.RMSNorm((C, H, W), eps)",
        layers=("torch.nn.RMSNorm", "normviz.torch_layers.RMSNorm2d"),
        torch=_named("rms_norm"),
    ),
    Norm(
        "pixel_norm",
        sets="n [c] ...",
        affine="c",
        title="PixelNorm",
        sentence="One mean and one variance for each image and pixel, over the channels. "
        "(PixelNorm of Progressive GAN takes no mean: that is RMSNorm for each pixel.)",
        use="Every place is normalized by itself, as a transformer's LayerNorm does with a token; "
        "timm and torchvision call it LayerNorm2d.",
        when=When(
            used="ConvNeXt, vision transformers on images",
            needs="several channels",
            fails="one or two channels",
        ),
        paper="Li, Wu, Weinberger & Belongie 2019",
        torch_layer="torch.nn.LayerNorm(C) on x.movedim(1, -1)",
        layout=_IMAGES,
        torch=_over_channels,
    ),
)

NORMS: dict[str, Norm] = {norm.name: norm for norm in _DECLARED}
"""Every declared norm by its name."""
