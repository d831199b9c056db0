"""What the commands of the experiments say about themselves: the release, and every default."""

import argparse

import pytest

import normviz
from tests.cli.test_help import parsers
from training.cli.parser import build_parser

COMMANDS = list(parsers(build_parser()))


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda parser: parser.prog)
def test_every_command_says_its_release(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*parser.prog.split()[1:], "--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"normviz {normviz.__version__}\n"


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda parser: parser.prog)
def test_every_option_says_its_default(parser: argparse.ArgumentParser) -> None:
    """After "default: "; a switch has none, and what must be given."""
    for action in parser._actions:
        if not action.option_strings or action.nargs == 0 or action.required:
            continue
        told = str(action.help).rpartition("default: ")[2]
        assert "default: " in str(action.help), action.option_strings
        if action.default not in (None, [], argparse.SUPPRESS):
            assert str(action.default) in told, action.option_strings
