"""A class of thirty on two cores: exercises made, filled in, saved by LibreOffice, and marked.

Every student has every norm that an exercise asks by itself. A script fills the files in with
right, rounded, mistaken, cheated and damaged answers; the marks that come back are held to what
each deserves. Printed are the seconds of each step on the clock, and those of its processors: on a
machine that is busy with other things, half of these is what two idle cores would need.

    python -m tests.benchmarks classroom
"""

import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from normviz.grading.grade import load_class
from normviz.workbook.exercise.classroom.assignment import Classroom
from normviz.workbook.exercise.classroom.make import CLASS_FILE, TEACHER, book_of
from normviz.workbook.exercise.classroom.student_book import StudentBook
from tests.grading.fill import Typed, computed, filled, right, slip, solved

STUDENTS, CORES, GOAL_SECONDS = 30, 2, 60
KINDS = ("right", "rounded", "mistaken", "cheated", "damaged")


def typed(kind: str, made: StudentBook) -> Typed:
    """What one student types."""
    formulas = right(made)
    if kind == "rounded":
        values = computed(made, formulas).items()
        return {place: round(v, 2) if isinstance(v, float) else v for place, v in values}
    if kind == "mistaken":
        return formulas | slip(made, made.sheets[0].title, "variance", "m − 1 instead of m")
    if kind == "cheated":
        keys = {sheet.title: sheet.key_title for sheet in made.sheets}
        return {
            (title, where): f"='{keys[title]}'!{where}" if title in keys else value
            for (title, where), value in formulas.items()
        }
    return formulas


def fill_in(folder: Path, classroom: Classroom, number: int) -> None:
    """Fill in the file of one student."""
    path, kind = folder / classroom.students[number].file, KINDS[number % len(KINDS)]
    made = book_of(classroom, number)
    path.write_bytes(filled(made, typed(kind, made)))


def fill(folder: Path, classroom: Classroom) -> None:
    """Fill in everybody's file."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(fill_in, folder, classroom), range(len(classroom.students))))


def through_office(folder: Path, top: Path, classroom: Classroom) -> None:
    """Save everything by LibreOffice, half of the files in each of two processes; damage some."""
    office, names = shutil.which("soffice"), [student.file for student in classroom.students]
    if office is not None:
        running = []
        for core in range(CORES):
            profile = f"-env:UserInstallation=file://{top / f'profile-{core}'}"
            files = [str(folder / name) for name in names[core::CORES]]
            words = [office, profile, "--headless", "--convert-to", "xlsx", *files]
            running.append(
                subprocess.Popen(
                    [*words, "--outdir", str(top / "back")],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        if sum(process.wait() for process in running):
            sys.exit("LibreOffice could not save the files")
        for name in names:
            shutil.move(top / "back" / name, folder / name)
    for name in names[KINDS.index("damaged") :: len(KINDS)]:
        path = folder / name
        path.write_bytes(path.read_bytes()[:5000])


def measured(what: str, work: Callable[[], object]) -> tuple[float, float]:
    """Do a step, and print and return the seconds on the clock and those of its processors."""

    def used() -> float:
        every = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return sum(usage.ru_utime + usage.ru_stime for usage in every)

    start, before = time.perf_counter(), used()
    work()
    clock, processors = time.perf_counter() - start, used() - before
    print(f"{what:32}{clock:8.1f}{processors:14.1f}{processors / CORES:20.1f}", flush=True)
    return clock, processors


def command(*words: object) -> None:
    """Run `normviz` with these words."""
    line = [sys.executable, "-m", "normviz", *map(str, words)]
    subprocess.run(line, check=True, capture_output=True)


def wrong_marks(table: Path, classroom: Classroom) -> list[str]:
    """Whose points are not those deserved."""
    rows = {row["name"]: row for row in csv.DictReader(table.read_text("utf-8").splitlines())}
    whole, questions = solved(classroom, 0).total, len(solved(classroom, 0).questions)
    deserved = {"mistaken": whole - 1, "cheated": questions, "damaged": None}
    found = []
    for number, student in enumerate(classroom.students):
        points = deserved.get(KINDS[number % len(KINDS)], whole)
        if rows[student.name]["total"] != ("" if points is None else str(points)):
            found.append(f"{student.name}: {rows[student.name]['total']!r} instead of {points}")
    return found


def main() -> int:
    """Print the table; the status is 1 where a mark is wrong."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    heads = f"{'seconds':>17}{'of processors':>14}{'on idle cores':>20}"
    print(f"{STUDENTS} students, {CORES} cores{heads}")
    with tempfile.TemporaryDirectory() as scratch:
        top = Path(scratch)
        folder, table, roster = top / "sheets", top / "marks.csv", top / "names.csv"
        roster.write_text("".join(f"Student {at + 1}\n" for at in range(STUDENTS)), "utf-8")
        steps = [measured("made", partial(command, "exercise", "--class", roster, "-o", folder))]
        classroom = load_class(folder / TEACHER / CLASS_FILE)
        steps.append(measured("filled in by a script", partial(fill, folder, classroom)))
        office = partial(through_office, folder, top, classroom)
        steps.append(measured("saved by LibreOffice", office))
        steps.append(measured("marked", partial(command, "grade", folder, "-o", table)))
        clock, processors = map(sum, zip(*steps, strict=True))
        print(f"{'all':32}{clock:8.1f}{processors:14.1f}{processors / CORES:20.1f}")
        print(f"goal: {GOAL_SECONDS} seconds for all on idle cores")
        wrong = wrong_marks(table, classroom)
    print("\n".join(wrong) or "all marks are those deserved")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
