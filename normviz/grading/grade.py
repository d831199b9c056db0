"""A folder of files that were handed in, marked one by one; what cannot be marked is named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from normviz.errors import visible
from normviz.grading.flags import answers_of, copies, flags
from normviz.grading.marking import EMPTY, StepMark, mark
from normviz.grading.read import Handed, UnreadableError, read_workbook
from normviz.workbook.exercise.classroom.assignment import (
    EXERCISE_KEY,
    Classroom,
    Record,
    Student,
    read_class,
    read_record,
)
from normviz.workbook.exercise.classroom.make import CLASS_FILE, TEACHER, each
from normviz.workbook.exercise.classroom.student_book import student_book

NOT_HANDED_IN = "not handed in"
CONTENTS = "Contents"


@dataclass(frozen=True)
class FileMark:
    """What came of one file. Without `steps` it could not be marked, and `problem` says why."""

    file: str
    name: str = ""
    steps: tuple[StepMark, ...] = ()
    flags: tuple[str, ...] = ()
    problem: str = ""
    class_id: str = ""
    answers: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def points(self) -> int:
        """All points reached."""
        return sum(step.points for step in self.steps)

    @property
    def worth(self) -> int:
        """All points there are."""
        return sum(step.worth for step in self.steps)

    @property
    def words(self) -> str:
        """How it went, in one line."""
        if not self.steps:
            return self.problem
        missed = [step for step in self.steps if step.missed]
        lines = list(dict.fromkeys(step.told for step in missed))
        told, left = lines[:3], len(lines) - 3
        more = [f"{left} more without points"] if left > 0 else []
        empty = sum(step.state == EMPTY for step in self.steps)
        return "; ".join([*told, *more, *([f"{empty} empty"] if empty else [])]) or "all right"


def grade(
    folder: str | os.PathLike[str],
    classroom: Classroom | None = None,
    *,
    decimals: int = 2,
    leave_out: Sequence[Path] = (),
    done: Callable[[int, int], None] | None = None,
) -> list[FileMark]:
    """Mark every file of a folder and its folders, in the order of the class list.

    Without `classroom` the class list in the folder `teacher` is taken, if there is one. A student
    without a file has a mark without steps. `done` is told how many files of how many are marked.

    Raises:
        ValueError: `decimals` that are no 0 to 6, or a class list that cannot be read.
        OSError: a folder that cannot be read.
    """
    if not 0 <= decimals <= 6:
        raise ValueError(f"decimals must be from 0 to 6, got {decimals}: the usual number is 2")
    top = Path(folder)
    if classroom is None and (top / TEACHER / CLASS_FILE).is_file():
        classroom = load_class(top / TEACHER / CLASS_FILE)
    files = list(handed_in(top, leave_out))
    work = partial(mark_file, folder=top, classroom=classroom, decimals=decimals)
    found = []
    for number, result in enumerate(each(work, files), start=1):
        found.append(result)
        if done:
            done(number, len(files))
    return _in_order(_compared(found), classroom)


def load_class(path: str | os.PathLike[str]) -> Classroom:
    """A class from the file that `normviz exercise` keeps for the teacher.

    Raises:
        ValueError: for a file that is no class list of normviz.
    """
    try:
        return read_class(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def handed_in(folder: Path, leave_out: Sequence[Path] = ()) -> Iterator[Path]:
    """Every file in a folder and its folders but the teacher's, hidden ones and open ones' locks.

    Raises:
        OSError: where the folder is none.
    """
    os.scandir(folder).close()
    without = {path.resolve() for path in leave_out}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "~$", "__MACOSX")) for part in parts)
        if path.is_file() and not hidden and parts[0] != TEACHER and path.resolve() not in without:
            yield path


def mark_file(path: Path, *, folder: Path, classroom: Classroom | None, decimals: int) -> FileMark:
    """The mark of one file; whatever is wrong with it is said in the mark."""
    file = visible(path.relative_to(folder).as_posix())
    try:
        return _marked(path, file, classroom, decimals)
    except (ValueError, OSError) as error:
        return FileMark(file, problem=str(error))
    except Exception as error:  # noqa: BLE001 - one file must not end the marking of a class
        said = f"it cannot be marked: {type(error).__name__}: {error}"
        return FileMark(file, problem=visible(said))


def _marked(path: Path, file: str, classroom: Classroom | None, decimals: int) -> FileMark:
    """The mark of a file that can be marked.

    Raises:
        UnreadableError: what is no exercise, of another class, or has a record that makes none.
    """
    handed = read_workbook(path)
    record, seed, said = _whose(handed, path, classroom)
    assignment = classroom.assignment if classroom else record.assignment
    try:
        made = student_book(assignment, record.name, seed, "", answers=True)
    except ValueError as error:
        raise UnreadableError(f"its record makes no exercise: {error}") from None
    typed = str(handed.value(CONTENTS, made.name_cell) or "").strip()
    if typed and typed.casefold() != record.name.casefold():
        said.append(f"the name typed in it is “{typed[:60]}”")
    steps = mark(handed, made, decimals)
    said += flags(handed, made, assignment.formulas)
    answers = answers_of(handed, made)
    return FileMark(file, record.name, tuple(steps), tuple(said), "", record.class_id, answers)


def _whose(
    handed: Handed, path: Path, classroom: Classroom | None
) -> tuple[Record, int, list[str]]:
    """What a file says of itself, held to the class list: record, true seed and flags."""
    # Its sheet may have been renamed; as long as it has its name, it comes first.
    sheets = [handed.stored.get(CONTENTS, {}), *handed.stored.values()]
    texts = [v for cells in sheets for v in cells.values() if isinstance(v, str)]
    text = next((t for t in texts if t.startswith(f'{{"{EXERCISE_KEY}"')), None)
    if text is None:
        raise UnreadableError("no exercise of normviz, or its record was deleted")
    try:
        record = read_record(text)
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    if classroom is None:
        return record, record.seed, []
    if record.class_id != classroom.id:
        raise UnreadableError(f"an exercise of another class or assignment, of {record.name!r}")
    student = next((s for s in classroom.students if s.name == record.name), None)
    if student is None:
        raise UnreadableError(f"it names {record.name!r}, who is not in the class list")
    said = [] if path.name == student.file else [f"the file was named “{student.file}”"]
    if record.seed != student.seed:
        said.append("its record was changed: marked by the numbers of the class list")
    return record, student.seed, said


def _compared(found: list[FileMark]) -> list[FileMark]:
    """The marks with what only shows beside the others: copies, second files, another class."""
    marked = [at for at, result in enumerate(found) if result.steps]
    usual = Counter(found[at].class_id for at in marked).most_common(1)
    owners = Counter(found[at].name for at in marked)
    alike = copies([found[at].answers for at in marked]) if marked else []
    for place, at in enumerate(marked):
        mine, said = found[at], []
        others = [found[marked[o]] for o in alike[place]]
        same = [f"{o.name} ({o.file})" for o in others if o.name != mine.name]
        if same:
            said.append(f"the same answers as {', '.join(same[:3])}")
        if owners[mine.name] > 1:
            said.append(f"{owners[mine.name]} files of this student")
        if mine.class_id != usual[0][0]:
            said.append("of another class than most files here")
        found[at] = replace(mine, flags=(*said, *mine.flags))
    return found


def _in_order(found: list[FileMark], classroom: Classroom | None) -> list[FileMark]:
    """By the class list, students without a file among them; then what belongs to nobody."""
    if classroom is None:
        return sorted(found, key=lambda result: (not result.steps, result.name.casefold()))
    ordered: list[FileMark] = []
    nobodys = [result for result in found if not result.name]
    for student in classroom.students:
        own = [result for result in found if result.name == student.name]
        if not own:
            own = [result for result in nobodys if _is_named(result, student)]
            nobodys = [result for result in nobodys if result not in own]
            own = [replace(result, name=student.name, problem=_came(result)) for result in own]
        ordered += own or [FileMark("", student.name, problem=NOT_HANDED_IN)]
    return ordered + nobodys


def _is_named(result: FileMark, student: Student) -> bool:
    """Whether a file that cannot be marked has the name of a student's, of whatever kind it is."""
    return Path(result.file).stem.casefold() == Path(student.file).stem.casefold()


def _came(result: FileMark) -> str:
    return f"{Path(result.file).name} came, which cannot be marked: {result.problem}"


@dataclass(frozen=True)
class Tally:
    """How many students are marked, of how many; and the files that are of none of them."""

    marked: int
    students: int
    others: int


def tally(marks: Sequence[FileMark]) -> Tally:
    """Students are counted once, however many files they hand in.

    >>> tally([FileMark("notes.txt"), FileMark("", "Ada", problem=NOT_HANDED_IN)])
    Tally(marked=0, students=1, others=1)
    """
    marked = {mark.name for mark in marks if mark.steps}
    students = {mark.name for mark in marks if mark.name}
    return Tally(len(marked), len(students), sum(not mark.name for mark in marks))
