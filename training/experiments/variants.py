"""Trials with some of their numbers changed, each named by what differs: ``bn batch_size=8``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from normviz.errors import did_you_mean
from training.errors import TrainingError
from training.experiments.config import (
    DESCRIPTIVE,
    FIELDS,
    READ_WITH,
    TrialConfig,
    effective,
    reads,
)

CHANGEABLE = [name for name in FIELDS if name not in DESCRIPTIVE]
# What a field is called elsewhere, too far from its name here to be seen.
MEANT = {"lr": "learning_rate", "wd": "weight_decay", "groups": "group_norm_groups"}
SCALES = {"linear": 1.0, "sqrt": 0.5}  # power of the batch size that the learning rate follows


def parse_settings(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Turn ``batch_size=2,8`` and the like into the values of each field, in their order.

    >>> parse_settings(["batch_size=2,8", "block=conv norm relu"])
    {'batch_size': [2, 8], 'block': ['conv norm relu']}

    Raises:
        TrainingError: for a word that is not KEY=VALUE, a field that no trial has, a value of the
            wrong kind, or a field given twice.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not values:
            raise TrainingError(f"--set {text!r} is not KEY=VALUE or KEY=VALUE,VALUE")
        if name in found:
            raise TrainingError(f"--set {name} is given twice; its values go behind one {name}=")
        found[name] = [of_kind(name, value.strip()) for value in values.split(",")]
    return found


def of_kind(name: str, value: Any) -> Any:
    """Return a value as the field ``name`` wants it, from a word or from a plain value.

    >>> of_kind("learning_rate", "1e-2"), of_kind("nesterov", "true"), of_kind("learning_rate", 1)
    (0.01, True, 1.0)

    Raises:
        TrainingError: when there is no such field, or the value is of another kind.
    """
    if name not in CHANGEABLE:
        near = did_you_mean(MEANT.get(name, name), CHANGEABLE)
        fields = ", ".join(CHANGEABLE)
        raise TrainingError(f"{name!r} is no field of a trial; there are {fields}{near}")
    kind = str(FIELDS[name].type)
    try:
        return KINDS[kind](value)
    except (ValueError, TypeError, KeyError, OverflowError):
        raise TrainingError(f"{name}={value} is not {WORDS[kind]}") from None


def several(name: str, value: Any) -> list[Any]:
    """Return the values that a file gives a field: those of its list, unless that is one value.

    >>> several("batch_size", [2, 8]), several("layers", ["conv 8", "pool"])
    ([2, 8], [['conv 8', 'pool']])
    >>> several("layers", [["conv 8", "pool"], "conv 8+pool"])
    [['conv 8', 'pool'], 'conv 8+pool']
    """
    if not isinstance(value, list):
        return [value]
    is_list = name in CHANGEABLE and str(FIELDS[name].type).startswith("tuple")
    one = is_list and all(isinstance(part, str) and "+" not in part for part in value)
    return [value] if one and value else value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (not isinstance(value, str) and int(value) != value):
        raise ValueError
    return int(value)


def _real(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(float(value)):
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value.split("+") if isinstance(value, str) else value))


KINDS: dict[str, Any] = {
    "int": _whole,
    "float": _real,
    "bool": lambda value: {"true": True, "false": False}[str(value).lower()],
    "str": _text,
    "tuple[str, ...]": _texts,
}
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a word",
    "tuple[str, ...]": "a list of layers, such as conv 8+pool+conv 12",
}


def vary(config: TrialConfig, changes: Mapping[str, Any], name: str = "") -> TrialConfig:
    """Return the trial with some fields changed, or itself where nothing differs.

    What was published is not about it any more.

    >>> from training.experiments.trials import find_trial
    >>> vary(find_trial("bn"), {"batch_size": 8, "epochs": 20}).name
    'bn batch_size=8'

    Raises:
        TrainingError: for values that a trial cannot have.
    """
    differing = {k: v for k, v in changes.items() if getattr(config, k) != v}
    if not differing and not name:
        return config
    words = [f"{k}={_in_word(v)}" for k, v in differing.items()]
    return replace(
        config,
        **differing,
        name=name or " ".join([config.name, *words]),
        summary=", ".join([config.summary, *words]),
        published=None,
    )


def _in_word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "+".join(value) if isinstance(value, tuple) else str(value)


def grid(
    configs: Sequence[TrialConfig], settings: Mapping[str, Sequence[Any]], scale: str = ""
) -> list[TrialConfig]:
    """Return every trial with every combination of the settings, each once.

    A trial that does not read a field stays as it is beside those that do, and of its variants that
    are one network the first is there.

    Args:
        configs: the trials.
        settings: the values of each field to change.
        scale: lets the learning rate follow the batch size: "linear" or "sqrt". The trial's own, or
            one of settings, is that at the trial's own batch size.

    Raises:
        TrainingError: for values that a trial cannot have, a field that none of the trials reads,
            or variants of which every trial's are one network.
    """
    found: list[TrialConfig] = []
    unread = set(settings)
    twins: list[tuple[str, str]] = []
    for config in configs:
        networks: dict[Any, TrialConfig] = {}
        for values in itertools.product(*settings.values()):
            changes = dict(zip(settings, values, strict=True))
            if scale and "batch_size" in changes:
                factor = (changes["batch_size"] / config.batch_size) ** SCALES[scale]
                rate = changes.get("learning_rate", config.learning_rate)
                changes["learning_rate"] = float(f"{rate * factor:.6g}")
            read = {k: v for k, v in changes.items() if reads(replace(config, **changes), k)}
            unread -= set(read)
            made = vary(config, read)
            first = networks.setdefault(effective(made), made)
            if first.name != made.name:
                twins.append((made.name, first.name))
        found += networks.values()
    if unread:
        refuse_unread(configs[0], min(unread))
    if twins and len(found) == len(configs):
        raise TrainingError("{!r} and {!r} are one network: omit one".format(*twins[0]))
    return list(by_name(found).values())


def alike(configs: Iterable[TrialConfig]) -> list[list[str]]:
    """Return the names of trials that train the same network alike, those of each together.

    >>> from training.experiments.trials import find_trial
    >>> alike([find_trial("gn"), find_trial("ln"), vary(find_trial("bn"), {"norm": "group"})])
    [['gn', 'bn norm=group']]
    """
    names: dict[Any, list[str]] = {}
    for config in by_name(configs).values():
        names.setdefault(effective(config), []).append(config.name)
    return [found for found in names.values() if len(found) > 1]


def refuse_unread(config: TrialConfig, name: str) -> NoReturn:
    """Say that a field changes nothing in a trial, and where it would.

    Raises:
        TrainingError: always.
    """
    raise TrainingError(
        f"{name} changes nothing in {config.name}: a trial with {READ_WITH[name][0]} reads it"
    )


def by_name(configs: Iterable[TrialConfig]) -> dict[str, TrialConfig]:
    """Return trials by their names, one that is there twice once.

    Raises:
        TrainingError: when two that differ have one name: one would take the other's place.
    """
    found: dict[str, TrialConfig] = {}
    for config in configs:
        if (other := found.setdefault(config.name, config)) != config:
            differing = [k for k in CHANGEABLE if getattr(other, k) != getattr(config, k)]
            raise TrainingError(
                f"two trials would be called {config.name!r} and differ in {', '.join(differing)}: "
                "give each another name, or numbers that differ in six digits"
            )
    return found
