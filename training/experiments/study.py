"""A study: trials, what is changed in them, seeds, data sets, and what is asked, as a TOML file.

A user's own is a few lines::

    title = "Does GroupNorm mind small batches?"
    trials = ["bn", "gn"]
    seeds = 5

    [set]
    batch_size = [2, 8, 64]   # several values make a grid
    epochs = 3

``scale_lr = "sqrt"`` or ``"linear"`` lets the learning rate of a grid follow its batch size.
``images = 120_000`` beside a ``train_size`` is how many every trial sees, instead of ``epochs``.

Instead of a grid there may be ``[[arm]]`` tables: a name, a trial, and what is changed in it. Each
``[[test]]`` is a claim about a weighted sum over the arms, fixed before the study runs: its hash
goes into every config.json. The studies of the literature lie beside this file.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from normviz.errors import did_you_mean, printable
from training.errors import TrainingError
from training.experiments.config import DEFAULTS, TrialConfig, block_words, reads
from training.experiments.trials import find_trial
from training.experiments.variants import (
    CHANGEABLE,
    SCALES,
    by_name,
    grid,
    of_kind,
    refuse_unread,
    several,
    vary,
)

FOLDER = Path(__file__).parent
KEYS = {
    "title": str,
    "claim": str,
    "source": str,
    "note": str,
    "trials": list,
    "seeds": int,
    "images": int,
    "datasets": list,
    "set": dict,
    "scale_lr": str,
    "arm": list,
    "test": list,
}
ERROR, EFFECTIVE_RATE = "log error", "log effective rate"
LARGEST_RATE, STALE = "log largest rate", "log stale error"
MEASURES = (ERROR, EFFECTIVE_RATE, STALE, LARGEST_RATE)
USUAL_DATASETS = {"mnist", "fashion-mnist"}
MOST_SEEDS = 100_000  # more are a slip of the finger
LIMITS = ("low", "high", "refuted_low", "refuted_high")


@dataclass(frozen=True)
class Question:
    """One question: where a sum over the arms, ``weights`` times the measure of each, lies.

    Supported where it lies within (low, high), refuted where it lies outside of (refuted_low,
    refuted_high); with ``outside`` the other way round. None is no limit. Where both hold, it is
    supported, with ``outside`` refuted. Of "log largest rate" the arms of positive weight are one
    group, those of negative weight another, and the sum is the difference of the two. All primary
    questions of a study together are its claim.
    """

    text: str
    weights: dict[str, float]
    measure: str = ERROR
    low: float | None = None
    high: float | None = None
    refuted_low: float | None = None
    refuted_high: float | None = None
    primary: bool = True
    outside: bool = False

    @property
    def is_equality(self) -> bool:
        """Whether it asks for equality within a margin."""
        two = self.low is not None and self.high is not None
        return two and not self.outside and self.low == -(self.high or 0)

    @property
    def is_ratio(self) -> bool:
        """Whether its sum is the logarithm of a ratio, not a slope."""
        return self.measure != EFFECTIVE_RATE


@dataclass(frozen=True)
class Study:
    """What a file says; ``digest`` is over all that decides its numbers and verdicts."""

    name: str
    title: str
    arms: dict[str, TrialConfig]
    seeds: tuple[int, ...]
    datasets: tuple[str, ...] = ()  # none: that of --dataset, and a verdict is about it alone
    claim: str = ""
    source: str = ""
    note: str = ""
    tests: tuple[Question, ...] = field(default=())

    @property
    def primary(self) -> list[Question]:
        """The questions that are its claim together."""
        return [test for test in self.tests if test.primary]

    @property
    def recounts(self) -> bool:
        """Whether it asks for errors with the statistics of BatchNorm counted anew."""
        return any(test.measure == STALE for test in self.tests)

    @cached_property  # every row of a table is held to it
    def digest(self) -> str:
        """Twelve hexadecimal digits."""
        decisive: dict[str, Any] = {
            # What is as usual is left out, so that a field added later changes no digest.
            "arms": {name: _decisive(config) for name, config in self.arms.items()},
            "tests": [asdict(test) for test in self.tests],
        }
        if self.tests:  # else more seeds are no second look
            decisive["seeds"] = len(self.seeds)
            if set(self.datasets) != USUAL_DATASETS:
                decisive["datasets"] = sorted(self.datasets)
        text = json.dumps(decisive, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _decisive(config: TrialConfig) -> dict[str, Any]:
    values = config.to_dict()
    return {k: values[k] for k in CHANGEABLE if values[k] != DEFAULTS.get(k)}


def known_studies() -> dict[str, Path]:
    """Return the files of the studies that come with the package, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}


