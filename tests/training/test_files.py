"""The files of a run: one sentence where they cannot be written, one process at a time."""

import errno

import pytest

from training.errors import TrainingError
from training.files import locked, write_whole


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device", ".lock")


def test_the_lock_holds_on_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("training.files.Path.write_text", full_disk)
    with locked(tmp_path), pytest.raises(TrainingError, match="in use by another process"):
        locked(tmp_path).__enter__()


def test_a_file_is_held_while_its_folder_is(tmp_path):
    with (
        locked(tmp_path),
        locked(tmp_path, file="a.csv"),
        locked(tmp_path, file="b.csv"),
        pytest.raises(TrainingError, match=r"a\.csv is in use .* use another --table"),
    ):
        locked(tmp_path, file="a.csv", option="--table").__enter__()


def test_a_place_that_cannot_be_a_file_is_one_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"cannot write .*file/deeper"):
        write_whole(tmp_path / "file" / "deeper", "words")
