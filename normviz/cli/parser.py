"""argparse, with one line for a mistake, and in it what was probably meant."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import normviz
from normviz.cli.ending import BAD_INPUT
from normviz.errors import did_you_mean, printable
from normviz.norms.declared import NORMS


class Parser(argparse.ArgumentParser):
    """A command's parser: it knows its release, prints no usage, and names what is nearest."""

    _given: Sequence[str] = ()

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        release = f"normviz {normviz.__version__}"
        self.add_argument("--version", action="version", version=release, help="say it and end")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's; what a command does not know is refused here, where its options are."""
        self._given = list(sys.argv[1:] if args is None else args)
        found, rest = super().parse_known_args(self._given, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}{self._two_words(rest[0])}")
        return found, rest

    def error(self, message: str) -> NoReturn:
        """End; what is missing may be there under a name with a slip in it, which is said first."""
        meant = self.unknown_option() or self._op_for_a_file() or message
        self.exit(BAD_INPUT, f"error: {printable(meant)}\n")

    def unknown_option(self) -> str:
        """The sentence on the first option that there is none of."""
        known = [option[2:] for option in self._option_string_actions if option[:2] == "--"]
        for word in self._given:
            if word == "--" or (self._subparsers and not word.startswith("-")):
                break  # what follows is no option, or a command's
            name = word.partition("=")[0]
            if not name.startswith("--") or " " in name:
                continue
            if not any(option.startswith(name[2:]) for option in known):
                near = did_you_mean(name[2:], known, "--")
                return f"unrecognized arguments: {name}{near}"
        return ""

    def _op_for_a_file(self) -> str:
        """That an op's name stands where the tensor should."""
        if "--op" not in self._option_string_actions:
            return ""
        before = ["", *self._given]
        words = [
            word
            for option, word in zip(before, self._given, strict=False)
            if not word.startswith("-") and not self._takes_a_word(option)
        ]
        op = next((word for word in words if word in NORMS), None)
        files = " ".join(word for word in words if word != op) or "TENSOR"
        return f"{op} is the name of an op, no file: write --op {op} {files}" if op else ""

    def _takes_a_word(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs is None

    def _two_words(self, word: str) -> str:
        """That the option before takes one word, where another follows: 2,3 written as 2 3."""
        at = self._given.index(word) - 2 if word in self._given else -1
        option = self._given[at] if at >= 0 else ""
        action = self._option_string_actions.get(option)
        if action is None or action.nargs is not None or self._takes_words():
            return ""
        return f": {option} takes one word, {action.metavar}"

    def _takes_words(self) -> bool:
        """Whether words without an option may be right, so that one is no value gone astray."""
        return any(action.nargs in ("*", "+") for action in self._get_positional_actions())

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            near = did_you_mean(value, action.choices or ())
            raise argparse.ArgumentError(action, f"{error.message}{near}") from None