def read_study(place: str) -> Study:
    """Read a study from a file, or one that comes with the package by its name.

    A name is one of :func:`known_studies`, also as it is written there, NAME.toml; a file that
    exists goes first, and may be called as one of them.

    Raises:
        TrainingError: when there is none, or the file says what cannot be.
    """
    known = known_studies()
    by_file = {path.name: path for path in known.values() if not Path(path.name).exists()}
    path = (known | by_file).get(place, Path(place))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = ", ".join(known_studies())
        raise TrainingError(f"--experiment {place}: no such file; there are {names}") from None
    except (OSError, ValueError) as error:
        raise TrainingError(f"--experiment {place} cannot be read: {error}") from error
    try:
        return parse_study(path.stem, values)
    except TrainingError as error:
        raise TrainingError(f"--experiment {place}: {error}") from error


def parse_study(name: str, values: dict[str, Any]) -> Study:
    """Return the study that a TOML file's values mean.

    Raises:
        TrainingError: for a key that is not known, naming those that are, or a wrong value.
    """
    _check_keys(values)
    configs = [find_trial(str(trial)) for trial in values["trials"]]
    arms = _arms(values, configs, _settings(values))
    names = [_text("datasets", name) for name in values.get("datasets", ())]
    if len(set(names)) < len(names):
        raise TrainingError(f"datasets={names} names one twice")
    seeds = values.get("seeds", 3)
    if not 1 <= seeds <= MOST_SEEDS:
        raise TrainingError(f"seeds={seeds} must be 1 or more, and at most {MOST_SEEDS:,}")
    words = {key: values[key] for key in ("claim", "source", "note") if key in values}
    tests = tuple(_test(test, arms) for test in values.get("test", []))
    return Study(
        name,
        values.get("title", name),
        arms,
        tuple(range(seeds)),
        tuple(names),
        tests=tests,
        **words,
    )


