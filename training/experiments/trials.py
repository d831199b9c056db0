"""The experiments as data: one entry a trial, with the published result beside it.

Recipe A is that of a course project which compared L1, L2 and Ghost BatchNorm: 25 epochs, batch
128 unless said, Adam from 0.03 on a schedule that lowers it every epoch. The network behind its
results was not published (under 10,000 parameters); here its trials use ``training.model.Net``
with 5,760, and the schedule is an exponential one of factor 0.85 (0.03 down to 0.0006).
Recipe B is that of a second project, which compared BatchNorm, GroupNorm and LayerNorm: 20 epochs,
batch 64, SGD 0.1 with momentum 0.9, StepLR(8, gamma 0.01), dropout 0.01.
Both rotate within 7 degrees. The last two trials follow a recipe of our own.

Use::

    python -m training list
    python -m training run bn gn ln --seeds 5
"""

from __future__ import annotations

from typing import Any

from normviz.errors import did_you_mean
from training.errors import TrainingError
from training.experiments.config import Published, TrialConfig

A: dict[str, Any] = {
    "recipe": "A",
    "epochs": 25,
    "batch_size": 128,
    "optimizer": "adam",
    "learning_rate": 0.03,
    "schedule": "exponential",
    "gamma": 0.85,
}
B: dict[str, Any] = {
    "recipe": "B",
    "epochs": 20,
    "batch_size": 64,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "schedule": "step",
    "step_size": 8,
    "gamma": 0.01,
}
# Ours, 9,916 parameters. Everything was chosen on the last 10,000 training digits with the first
# 50,000 for training. A second pooling pays most: the network of one pooling sees 18 of the 28
# pixels at once, this one all of them, and makes 46 and 46 mistakes after eight epochs where that
# one made 56 and 61 (two seeds; seven other ways to spend the parameters lay between). Mild scale
# and shear help, stronger ones hurt; dropout, weight decay, a moving average of the weights, larger
# batches, SiLU and residual blocks were not seen to help. Five views of each image make fewer
# mistakes than one: 53 for 59 on average over these nine networks with two seeds each.
OWN: dict[str, Any] = {
    "recipe": "own",
    "layers": (
        *("conv 8", "conv 16", "squeeze 10", "pool"),
        *("conv 16", "same 16", "pool"),
        *("same 16", "same 15"),
    ),
    "average": 5,
    "batch_size": 64,
    "dropout_value": 0.0,
    "optimizer": "sgd",
    "learning_rate": 0.2,
    "momentum": 0.9,
    "nesterov": True,
    "schedule": "onecycle",
    "rotation": 10.0,
    "shift": 1.5,
    "log_scale": 0.1,
    "shear": 0.15,
    "interpolation": "bilinear",
    "views": 5,
}

_ALL = [
    TrialConfig(
        "bn-l1",
        "BatchNorm, L1 5e-5",
        **A,
        l1=5e-5,
        published=Published("hovers about 99.4 after epoch 11"),
    ),
    TrialConfig(
        "bn-l2",
        "BatchNorm, weight decay 1e-5",
        **A,
        weight_decay=1e-5,
        published=Published("best 99.49", best=99.49),
    ),
    TrialConfig(
        "bn-l1-l2",
        "BatchNorm, L1 5e-5 and weight decay 1e-5",
        **A,
        l1=5e-5,
        weight_decay=1e-5,
        published=Published("between bn-l1 and bn-l2; later than bn-l2 to cross 99.4"),
    ),
    TrialConfig(
        "gbn",
        "Ghost BatchNorm, 2 splits",
        **A | {"batch_size": 64},
        norm="ghost",
        published=Published("best 99.51, above 99.4 from epoch 6", best=99.51),
    ),
    TrialConfig(
        "gbn-l1-l2",
        "Ghost BatchNorm, 2 splits, L1 5e-5 and weight decay 1e-5",
        **A | {"batch_size": 64},
        norm="ghost",
        l1=5e-5,
        weight_decay=1e-5,
        published=Published("lowest of the five, irregular first epochs"),
    ),
    TrialConfig(
        "bn",
        "BatchNorm",
        **B,
        published=Published("99.36 last, 99.38 best", last=99.36, best=99.38),
    ),
    TrialConfig(
        "gn",
        "GroupNorm, 2 groups",
        **B,
        norm="group",
        published=Published("99.21 last, 99.22 best", last=99.21, best=99.22),
    ),
    TrialConfig(
        "ln",
        "LayerNorm over channels and space",
        **B,
        norm="layer",
        published=Published("99.36 last, 99.36 best", last=99.36, best=99.36),
    ),
    TrialConfig(
        "bn-l1-accumulated",
        "BatchNorm, L1 0.01 added while its sum was growing, as published",
        **B,
        l1=0.01,
        l1_form="accumulated",
        published=Published("9.80 (collapsed)", last=9.80),
    ),
    TrialConfig(
        "bn-l1-accumulated-low",
        "BatchNorm, L1 0.001 added while its sum was growing, as published",
        **B,
        l1=0.001,
        l1_form="accumulated",
        published=Published("92.70 last", last=92.70),
    ),
    TrialConfig(
        "bn-l1-fixed",
        "BatchNorm, L1 0.01 counted once",
        **B,
        l1=0.01,
        published=Published("never run by anyone"),
    ),
    TrialConfig(
        "bn-l1-fixed-low",
        "BatchNorm, L1 0.001 counted once",
        **B,
        l1=0.001,
        published=Published("never run by anyone"),
    ),
    TrialConfig("none", "no normalization", **B, norm="none"),
    TrialConfig("instance", "InstanceNorm", **B, norm="instance"),
    TrialConfig("rms", "RMSNorm over channels and space", **B, norm="rms"),
    TrialConfig(
        "best",
        "BatchNorm, pooled twice, one cycle of Nesterov SGD, more movement, five views",
        **OWN,
        epochs=25,
    ),
    TrialConfig("fast", "the recipe of best in a third of its epochs", **OWN, epochs=8),
]
TRIALS: dict[str, TrialConfig] = {config.name: config for config in _ALL}


def find_trial(name: str) -> TrialConfig:
    """Return the trial of that name.

    Raises:
        TrainingError: when there is none, naming those there are.
    """
    try:
        return TRIALS[name]
    except KeyError:
        near = did_you_mean(name, TRIALS)
        names = ", ".join(TRIALS)
        raise TrainingError(f"unknown trial {name!r}; there are {names}{near}") from None
