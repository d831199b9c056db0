"""`normviz show`: the trace in the terminal, with the names and numbers of the workbook."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from normviz.cli.commands import main
from normviz.norms.declared import NORMS
from normviz.reference.trace import trace
from normviz.workbook.book.styles import NUMBER_FORMAT, SCIENTIFIC_FORMAT
from normviz.workbook.sheets.subject.case import Case, Settings

pytest.importorskip("rich")


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["show", *words]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("op", NORMS)
def test_without_a_tensor_the_numbers_are_those_of_the_workbook(
    op: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(capsys, "--op", op)
    trace = Case(Settings()).trace(op)
    for step in trace.steps:
        assert f"{step.name}  {step.symbol}" in text
        assert step.formula in text
    for name in ("output", "grad_input"):
        printed = text[text.index(f"  {name}  ") :]
        found = [
            float(n)
            for n in re.findall(r"(?<= )(-?\d+\.\d{3}|-?\d\.\d\dE-\d\d|(?<=  )0)(?=  )", printed)
        ]
        wanted = np.sort(trace[name].ravel().round(3))
        np.testing.assert_allclose(np.sort(found[: trace.x.size]), wanted, rtol=0, atol=5e-4)
    assert ("running_var after this batch" in text) == (op in ("batch_norm", "ghost_batch_norm"))


def test_a_tensor_of_the_user_and_a_slice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.random.default_rng(0).normal(size=(32, 8, 10, 10))
    np.save(tmp_path / "x.npy", x)
    words = [str(tmp_path / "x.npy"), "--op", "instance_norm", "--channels", "5"]
    text = shown(capsys, *words, "--samples", "30,31", "--pixels", "0")
    assert "shown: samples 30–31 of 32, channels 5 of 8" in text
    assert "c = 5, n = 30" in text
    assert f"{x[31, 5].mean():.3f}" in text


def test_parameters_beside_a_float16_x_keep_their_range(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A running_var of 9e4 in float32 was infinite in x's float16, and every output 0."""
    x = (300.0 * np.random.default_rng(0).normal(size=(4, 3))).astype(np.float16)
    for name, array in (
        ("x", x),
        ("var", np.full(3, 9e4, np.float32)),
        ("wide", np.full(3, 1e39)),
        ("dy", np.full((4, 3), 1e5)),
    ):
        np.save(tmp_path / f"{name}.npy", array)
    files = {name: str(tmp_path / f"{name}.npy") for name in ("x", "var", "wide", "dy")}
    text = shown(capsys, files["x"], "--eval", "--running-var", files["var"])
    assert "90000.000" in text
    assert "∞" not in text
    hat = x[0, 0] / np.sqrt(9e4 + 1e-5)
    assert f"{hat:.3f}" in text[text.index("output  y") :]
    for option, file, dtype in (
        ("--running-var", files["wide"], "float32"),
        ("--grad-output", files["dy"], "float16"),
    ):
        assert main(["show", files["x"], "--eval", option, file]) == 2
        said = capsys.readouterr().err
        assert f"{option} must be in the range of {dtype}, to which it is converted, got" in said


def test_evaluation_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--eval")
    assert "evaluation, with the stored statistics" in text
    assert "μ′ = running_mean" in text


def test_a_shape_of_the_workbook(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "--op", "group_norm", "--shape", "2,6,1,3", "--groups", "3")
    assert "x (2, 6, 1, 3)   6 statistics sets of 6 elements" in text


