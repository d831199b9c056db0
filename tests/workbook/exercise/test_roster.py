"""Class lists: what is read, what is refused with its line, and what the files are called."""

from pathlib import Path

import pytest

from normviz.workbook.exercise.classroom.answers import sheet_titles
from normviz.workbook.exercise.classroom.roster import RosterError, file_names, read_roster


def roster(folder: Path, text: str | bytes) -> Path:
    path = folder / "names.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Ada Lovelace\nBen Ode\n", id="a name a line"),
        pytest.param("Name\nAda Lovelace\nBen Ode", id="a heading"),
        pytest.param("\ufeffname\r\nAda Lovelace\r\nBen Ode\r\n", id="as Excel saves it"),
        pytest.param("id;Name\n1;Ada Lovelace\n2;Ben Ode\n", id="semicolons"),
        pytest.param("id\tname\n1\tAda Lovelace\n2\tBen Ode\n", id="tabs"),
        pytest.param("First name,Last name\nAda,Lovelace\nBen,Ode\n", id="two columns"),
        pytest.param('name\n" Ada   Lovelace "\n\n,\nBen Ode\n', id="spaces and empty lines"),
    ],
)
def test_names_are_read(text: str, tmp_path: Path) -> None:
    assert read_roster(roster(tmp_path, text)) == ["Ada Lovelace", "Ben Ode"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "has no names", id="empty"),
        pytest.param("name\n", "has no names", id="a heading alone"),
        pytest.param("Ada\nBen\nada\n", "line 3 .* repeats 'ada' of line 1", id="repeated"),
        pytest.param("id,name\n1,Ada\n2,\n", "line 3 .* has no name", id="missing"),
        pytest.param("Ada\nB\x07n\n", r"line 2 .* the character '\\x07'", id="bell"),
        pytest.param("A" * 101, "101 characters", id="long"),
        pytest.param("Zoé\n".encode("latin-1"), "not UTF-8", id="not UTF-8"),
        pytest.param("\n".join(f"S{n}" for n in range(1001)), "1,001 names", id="1,001"),
    ],
)
def test_what_is_no_class_list_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(RosterError, match=said):
        read_roster(roster(tmp_path, text))


def test_a_thousand_names_are_read(tmp_path: Path) -> None:
    names = [f"Student {number}" for number in range(1000)]
    assert read_roster(roster(tmp_path, "\n".join(names))) == names


NASTY = [
    "../../etc/passwd",
    "a/b",
    "a:b",
    "A B",
    "=1+1",
    "<script>alert(1)</script>",
    "NUL",
    "...",
    "💡",
    "Žofie Nováková",
    "x" * 100,
    "x" * 99,
]


def test_file_names_are_plain_and_differ() -> None:
    made = file_names(NASTY)
    assert len({name.casefold() for name in made}) == len(NASTY)
    for name in made:
        assert Path(name).name == name
        assert name.endswith(".xlsx")
        assert not name.startswith((".", "=", "-"))
        assert not set(name) & set('<>:"/\\|?*')
        assert len(name.encode()) < 200
    assert "Žofie Nováková.xlsx" in made


def test_sheet_titles_are_allowed_and_differ() -> None:
    titles = sheet_titles(NASTY)
    assert len({title.casefold() for title in titles}) == len(NASTY)
    assert all(len(title) <= 31 and not set(title) & set("[]:*?/\\'") for title in titles)
