import dataclasses

import pytest
import torch

from training.data import load as data
from training.errors import TrainingError
from training.experiments.config import READ_WITH, TrialConfig, reads
from training.experiments.trials import TRIALS, find_trial
from training.experiments.variants import CHANGEABLE
from training.run.one_network import Trainer

PUBLISHED = [
    "bn-l1", "bn-l2", "bn-l1-l2", "gbn", "gbn-l1-l2", "bn", "gn", "ln",
    "bn-l1-accumulated", "bn-l1-accumulated-low", "bn-l1-fixed", "bn-l1-fixed-low",
]  # fmt: skip


def test_every_published_trial_is_an_entry_with_its_result():
    assert list(TRIALS) == [*PUBLISHED, "none", "instance", "rms", "best", "fast"]
    assert all(TRIALS[name].published for name in PUBLISHED)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bn-l2", {"epochs": 25, "batch_size": 128, "optimizer": "adam", "learning_rate": 0.03,
                   "weight_decay": 1e-5, "l1": 0.0, "norm": "batch"}),
        ("gbn-l1-l2", {"epochs": 25, "batch_size": 64, "norm": "ghost", "num_splits": 2,
                       "l1": 5e-5, "weight_decay": 1e-5}),
        ("bn-l1-accumulated", {"epochs": 20, "batch_size": 64, "optimizer": "sgd",
                               "learning_rate": 0.1, "momentum": 0.9, "schedule": "step",
                               "step_size": 8, "gamma": 0.01, "l1": 0.01,
                               "l1_form": "accumulated", "rotation": 7.0}),
        ("bn-l1-fixed-low", {"l1": 0.001, "l1_form": "correct"}),
        ("gn", {"norm": "group", "group_norm_groups": 2, "dropout_value": 0.01}),
    ],
)  # fmt: skip
def test_trial_holds_the_published_recipe(name, expected):
    config = dataclasses.asdict(find_trial(name))
    assert {key: config[key] for key in expected} == expected


def test_dictionary_round_trip():
    for config in TRIALS.values():
        assert TrialConfig.from_dict(config.to_dict()) == config


def test_unknown_key_raises_and_names_it():
    with pytest.raises(TrainingError, match=r"unknown key 'learning_rat'.*learning_rate"):
        TrialConfig.from_dict({**TRIALS["bn"].to_dict(), "learning_rat": 0.1})


def test_unknown_trial_names_those_there_are():
    with pytest.raises(TrainingError, match=r"unknown trial 'bm'.*bn-l1, bn-l2"):
        find_trial("bm")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "bach"}, "norm='bach' is not one of batch, layer"),
        ({"optimizer": "lion"}, "optimizer='lion'"),
        ({"epochs": 0}, "epochs=0 must be 1 or more"),
        ({"momentum": 1.0}, "momentum=1.0 must be below 1"),
        ({"momentum": 0.0, "nesterov": True}, "nesterov=True takes a momentum above 0"),
        ({"warmup": 1.5}, r"warmup=1.5 must be in \[0, 1\]"),
        ({"gamma": -0.5}, "gamma=-0.5 must be 0 or more"),
        ({"rotation": -7.0}, "rotation=-7.0 must be 0 or more"),
        ({"dropout_value": 1.0}, "dropout_value=1.0 must be in"),
        ({"l1_form": "wrong"}, "l1_form='wrong'"),
    ],
)
def test_impossible_values_are_refused(change, message):
    with pytest.raises(TrainingError, match=message):
        dataclasses.replace(TRIALS["bn"], **change)


@pytest.mark.parametrize("name", ["best", "fast"])
def test_our_own_recipe_keeps_within_its_limits(name):
    from training.run.one_network import build_model

    config = TRIALS[name]
    assert config.epochs <= 25
    assert sum(p.numel() for p in build_model(config, 0).parameters()) == 9916 < 10_000


# Values that bring a trial to read the field, and two of the field that then decide something.
READERS = {
    "norm": ({}, "batch", "group"),
    "group_norm_groups": ({"norm": "group"}, 1, 2),
    "num_splits": ({"norm": "ghost"}, 2, 4),
    "dropout_value": ({}, 0.0, 0.1),
    "dropout_in": ({"dropout_value": 0.1}, "all", "last"),
    "momentum": ({"optimizer": "sgd"}, 0.0, 0.9),
    "nesterov": ({"optimizer": "sgd", "momentum": 0.9}, False, True),
    "decay_on": ({"weight_decay": 0.1}, "all", "weights"),
    "l1_form": ({"l1": 0.01}, "correct", "accumulated"),
    "gamma": ({"schedule": "exponential"}, 0.1, 0.9),
    "step_size": ({"schedule": "step", "gamma": 0.1}, 1, 2),
    "warmup": ({"schedule": "onecycle"}, 0.1, 0.5),
    "interpolation": ({"rotation": 30.0}, "nearest", "bilinear"),
}
UNREAD = {
    "norm": {"block": "conv relu"},
    "group_norm_groups": {"norm": "batch"},
    "num_splits": {"norm": "batch"},
    "dropout_value": {"block": "conv relu norm"},
    "dropout_in": {"dropout_value": 0.0},
    "momentum": {"optimizer": "adam"},
    "nesterov": {"optimizer": "adam", "momentum": 0.9},
    "decay_on": {"weight_decay": 0.0},
    "l1_form": {"l1": 0.0},
    "gamma": {"schedule": "constant"},
    "step_size": {"schedule": "constant"},
    "warmup": {"schedule": "constant"},
    "interpolation": {"rotation": 0.0},
}


def trained_weights(config):
    """After two epochs on a few digits, so that a schedule has moved."""
    digits = data.load("sample")
    few = dataclasses.replace(
        digits, train_images=digits.train_images[:96], train_labels=digits.train_labels[:96]
    )
    trainer = Trainer(config, few, seed=0)
    for epoch in (1, 2):
        trainer.train_epoch(epoch)
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


READ_BY_ALL = {
    "epochs", "batch_size", "optimizer", "learning_rate", "schedule", "layers", "average", "block",
    "conv_bias", "weight_decay", "l1", "rotation", "shift", "log_scale", "shear", "views",
    "train_size", "passes",
}  # fmt: skip


def test_every_field_is_read_by_all_or_with_another():
    assert READ_BY_ALL | set(READ_WITH) == set(CHANGEABLE)
    assert not READ_BY_ALL & set(READ_WITH)


@pytest.mark.parametrize("name", READ_WITH)
def test_a_field_decides_something_where_it_is_said_to_be_read_and_nothing_elsewhere(name):
    needed, *values = READERS[name]
    plain = dataclasses.replace(find_trial("bn"), batch_size=32, epochs=2, learning_rate=0.01)
    for common, decides in ((needed, True), (UNREAD[name], False)):
        configs = [dataclasses.replace(plain, **{**common, name: value}) for value in values]
        assert [reads(config, name) for config in configs] == [decides] * 2
        one, other = map(trained_weights, configs)
        # Without movement the ways to interpolate differ by rounding alone.
        assert torch.allclose(one, other, rtol=0, atol=1e-4) is not decides
