"""``python -m training list``: every trial and study on a line of its own."""

import re

from training.cli.commands import main


def test_list_names_every_trial_with_its_published_result(capsys):
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    assert "gbn-l1-l2" in output
    assert "99.36 last, 99.38 best" in output


def test_the_list_keeps_its_columns_apart(capsys):
    assert main(["list"]) == 0
    trials, studies = capsys.readouterr().out.split("\n\n")
    for line in trials.splitlines():
        assert re.fullmatch(r"\S+ +(A|B|own) +\S.*\S {2,}\S.*", line), line
    for line in studies.splitlines()[1:]:
        assert re.fullmatch(r"\S+ +\d+ arms, \d+ seeds: \S.*", line), line


def test_a_reader_that_goes_away_is_no_error(start):
    process = start("list")
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
