"""normviz exercise and normviz grade, as a teacher types them."""

import csv
from pathlib import Path

import pytest

from normviz.cli.commands import main
from normviz.grading.grade import load_class
from tests.grading.fill import fill, right, solved


def names(folder: Path, text: str = "name\nAda\nBen\n") -> str:
    path = folder / "names.csv"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_class_is_made_and_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    roster = names(tmp_path)
    options = ["--norms", "rms_norm", "--steps", "forward", "--seed", "3"]
    assert main(["exercise", "--class", roster, *options]) == 0
    said = capsys.readouterr()
    assert "2 files in sheets" in said.out
    assert "made 2 of 2" in said.err
    assert main(["grade", "sheets"]) == 0
    said = capsys.readouterr()
    assert said.out.split()[:2] == ["marks.csv", "marks.html"]
    assert "2 of 2 marked, 2 to look at" in said.out
    lines = Path("marks.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[:4] for line in lines[1:]] == [
        ["Ada", "Ada.xlsx", "0", "10"],
        ["Ben", "Ben.xlsx", "0", "10"],
    ]
    assert all(line.split(",")[-2] == "nothing filled in" for line in lines[1:])
    assert main(["grade", "sheets", "-o", "sheets/marks.csv"]) == 0
    assert main(["grade", "sheets", "-o", "sheets/marks.csv"]) == 0
    assert capsys.readouterr().out.count("2 of 2 marked") == 2


def test_a_class_without_a_seed_is_that_of_seed_0_and_this_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []
    for options in ([], ["--seed", "0"], ["--seed", "9"]):
        folder = tmp_path / f"sheets {len(made)}"
        own = ["--norms", "rms_norm", "--steps", "forward", "-o", str(folder), *options]
        assert main(["exercise", "--class", names(tmp_path), *own]) == 0
        told = "note: the numbers are those of seed 0, and whoever knows the seed and the names"
        assert (told in capsys.readouterr().err) == (not options)
        made.append((folder / "Ada.xlsx").read_bytes())
    assert made[0] == made[1] != made[2]


def test_a_norm_of_ones_own_makes_its_exercise_by_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sheets"
    options = ["--norms", "n [c] h w, group_norm, n (g [k]) [h] w", "--groups", "2"]
    assert main(["exercise", "--class", names(tmp_path), "-o", str(folder), *options]) == 0
    classroom = load_class(folder / "teacher" / "class.json")
    made = solved(classroom, 0)
    assert [sheet.title for sheet in made.sheets] == [
        "n ‹c› h w",
        "GroupNorm",
        "n (g ‹k›) ‹h› w",
    ]
    fill(folder / "Ada.xlsx", right(made))
    table = tmp_path / "marks.csv"
    assert main(["grade", str(folder), "-o", str(table)]) == 0
    ada = next(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert (ada["total"], ada["flags"]) == (ada["of"], "")
    assert "n ‹c› h w variance (1)" in ada


def test_one_exercise_is_that_of_the_workbook_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.xlsx", tmp_path / "other.xlsx"
    assert main(["exercise", "--one", "-o", str(one), "--seed", "2"]) == 0
    assert main(["workbook", "--exercise", "-o", str(other), "--seed", "2"]) == 0
    assert one.read_bytes() == other.read_bytes()
    assert "one-answers.xlsx" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["exercise"], "--class", id="neither class nor one"),
        pytest.param(["exercise", "--class", "no.csv"], "no.csv", id="no class list"),
        pytest.param(["exercise", "--class", "twice.csv"], "repeats", id="a name twice"),
        pytest.param(["exercise", "--class", "ok.csv", "--norms", "batch"], "norm", id="norm"),
        pytest.param(
            ["exercise", "--class", "ok.csv", "--norms", "n [c h w"], "n [c h w", id="pattern"
        ),
        pytest.param(
            ["exercise", "--class", "ok.csv", "--norms", "n t [d]"], "n t [d]", id="tokens"
        ),
        pytest.param(["exercise", "--class", "ok.csv", "--shape", "2,4"], "N,C,H,W", id="shape"),
        pytest.param(["exercise", "--class", "ok.csv", "--seed", "-1"], "--seed", id="seed"),
        pytest.param(["exercise", "--one", "--formulas"], "--class", id="formulas of one"),
        pytest.param(["grade", "nowhere"], "nowhere", id="no folder"),
        pytest.param(["grade", "empty"], "holds no files", id="nothing to mark"),
        pytest.param(["grade", "empty", "--tolerance", "2"], "decimals=D", id="tolerance"),
        pytest.param(["grade", "empty", "-o", "marks.txt"], ".csv", id="no table"),
        pytest.param(["grade", "empty", "--class", "ok.csv"], "ok.csv", id="no class file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ok.csv").write_text("Ada\n", "utf-8")
    Path("twice.csv").write_text("Ada\nAda\n", "utf-8")
    Path("empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    try:
        status = main(arguments)
    except SystemExit as ended:
        status = int(ended.code or 0)
    error = capsys.readouterr().err
    assert status == 2
    assert error.startswith("error: ")
    assert said in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
