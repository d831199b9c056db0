"""One way to write a file: whole or not at all, where and as the user wants it."""

import errno
import os
import stat
import time
from pathlib import Path

import pytest

from normviz.files import ABANDONED_SECONDS, check_place, write_whole


def test_a_new_file_has_the_mode_that_the_user_gives_new_files(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        assert write_whole(tmp_path / "new.xlsx", b"content") == tmp_path / "new.xlsx"
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new.xlsx").stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["new.xlsx"]


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o666, 0o755], ids=oct)
def test_a_file_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "book.xlsx"
    target.write_text("old")
    target.chmod(mode)
    write_whole(target, "new, é")
    assert target.read_bytes() == "new, é".encode()
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing yet"])
def test_a_link_is_followed(tmp_path: Path, there: bool) -> None:
    (tmp_path / "deep").mkdir()
    if there:
        (tmp_path / "deep" / "real.xlsx").write_bytes(b"old")
    (tmp_path / "link.xlsx").symlink_to(Path("deep") / "real.xlsx")
    write_whole(tmp_path / "link.xlsx", b"new")
    assert (tmp_path / "link.xlsx").is_symlink()
    assert (tmp_path / "deep" / "real.xlsx").read_bytes() == b"new"


@pytest.mark.parametrize("place", ["read-only.xlsx", "link.xlsx"])
def test_a_read_only_file_stays(tmp_path: Path, place: str) -> None:
    (tmp_path / "read-only.xlsx").write_bytes(b"old")
    (tmp_path / "read-only.xlsx").chmod(0o444)
    (tmp_path / "link.xlsx").symlink_to("read-only.xlsx")
    for refuse in (check_place, lambda path: write_whole(path, b"new")):
        with pytest.raises(PermissionError, match="read-only") as refused:
            refuse(tmp_path / place)
        assert refused.value.filename == str(tmp_path / place)
    assert (tmp_path / "read-only.xlsx").read_bytes() == b"old"


@pytest.mark.parametrize("length", [250, 255])
def test_a_name_as_long_as_a_name_can_be(tmp_path: Path, length: int) -> None:
    target = tmp_path / ("n" * (length - 5) + ".xlsx")
    write_whole(target, b"content")
    assert target.read_bytes() == b"content"


def test_undecodable_bytes_in_a_name(tmp_path: Path) -> None:
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.xlsx"))
    write_whole(target, b"content")
    assert target.read_bytes() == b"content"


REFUSED = {
    "too long": ("n" * 256, errno.ENAMETOOLONG),
    "a folder": ("folder", errno.EISDIR),
    "no such folder": ("nowhere/book.xlsx", errno.ENOENT),
    "a file as a folder": ("file/book.xlsx", errno.ENOTDIR),
    "a zero byte": ("a\0b.xlsx", errno.EINVAL),
    "a link to itself": ("circle", errno.ELOOP),
}


@pytest.mark.parametrize(("name", "number"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("check", [True, False], ids=["check_place", "write_whole"])
def test_a_refusal_names_what_the_user_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int, check: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").touch()
    Path("circle").symlink_to("circle")
    before = sorted(os.listdir())
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the number says which
        check_place(name) if check else write_whole(name, b"content")
    assert (refused.value.errno, refused.value.filename) == (number, name)
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "something"))

    (tmp_path / "book.xlsx").write_bytes(b"old")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match="No space left") as refused:
        write_whole(tmp_path / "book.xlsx", b"new")
    assert refused.value.filename == str(tmp_path / "book.xlsx")
    assert (tmp_path / "book.xlsx").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["book.xlsx"]


def test_what_is_no_file_is_written_to_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    write_whole(tmp_path / "null", b"content")
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)


def test_the_part_of_a_killed_writer_goes_when_it_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(os, "replace", lambda *_: None)  # the part stays, as after kill -9
        write_whole(tmp_path / "a", b"part")
    (left,) = os.listdir(tmp_path)
    write_whole(tmp_path / "a", b"whole")
    assert sorted(os.listdir(tmp_path)) == sorted([left, "a"]), "perhaps another is writing it"
    old = time.time() - ABANDONED_SECONDS - 1
    os.utime(tmp_path / left, (old, old))
    write_whole(tmp_path / "b", b"whole")
    assert left in os.listdir(tmp_path), "another file's part is another writer's"
    write_whole(tmp_path / "a", b"whole")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]
