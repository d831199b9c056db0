"""A study: trials, what is changed in them, seeds, data sets, and what is asked, as a TOML file.

A user's own is a few lines::

    title = "Does GroupNorm mind small batches?"
    trials = ["bn", "gn"]
    seeds = 5

    [set]
    batch_size = [2, 8, 64]   # several values make a grid
    epochs = 3

Instead of a grid there may be ``[[arm]]`` tables: a name, a trial, and what is changed in it. Each
``[[test]]`` is a claim about a weighted sum over the arms, fixed before the study runs: its hash
goes into every config.json. The studies of the literature lie beside this file.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from normviz.errors import printable
from training.errors import TrainingError
from training.experiments.config import DEFAULTS, TrialConfig
from training.experiments.trials import find_trial
from training.experiments.variants import CHANGEABLE, grid, of_kind, vary

FOLDER = Path(__file__).parent
KEYS = {
    "title": str,
    "claim": str,
    "source": str,
    "note": str,
    "trials": list,
    "seeds": int,
    "datasets": list,
    "measures": list,
    "set": dict,
    "arm": list,
    "test": list,
}
ERROR, EFFECTIVE_RATE = "log error", "log effective rate"
LARGEST_RATE, STALE = "log largest rate", "log stale error"
MEASURES = (ERROR, EFFECTIVE_RATE, STALE, LARGEST_RATE)


@dataclass(frozen=True)
class Question:
    """One question: where a sum over the arms, ``weights`` times the measure of each, lies.

    Supported where it lies within (low, high), refuted where it lies outside of (refuted_low,
    refuted_high); with ``outside`` the other way round. None is no limit. Of "log largest rate" the
    arms of positive weight are one group, those of negative weight another, and the sum is the
    difference of the two. All primary questions of a study together are its claim.
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
        return not self.outside and self.low is not None and self.low == -(self.high or 0)


@dataclass(frozen=True)
class Study:
    """What a file says; ``digest`` is over all that decides its numbers and verdicts."""

    name: str
    title: str
    arms: dict[str, TrialConfig]
    seeds: tuple[int, ...]
    datasets: tuple[str, ...] = ()  # none: that of --dataset
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
            # What is as by default is left out, so that a field added later changes no digest.
            "arms": {name: _decisive(config) for name, config in self.arms.items()},
            "tests": [asdict(test) for test in self.tests],
        }
        if self.tests:  # else more seeds are no second look
            decisive["seeds"] = len(self.seeds)
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

    Raises:
        TrainingError: when there is none, or the file says what cannot be.
    """
    path = known_studies().get(place.removesuffix(".toml"), Path(place))
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
    for key, value in values.items():
        if key not in KEYS:
            raise TrainingError(f"unknown key {key!r}; a study has {', '.join(KEYS)}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise TrainingError(f"{key}={value!r} is not {KEYS[key].__name__}")
    if "trials" not in values:
        raise TrainingError('it names no trials, such as trials = ["bn", "gn"]')
    configs = [find_trial(str(trial)) for trial in values["trials"]]
    settings = {
        key: [of_kind(key, one) for one in (value if isinstance(value, list) else [value])]
        for key, value in values.get("set", {}).items()
    }
    if "arm" in values:
        arms = dict(_arm(arm, configs, settings) for arm in values["arm"])
    else:
        arms = {config.name: config for config in grid(configs, settings)}
    seeds = values.get("seeds", 3)
    if seeds < 1:
        raise TrainingError(f"seeds={seeds} must be 1 or more")
    words = {key: values[key] for key in ("claim", "source", "note") if key in values}
    tests = tuple(_test(test, arms) for test in values.get("test", []))
    return Study(
        name,
        values.get("title", name),
        arms,
        tuple(range(seeds)),
        tuple(values.get("datasets", ())),
        tests=tests,
        **words,
    )


def _arm(
    arm: dict[str, Any], configs: list[TrialConfig], settings: dict[str, list[Any]]
) -> tuple[str, TrialConfig]:
    changes = dict(arm)
    config = find_trial(str(changes.pop("trial", configs[0].name)))
    name = str(changes.pop("name", ""))
    if name and (name != printable(name) or name[0] == "." or set(name) & set("/\\:")):
        raise TrainingError(
            f"an arm is called {printable(name)!r}; its name is a folder's, so it has no /, \\ or "
            ": or control character and does not begin with a dot"
        )
    common = {}
    for key, several in settings.items():
        if len(several) > 1 and key != "layers":
            raise TrainingError(f"{key} has several values in [set], but the arms are given")
        common[key] = several[0]
    changes = common | {key: of_kind(key, value) for key, value in changes.items()}
    made = vary(config, changes, name)
    return made.name, made


def _test(values: dict[str, Any], arms: dict[str, TrialConfig]) -> Question:
    try:
        test = Question(**values)
    except TypeError as error:
        raise TrainingError(f"a [[test]] is wrong: {error}") from None
    for arm in test.weights:
        if arm not in arms:
            raise TrainingError(f"a [[test]] weighs {arm!r}; the arms are {', '.join(arms)}")
    if test.measure not in MEASURES:
        raise TrainingError(f"measure={test.measure!r} is not one of {', '.join(MEASURES)}")
    return test
