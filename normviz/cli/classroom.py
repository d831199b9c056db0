"""The commands of a class: `exercise` makes its files, `grade` marks what comes back."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from normviz.cli.ending import say
from normviz.cli.values import at_least_one, shape_of
from normviz.norms.declared import NORMS

CLASS_LIST = "teacher/class.json"
PARTS = ("forward", "backward", "all")
BASIC = tuple(name for name, norm in NORMS.items() if norm.basic)


def add_exercise(commands: Any) -> None:
    """`normviz exercise`."""
    parser = commands.add_parser("exercise", help="exercises for a class, or one that marks itself")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--class", dest="roster", metavar="NAMES.csv", help="a file for each name")
    which.add_argument("--one", action="store_true", help="one file, and FILE-answers.xlsx")
    add = parser.add_argument
    add(
        "-o",
        "--output",
        metavar="PLACE",
        help="folder of the class (sheets), or file of --one (exercise.xlsx)",
    )
    add(
        "--norms",
        metavar="NORM,...",
        help=f'norms, or patterns such as "n [c] h w" ({",".join(BASIC)})',
    )
    add(
        "--steps",
        choices=PARTS,
        default="all",
        metavar="PART",
        help="forward, backward or all (all)",
    )
    add("--shape", metavar="N,C,H,W", help="shape of x (2,4,1,2)")
    add("--groups", metavar="G", type=int, help="of channels, for group_norm (smallest divisor)")
    add(
        "--splits",
        metavar="S",
        type=int,
        help="of the batch, for ghost_batch_norm (smallest divisor)",
    )
    add("--formulas", action="store_true", help="ask for formulas: typed numbers are noted")
    told = "other numbers; whoever knows it and the names can make the key (0)"
    add("--seed", metavar="K", type=int, help=told)
    parser.set_defaults(run=_exercise)


def _exercise(options: argparse.Namespace) -> int:
    shape = None if options.shape is None else shape_of(options.shape)
    if shape is not None and len(shape) != 4:
        raise ValueError(f"--shape of an exercise must be N,C,H,W, got {options.shape!r}")
    counts = {name: at_least_one(name, getattr(options, name)) for name in ("groups", "splits")}
    return (_one if options.one else _class)(options, shape, counts)


def _one(options: argparse.Namespace, shape: Any, counts: dict[str, int]) -> int:
    from normviz.workbook.exercise.exercise import SETTINGS, write_exercise
    from normviz.workbook.sheets.subject.case import Settings

    if options.norms or options.steps != "all" or options.formulas:
        raise ValueError("--norms, --steps and --formulas go with --class")
    settings = Settings(
        shape or SETTINGS.shape,
        groups=counts["groups"],
        splits=counts["splits"],
        eps=SETTINGS.eps,
        seed=options.seed or 0,
    )
    for path in write_exercise(options.output or "exercise.xlsx", settings):
        print(path)
    return 0


def _class(options: argparse.Namespace, shape: Any, counts: dict[str, int]) -> int:
    from normviz.workbook.exercise.classroom.assignment import Assignment, enroll
    from normviz.workbook.exercise.classroom.make import TEACHER, make_class
    from normviz.workbook.exercise.classroom.roster import read_roster

    seed = options.seed or 0
    if seed < 0:
        raise ValueError(f"--seed must be 0 or more, got {seed}")
    names = read_roster(options.roster)
    default = Assignment()
    norms = options.norms.split(",") if options.norms else default.norms
    assignment = Assignment(
        tuple(norm.strip() for norm in norms),
        options.steps,
        shape or default.shape,
        counts["groups"],
        counts["splits"],
        options.formulas,
    )
    classroom = enroll(assignment, names, seed)
    folder = make_class(classroom, options.output or "sheets", _Progress(len(names), "made"))
    print(f"{len(names)} files in {folder}; answers, key and class list in {folder / TEACHER}")
    if options.seed is None:
        # None is drawn: the same command gives the same files.
        say(
            "note: the numbers are those of seed 0, and whoever knows the seed and the names can "
            "make the key: a --seed of your own is better"
        )
    return 0


def add_grade(commands: Any) -> None:
    """`normviz grade`."""
    parser = commands.add_parser("grade", help="mark the exercises that a class hands in")
    add = parser.add_argument
    add("folder", metavar="FOLDER", help="the files, in folders of their own or not")
    add(
        "-o",
        "--output",
        metavar="FILE",
        default="marks.csv",
        help="a .csv file, .html beside (marks.csv)",
    )
    add("--class", dest="roster", metavar="FILE", help=f"class list (FOLDER/{CLASS_LIST})")
    add(
        "--tolerance",
        metavar="decimals=D",
        default="decimals=2",
        help="how near is right (decimals=2)",
    )
    parser.set_defaults(run=_grade)


def _grade(options: argparse.Namespace) -> int:
    from normviz.files import check_place, write_whole
    from normviz.grading.grade import grade, load_class, tally
    from normviz.grading.report import counted, marks_html
    from normviz.grading.table import marks_csv

    table = check_place(options.output)
    if table.suffix.lower() != ".csv":
        raise ValueError(f"-o must name a .csv file, got {options.output!r}")
    page = check_place(table.with_suffix(".html"))
    marks = grade(
        options.folder,
        load_class(options.roster) if options.roster else None,
        decimals=_decimals(options.tolerance),
        leave_out=(table, page),
        done=lambda count, total: _Progress(total, "marked")(count),
    )
    if not marks:
        raise ValueError(f"the folder {options.folder!r} holds no files to mark")
    print(write_whole(table, marks_csv(marks)))
    print(write_whole(page, marks_html(marks)))
    count, flagged = tally(marks), sum(bool(mark.flags) for mark in marks)
    others = f"; {counted(count.others)} could not be marked" if count.others else ""
    print(f"{count.marked} of {count.students} marked, {flagged} to look at{others}")
    return 0


def _decimals(text: str) -> int:
    """How many decimals are right, from the text of --tolerance.

    >>> _decimals("decimals=3")
    3
    """
    name, _, number = text.partition("=")
    if name != "decimals" or not number.isdigit():
        raise ValueError(f"--tolerance must be decimals=D such as decimals=2, got {text!r}")
    return int(number)


class _Progress:
    """One line that grows on a terminal, and a line for every tenth elsewhere."""

    def __init__(self, total: int, verb: str) -> None:
        self.total, self.verb = total, verb
        self.live = sys.stderr.isatty()

    def __call__(self, count: int) -> None:
        if self.live:
            end = "\n" if count == self.total else ""
            print(f"\r{self.verb} {count} of {self.total}", end=end, file=sys.stderr, flush=True)
        elif count % max(1, self.total // 10) == 0 or count == self.total:
            print(f"{self.verb} {count} of {self.total}", file=sys.stderr, flush=True)
