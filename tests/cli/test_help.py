"""What the commands say about themselves: the release, and every default."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import normviz
from normviz.cli.commands import build_parser, main


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


COMMANDS = list(parsers(build_parser()))


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda parser: parser.prog)
def test_every_command_says_its_release(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    words = parser.prog.split()[1:]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"normviz {normviz.__version__}\n"


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda parser: parser.prog)
def test_every_option_says_its_default(parser: argparse.ArgumentParser) -> None:
    """In parentheses at the end of its help; a switch has none, and what must be given."""
    for action in parser._actions:
        if not action.option_strings or action.nargs == 0 or action.dest in ("roster", "op"):
            continue
        told = str(action.help).rpartition("(")[2]
        assert str(action.help).endswith(")"), action.option_strings
        if action.default not in (None, [], ""):
            assert str(action.default) in told, action.option_strings


MAKING = {
    "workbook -o b.html --shape 2,2,1,2": ["b.html"],
    "workbook --exercise -o e.xlsx": ["e.xlsx", "e-answers.xlsx"],
    "explain x.npy --op batch_norm -o m.xlsx": ["m.xlsx"],
    "exercise --one -o o.xlsx": ["o.xlsx", "o-answers.xlsx"],
    "exercise --class names.csv -o sheets": ["sheets", "sheets/teacher"],
    "grade sheets -o marks.csv": ["marks.csv", "marks.html"],
}


def test_a_command_that_makes_files_says_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.arange(16.0).reshape(4, 2, 1, 2) % 5)
    Path("names.csv").write_text("name\nAda\n", "utf-8")
    before = {path.name for path in tmp_path.iterdir()}
    for words, made in MAKING.items():
        assert main(words.split()) == 0, words
        said = re.split(r"[\s;]+", capsys.readouterr().out)
        assert set(made) <= set(said), words
        assert all(Path(place).exists() for place in made), words
    named = {place for made in MAKING.values() for place in made}
    assert {path.name for path in tmp_path.iterdir()} - before <= named
