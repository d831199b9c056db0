"""A name with a slip in it: the sentence says which one was probably meant."""

from pathlib import Path

import numpy as np
import pytest

from normviz.cli.commands import main

pytest.importorskip("rich")  # show asks for it first

SLIPS = {
    "a command": ("wrokbook", "invalid choice: 'wrokbook'", "workbook"),
    "an option": ("workbook --shapes 2,3", "unrecognized arguments: --shapes", "--shape"),
    "an option with its value": ("workbook --sed=3", "unrecognized arguments: --sed", "--seed"),
    "what had to be given": ("explain x.npy --opp batch_norm", "arguments: --opp", "--op"),
    "one of two": ("exercise --classes names.csv", "arguments: --classes", "--class"),
    "British": ("show --normalised-shape 2", "--normalised-shape", "--normalized-shape"),
    "before a command": ("--verson workbook --seed 1", "arguments: --verson", "--version"),
    "a choice": ("exercise --class names.csv --steps foward", "choice: 'foward'", "forward"),
    "another case": ("show --op LayerNorm", "got 'LayerNorm'", "layer_norm"),
    "a capital axis": ("show x.npy --op group_norm -s C=2 -s G=2", "got 'C'", ""),
    "a capital size": ("show x.npy --op group_norm -s G=2", "got 'G'", "g"),
    "a capital name": ("show x.npz:WEIGHTS --op batch_norm", "got 'WEIGHTS'", "weights"),
    "an op for a file": ("show batch_norm", "got the op 'batch_norm'", "--op batch_norm"),
    "nothing near": ("show --gamma g.npy", "unrecognized arguments: --gamma", ""),
}


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command line is refused."""
    try:
        status = main(words)
    except SystemExit as ended:
        status = int(ended.code or 0)
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    return err.rstrip("\n")


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.eye(4).reshape(2, 2, 2, 2))
    np.savez("x.npz", weights=np.eye(2), inputs=np.eye(3))


@pytest.mark.parametrize("slip", SLIPS)
def test_the_nearest_name_is_said(slip: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, said, meant = SLIPS[slip]
    sentence = refusal(words.split(), capsys)
    assert said in sentence
    assert sentence.endswith(f": did you mean {meant}?") if meant else "did you" not in sentence


TWO_WORDS = {
    "show x.npy --op group_norm -s g 2": "2: -s takes one word, AXIS=SIZE",
    "workbook --shape 2 3 4 4": "3 4 4: --shape takes one word, N,C,H,W",
    "exercise --one --norms batch_norm layer_norm": "layer_norm: --norms takes one word, NORM,...",
    "grade . --tolerance decimals 3": "3: --tolerance takes one word, decimals=D",
    "workbook junk": "junk",
    "workbook --exercise 2": "2",
}


@pytest.mark.parametrize("words", TWO_WORDS)
def test_an_option_in_two_words_says_that_it_takes_one(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal(words.split(), capsys)
    assert said == f"error: unrecognized arguments: {TWO_WORDS[words]}"


@pytest.mark.parametrize(
    "words",
    [
        "show batch_norm x.npy",
        "show x.npy batch_norm",
        "show --eval batch_norm x.npy",
        "explain batch_norm x.npy",
        "explain x.npy batch_norm",
    ],
)
def test_an_op_beside_a_file_is_told_how_to_be_written(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "batch_norm is the name of an op, no file: write --op batch_norm x.npy"
    assert refusal(words.split(), capsys) == f"error: {said}"


@pytest.mark.parametrize("words", ["workbook --help --unknown", "--help --unknown"])
def test_help_is_given_whatever_follows(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 0
    assert "usage: normviz" in capsys.readouterr().out


def test_an_option_may_be_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "x.npy", "--op", "group_norm", "--group", "2"]) == 0
    assert "4 statistics sets" in capsys.readouterr().out
