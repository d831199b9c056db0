import dataclasses

import pytest

from training.errors import TrainingError
from training.experiments.config import TrialConfig
from training.experiments.trials import TRIALS, find_trial

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