def _check_keys(values: dict[str, Any]) -> None:
    for key, value in values.items():
        if key not in KEYS:
            near = did_you_mean(key, KEYS)
            raise TrainingError(f"unknown key {key!r}; a study has {', '.join(KEYS)}{near}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise TrainingError(f"{key}={value!r} is not {KEYS[key].__name__}")
    if not values.get("trials"):
        raise TrainingError('it names no trials, such as trials = ["bn", "gn"]')


def _settings(values: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the values of each field that [set] gives, and what ``images`` comes to."""
    settings = {
        key: [of_kind(key, one) for one in several(key, value)]
        for key, value in values.get("set", {}).items()
    }
    for key, found in settings.items():
        if not found:
            raise TrainingError(f"{key} in [set] has no value")
    if "images" not in values:
        return settings
    images, sizes = values["images"], settings.get("train_size", [])
    own = {key for arm in values.get("arm", ()) if isinstance(arm, dict) for key in arm}
    if {"epochs", "passes"} & (own | set(settings)) or "train_size" in own:
        raise TrainingError(
            "images says how many are seen, of one train_size, as epochs and passes do: omit those"
        )
    if len(sizes) != 1 or not sizes[0] or images < 1 or images % sizes[0]:
        raise TrainingError(
            f"images={images} must be a multiple of one train_size in [set], of which there is "
            f"{', '.join(map(str, sizes)) or 'none'}"
        )
    return settings | {"epochs": [1], "passes": [images // sizes[0]]}


def _arms(
    values: dict[str, Any], configs: list[TrialConfig], settings: dict[str, list[Any]]
) -> dict[str, TrialConfig]:
    """Return the arms that a file gives, or those of its grid."""
    scale = values.get("scale_lr", "")
    if scale and ("batch_size" not in settings or "arm" in values or scale not in SCALES):
        raise TrainingError(
            f"scale_lr={scale!r} must be one of {', '.join(SCALES)}, beside a grid of batch_size"
        )
    if "arm" not in values:
        return by_name(grid(configs, settings, scale))
    if not values["arm"]:
        raise TrainingError("it has no arm; each [[arm]] has a name and what is changed in it")
    made = [_arm(arm, configs, settings) for arm in values["arm"]]
    _refuse_unused(values["arm"], configs, made)
    return by_name(made)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TrainingError(f"{key}: {value!r} is not a word")
    return value


def _refuse_unused(
    tables: list[dict[str, Any]], configs: list[TrialConfig], arms: list[TrialConfig]
) -> None:
    """Refuse a trial that no arm takes, and a field that is given to arms and read by none."""
    taken = {str(table.get("trial", configs[0].name)) for table in tables}
    for config in configs:
        if config.name not in taken:
            raise TrainingError(f"no [[arm]] takes the trial {config.name!r}: leave it out")
    given = sorted({key for table in tables for key in table} & set(CHANGEABLE))
    for key in given:
        of_key = [arm for table, arm in zip(tables, arms, strict=True) if key in table]
        if not any(reads(arm, key) for arm in of_key):
            refuse_unread(of_key[0], key)


def _arm(arm: Any, configs: list[TrialConfig], settings: dict[str, list[Any]]) -> TrialConfig:
    if not isinstance(arm, dict):
        raise TrainingError(f"an [[arm]] is a table with a name and what is changed, not {arm!r}")
    changes = dict(arm)
    config = find_trial(str(changes.pop("trial", configs[0].name)))
    name = str(changes.pop("name", ""))
    if name and (name != printable(name) or name[0] == "." or set(name) & set("/\\:")):
        raise TrainingError(
            f"an arm is called {printable(name)!r}; its name is a folder's, so it has no /, \\ or "
            ": or control character and does not begin with a dot"
        )
    common = {}
    for key, found in settings.items():
        if len(found) > 1:
            raise TrainingError(f"{key} has several values in [set], but the arms are given")
        common[key] = found[0]
    return vary(config, common | {key: of_kind(key, value) for key, value in changes.items()}, name)


def _test(values: dict[str, Any], arms: dict[str, TrialConfig]) -> Question:
    try:
        test = Question(**values)
    except TypeError as error:
        raise TrainingError(f"a [[test]] is wrong: {error}") from None
    try:
        _check_kinds(test)
        for arm in test.weights:
            if arm not in arms:
                raise TrainingError(f"weighs {arm!r}; the arms are {', '.join(arms)}")
        if test.measure not in MEASURES:
            raise TrainingError(f"measure={test.measure!r} is not one of {', '.join(MEASURES)}")
        _check_limits(test)
        _check_measurable(test, arms)
    except TrainingError as error:
        raise TrainingError(f"the [[test]] {str(test.text)!r}: {error}") from None
    return test


def _check_kinds(test: Question) -> None:
    _text("text", test.text)
    if not isinstance(test.weights, dict) or not test.weights:
        raise TrainingError(f"weights={test.weights!r} must give arms a number each")
    for arm, weight in test.weights.items():
        if not _is_number(weight) or not weight:
            raise TrainingError(f"the weight {weight!r} of {arm!r} is not a number other than 0")
    for name in LIMITS:
        if (limit := getattr(test, name)) is not None and not _is_number(limit):
            raise TrainingError(f"{name}={limit!r} is not a number")
    for name in ("primary", "outside"):
        if not isinstance(getattr(test, name), bool):
            raise TrainingError(f"{name}={getattr(test, name)!r} is not true or false")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_limits(test: Question) -> None:
    if test.low is None and test.high is None:
        raise TrainingError("without low or high nothing can support it")
    for low, high in (("low", "high"), ("refuted_low", "refuted_high")):
        limits = getattr(test, low), getattr(test, high)
        if None not in limits and limits[0] > limits[1]:
            raise TrainingError(f"{low}={limits[0]} is above {high}={limits[1]}")


def _check_measurable(test: Question, arms: dict[str, TrialConfig]) -> None:
    """Refuse what the trained arms could not answer."""
    if test.measure == LARGEST_RATE:
        if test.low is None or test.outside or test.high is not None:
            raise TrainingError(f"of {LARGEST_RATE!r} only low and refuted_high are tested")
        if len({weight > 0 for weight in test.weights.values()}) < 2:
            raise TrainingError(f"{LARGEST_RATE!r} compares arms of positive and negative weight")
    for name in test.weights:
        arm = arms[name]
        if test.measure in (LARGEST_RATE, EFFECTIVE_RATE) and not arm.learning_rate:
            raise TrainingError(f"the learning rate 0 of {name!r} has no logarithm")
        has_buffers = arm.norm in ("batch", "ghost") and "norm" in block_words(arm.block)
        if test.measure == STALE and not has_buffers:
            raise TrainingError(f"{name!r} has no running statistics for {STALE!r}")