@pytest.mark.parametrize(
    ("op", "told", "said"),
    [
        ("group_norm", ["-s", "g=4"], "16 statistics sets of 4 elements"),
        ("group_norm", ["--groups", "1"], "4 statistics sets of 16 elements"),
        ("ghost_batch_norm", ["-s", "s=4"], "16 statistics sets of 4 elements"),
        ("layer_norm", ["-s", "d=2"], "32 statistics sets of 2 elements"),
        ("layer_norm", ["--normalized-shape", "2,2"], "16 statistics sets of 4 elements"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_size_that_is_told_is_the_one_shown(
    op: str, told: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"x (4, 4, 2, 2)   {said}" in shown(capsys, "--op", op, *told)


def of(text: str, title: str) -> list[str]:
    """What the numbers of a step are of, by its title."""
    told = text[text.index(f"{title}\n") :].split("\n\n")[0]
    return re.findall(r"(?:all )?\w(?: = [\d–]+)?(?:, (?:all )?\w(?: = [\d–]+)?)*(?= +-?\d)", told)


NAMES = [
    ("layer_norm", "2,3,4", "4", "d = 0/d = 1/d = 2/d = 3", "t = 0, n = 0/t = 1, n = 0"),
    ("rms_norm", "2,3", "3", "d = 0/d = 1/d = 2", "all d, n = 0/all d, n = 1"),
    ("layer_norm", "2,2,1,2", "2,1,2", "c = 0, w = 0/c = 0, w = 1/c = 1, w = 0", "all c, n = 0"),
    ("layer_norm", "2,3,2,2", "2,2", "h = 0, w = 0/h = 0, w = 1/h = 1, w = 0", "c = 0, n = 0"),
    ("layer_norm", "2,1,2,2", "2", "d = 0/d = 1", "i = 0, n = 0, j = 0/i = 0, n = 0, j = 1"),
    ("pixel_norm", "2,2,1,2", "", "c = 0/c = 1", "all c, n = 0, w = 0/all c, n = 0, w = 1"),
    ("batch_norm", "2,2,1,2", "", "c = 0/c = 1", "c = 0, all n/c = 1, all n"),
]


@pytest.mark.parametrize(
    ("op", "shape", "normalized", "parameters", "sets"), NAMES, ids=lambda value: value or "none"
)
def test_a_parameter_and_a_set_are_called_by_the_axes_that_they_have(
    op: str,
    shape: str,
    normalized: str,
    parameters: str,
    sets: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--op", op, "--shape", shape]
    text = shown(capsys, *words, *(["--normalized-shape", normalized] if normalized else []))
    mean = "mean_square  v" if op == "rms_norm" else "mean  μ"
    for title, expected in (
        ("weight  γ", parameters),
        ("grad_weight  ∂L/∂γ", parameters),
        (mean, sets),
    ):
        found = of(text, title)
        assert found[: expected.count("/") + 1] == expected.split("/")
        assert len(set(found)) == len(found)


def test_a_parameter_of_a_part_has_its_place_in_the_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "--op", "layer_norm", "--pixels", "1", "--channels", "2")
    assert of(text, "weight  γ") == ["c = 2, h = 1, w = 1"]


def test_the_axes_of_x_are_those_of_the_pattern_or_of_tokens(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(capsys, "--op", "layer_norm", "--shape", "2,3,4", "--normalized-shape", "4")
    assert " t = 2 " in text
    assert " c = " not in text
    text = shown(capsys, "--sets", "b [q] h w", "--shape", "2,3,1,2")
    assert " q = 2 " in text
    assert " b = 1 " in text


@pytest.mark.parametrize(
    ("op", "told", "notes"),
    [
        ("group_norm", ["--eval"], 1),
        ("batch_norm", ["--eval", "--momentum", "0.3"], 2),  # and which statistics are stored
        ("instance_norm", ["--momentum", "0.3"], 1),
        ("batch_norm", ["--momentum", "0.3"], 0),
    ],
    ids=["evaluation", "momentum in evaluation", "momentum of nothing", "momentum"],
)
def test_an_option_that_changes_nothing_is_said_to(
    op: str, told: list[str], notes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--op", op, *told]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len(said) == notes
    assert any("changes nothing" in line for line in said) == bool(notes)


def test_a_decimal_mark_is_for_any_text_that_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.eye(2))
    (tmp_path / "w.csv").write_text("1,5;2,25\n")
    words = ["--op", "rms_norm", "--decimal", ",", "--weight", str(tmp_path / "w.csv")]
    assert "2.250" in shown(capsys, str(tmp_path / "x.npy"), *words)
    assert main(["show", "--decimal", ","]) == 2
    assert "--decimal is for .csv and .tsv, and none is read" in capsys.readouterr().err


def test_bad_input_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["--op", "groupnorm"], "did you mean group_norm"),
        (["--shape", "4"], "positive whole numbers"),
        (["--op", "group_norm", "--groups", "0"], "num_groups must be"),
        (["no.csv"], "no.csv: No such file"),
    ):
        assert main(["show", *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("error: ")
        assert said in err


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_parameter_without_axes_asks_for_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 2)))
    x = str(tmp_path / "x.npy")
    assert main(["show", x, "--sets", "[n] c [...]", f"--{name}", x]) == 2
    sentence = f"error: --affine must name the axes of --{name}, as in --affine c; got none"
    assert capsys.readouterr().err.splitlines() == [sentence]


def test_without_rich_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)
    assert main(["show"]) == 2
    assert capsys.readouterr().err == (
        "error: normviz show needs rich, which is not installed: pip install 'normviz[terminal]'\n"
    )


def test_numbers_are_written_alike_in_terminal_and_notebook_in_the_formats_of_sheets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x = np.array([[1e-7, 0.0], [123456.789, 0.0], [0.25, -3.0]])
    np.save(tmp_path / "x.npy", x)
    in_terminal = shown(capsys, str(tmp_path / "x.npy"), "--op", "layer_norm")
    in_notebook = trace("layer_norm", x, normalized_shape=(2,))._repr_html_()
    for text in ("5.00E-08", "61728.395", "-1.375"):
        assert text in in_terminal
        assert text in in_notebook
    assert (NUMBER_FORMAT, SCIENTIFIC_FORMAT) == ("0.000", "0.00E+00;-0.00E+00;0")
