"""What a trial is: every number that decides it, checked, as plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from training.errors import TrainingError

NORMS = (
    *("batch", "layer", "group", "ghost", "instance", "rms", "rms-beta", "pixel"),
    "none",
)
OPTIMIZERS = ("adam", "sgd")
SCHEDULES = ("constant", "exponential", "step", "onecycle")
LAYERS = ("conv 8", "conv 16", "squeeze 8", "pool", "conv 12", "conv 14", "same 14")  # see Net
AVERAGE = 6
BLOCK = "conv relu norm dropout"
BLOCK_WORDS = ("conv", "relu", "norm", "dropout")
DECAYED = ("all", "weights")
DROPPED = ("all", "last")
INTERPOLATIONS = ("nearest", "bilinear")
VIEWS = (1, 5)  # as it is; and also a pixel to each side


@dataclass(frozen=True)
class Published:
    """What the original authors reported, in percent of the 10,000 test digits; None: not said."""

    text: str
    last: float | None = None
    best: float | None = None


@dataclass(frozen=True)
class TrialConfig:
    """Everything that decides a trial's numbers, besides data, seed, threads and precision.

    A field that is added later has for its default what was done before, so that runs made
    without it go on.
    """

    name: str
    summary: str
    recipe: str  # "A", "B" or "own"
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float  # of the first epoch; the highest one for "onecycle"
    schedule: str
    layers: tuple[str, ...] = LAYERS  # of the network, as Net reads them
    average: int = AVERAGE  # side of the average pooling after them
    block: str = BLOCK  # its parts in their order; one left out is not there
    conv_bias: bool = False
    norm: str = "batch"
    group_norm_groups: int = 2
    num_splits: int = 2
    dropout_value: float = 0.01
    dropout_in: str = "all"  # blocks; or "last", the last one alone
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0  # torch's meaning: strength * p is added to the gradient of p
    decay_on: str = "all"  # parameters; or "weights", those of convolutions, not gamma and beta
    l1: float = 0.0
    l1_form: str = "correct"  # or "accumulated", the published loop; see loss.py
    gamma: float = 1.0  # factor of "exponential" (every epoch) and "step" (every step_size epochs)
    step_size: int = 1
    warmup: float = 0.3  # part of a "onecycle" spent rising
    rotation: float = 7.0  # degrees, drawn uniformly within plus and minus
    shift: float = 0.0  # pixels, each direction, drawn uniformly within plus and minus
    log_scale: float = 0.0  # logarithm of the magnification, likewise
    shear: float = 0.0  # likewise
    interpolation: str = "nearest"  # as torchvision's RandomRotation does by default
    views: int = 1  # of each test image, shifted by a pixel; their probabilities are averaged
    train_size: int = 0  # drawn by the seed from all images, the others test; 0: the set's own
    passes: int = 1  # over the training images in an epoch
    published: Published | None = field(default=None)

    def __post_init__(self) -> None:
        _one_of("norm", self.norm, NORMS)
        _one_of("optimizer", self.optimizer, OPTIMIZERS)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("interpolation", self.interpolation, INTERPOLATIONS)
        _one_of("l1_form", self.l1_form, ("correct", "accumulated"))
        _one_of("decay_on", self.decay_on, DECAYED)
        _one_of("dropout_in", self.dropout_in, DROPPED)
        block_words(self.block)
        for name in (
            *("epochs", "batch_size", "step_size", "num_splits", "group_norm_groups"),
            *("average", "passes"),
        ):
            if getattr(self, name) < 1:
                raise TrainingError(f"{name}={getattr(self, name)} must be 1 or more")
        for name in (
            *("learning_rate", "weight_decay", "l1", "train_size", "momentum", "gamma"),
            *("rotation", "shift", "log_scale", "shear"),
        ):
            if not 0 <= getattr(self, name) < float("inf"):
                raise TrainingError(f"{name}={getattr(self, name)} must be 0 or more")
        if not self.momentum < 1:
            raise TrainingError(f"momentum={self.momentum} must be below 1")
        if self.nesterov and self.optimizer == "sgd" and not self.momentum:
            raise TrainingError("nesterov=True takes a momentum above 0, got momentum=0.0")
        if not 0 <= self.warmup <= 1:
            raise TrainingError(f"warmup={self.warmup} must be in [0, 1], a part of the steps")
        if self.views not in VIEWS:
            raise TrainingError(f"views={self.views} is not one of 1 (as it is), 5 (shifted too)")
        if not 0 <= self.dropout_value < 1:
            raise TrainingError(f"dropout_value={self.dropout_value} must be in [0, 1)")
        if self.norm in ("batch", "ghost"):
            self._check_batch()

    def _check_batch(self) -> None:
        if self.batch_size % self.splits:
            raise TrainingError(
                f"num_splits={self.splits} does not divide batch_size={self.batch_size}: every "
                "split of Ghost BatchNorm has as many images"
            )
        if self.batch_size == self.splits:
            raise TrainingError(
                f"batch_size={self.batch_size} leaves one image to share statistics: in training "
                "that is InstanceNorm (norm='instance'), in evaluation something else; use more"
            )

    @property
    def splits(self) -> int:
        """Of what the normalization wants a batch to be a multiple."""
        return self.num_splits if self.norm == "ghost" else 1

    @property
    def has_norm(self) -> bool:
        """Whether its blocks normalize anything."""
        return self.norm != "none" and "norm" in self.block.split()

    def to_dict(self) -> dict[str, Any]:
        """Return the plain dictionary kept in ``config.json``."""
        return {**dataclasses.asdict(self), "layers": list(self.layers)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialConfig:
        """Build a configuration from a dictionary.

        Raises:
            TrainingError: for a key that is not a field, naming it and the fields there are.
        """
        unknown = sorted(set(values) - set(FIELDS))
        if unknown:
            raise TrainingError(f"unknown key {unknown[0]!r}; a trial has {', '.join(FIELDS)}")
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        if isinstance(values.get("published"), dict):
            values["published"] = Published(**values["published"])
        return cls(**values)


FIELDS = {f.name: f for f in sorted(dataclasses.fields(TrialConfig), key=lambda f: f.name)}
DESCRIPTIVE = ("name", "summary", "recipe", "published")  # words about a trial
# Of fields that older runs do not know, what they did; see the class.
DEFAULTS = {
    name: list(f.default) if isinstance(f.default, tuple) else f.default
    for name, f in FIELDS.items()
    if f.default is not dataclasses.MISSING
}


def _has(part: str) -> Callable[[TrialConfig], bool]:
    return lambda config: part in config.block.split()


# Of the fields that not every trial reads: what it has that does, in words and as a condition.
READ_WITH: dict[str, tuple[str, Callable[[TrialConfig], bool]]] = {
    "norm": ("norm in block", _has("norm")),
    "group_norm_groups": ("norm=group", lambda c: c.norm == "group" and _has("norm")(c)),
    "num_splits": ("norm=ghost", lambda c: c.norm == "ghost" and _has("norm")(c)),
    "dropout_value": ("dropout in block", _has("dropout")),
    "dropout_in": (
        "dropout in block and a dropout_value",
        lambda c: bool(c.dropout_value) and _has("dropout")(c),
    ),
    "momentum": ("optimizer=sgd", lambda c: c.optimizer == "sgd"),
    "nesterov": ("optimizer=sgd", lambda c: c.optimizer == "sgd"),
    "decay_on": ("a weight_decay", lambda c: bool(c.weight_decay)),
    "l1_form": ("an l1", lambda c: bool(c.l1)),
    "gamma": ("schedule=exponential or step", lambda c: c.schedule in ("exponential", "step")),
    "step_size": ("schedule=step", lambda c: c.schedule == "step"),
    "warmup": ("schedule=onecycle", lambda c: c.schedule == "onecycle"),
    "interpolation": (
        "a rotation, shift, log_scale or shear",
        lambda c: bool(c.rotation or c.shift or c.log_scale or c.shear),
    ),
}


def reads(config: TrialConfig, name: str) -> bool:
    """Whether the field ``name`` decides anything in a trial.

    >>> from training.experiments.trials import find_trial
    >>> reads(find_trial("gbn"), "num_splits"), reads(find_trial("bn"), "num_splits")
    (True, False)
    """
    return name not in READ_WITH or READ_WITH[name][1](config)


def effective(config: TrialConfig) -> tuple[tuple[str, Any], ...]:
    """Return what decides anything in a trial, alike of two that train the same network alike.

    >>> from training.experiments.trials import find_trial
    >>> bn = find_trial("bn")
    >>> effective(dataclasses.replace(bn, num_splits=4)) == effective(bn)
    True
    """
    idle = {"norm": not config.has_norm, "dropout": not config.dropout_value}
    block = " ".join(part for part in config.block.split() if not idle.get(part))
    bare = dataclasses.replace(config, block=block)
    return tuple((n, getattr(bare, n)) for n in FIELDS if n not in DESCRIPTIVE and reads(bare, n))


def block_words(block: str) -> list[str]:
    """Return the parts of a block in their order.

    >>> block_words("conv norm relu")
    ['conv', 'norm', 'relu']

    Raises:
        TrainingError: for a word that is no part, one that is given twice, or no convolution first.
    """
    words = block.split()
    for word in words:
        if word not in BLOCK_WORDS:
            raise TrainingError(f"block={block!r}: {word!r} is not one of {', '.join(BLOCK_WORDS)}")
    if words[:1] != ["conv"] or len(set(words)) < len(words):
        raise TrainingError(
            f"block={block!r} must begin with conv and name each of {', '.join(BLOCK_WORDS)} at "
            "most once"
        )
    return words


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise TrainingError(f"{name}={value!r} is not one of {', '.join(allowed)}")
