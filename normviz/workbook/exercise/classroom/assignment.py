"""What is asked of a class, and of which student: kept in every file, and in the class's own."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from normviz.errors import unknown_name
from normviz.norms.declared import NORMS
from normviz.norms.norm import Norm
from normviz.workbook.exercise.asked_steps import ALL, PARTS
from normviz.workbook.exercise.classroom.own_numbers import (
    Numbers,
    is_apart,
    right_numbers,
    student_case,
    student_seed,
)
from normviz.workbook.exercise.classroom.roster import file_names, strange_character
from normviz.workbook.exercise.exercise import OPS, SETTINGS
from normviz.workbook.exercise.marks import NEAR
from normviz.workbook.sheets.subject.case import Case, Settings

MOST_ELEMENTS = 64
"""More are not filled in by hand."""

NEIGHBOURS, ATTEMPTS = 40, 200
"""No step of a student is right for one of the forty before her in the list."""

EXERCISE_KEY, CLASS_KEY = "normviz exercise", "normviz class"
FORMAT = 1


@dataclass(frozen=True)
class Assignment:
    """What every student of a class is asked.

    `norms` are names of declared norms, and patterns of one's own, as "n [c] h w"; `part` is
    "forward", "backward" or "all"; `formulas` asks for formulas instead of numbers.

    Raises:
        ValueError: with one sentence, for a norm that is not declared, a pattern that cannot be
            read or does not fit, a shape that is no exercise, or groups and splits that do not
            divide it.
    """

    norms: tuple[str, ...] = OPS
    part: str = ALL
    shape: tuple[int, ...] = SETTINGS.shape
    groups: int = 0
    splits: int = 0
    formulas: bool = False

    def __post_init__(self) -> None:
        for norm in self.norms:
            if norm not in NORMS and norm not in self.patterns:
                raise ValueError(unknown_name("norm", norm, NORMS))
        if not self.norms or len(set(self.norms)) < len(self.norms):
            raise ValueError(
                f"norms must be named once each, got {', '.join(self.norms) or 'none'}"
            )
        if self.part not in PARTS:
            raise ValueError(unknown_name("steps", self.part, PARTS))
        if len(self.shape) != 4:
            raise ValueError(f"shape of an exercise must be four numbers N,C,H,W, got {self.shape}")
        settings = self.settings
        if math.prod(self.shape) > MOST_ELEMENTS:
            raise ValueError(
                f"shape must have at most {MOST_ELEMENTS} elements to be filled in by hand, got "
                f"{self.shape} with {math.prod(self.shape)}"
            )
        object.__setattr__(self, "groups", settings.groups)
        object.__setattr__(self, "splits", settings.splits)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The norms that are said by their sets."""
        return tuple(norm for norm in self.norms if not norm.isidentifier())

    @property
    def settings(self) -> Settings:
        """Shape, groups, splits and patterns; the rest is the student's own."""
        return Settings(self.shape, self.groups, self.splits, also=self.patterns)

    @property
    def ops(self) -> tuple[str, ...]:
        """What a case calls the norms.

        >>> Assignment(("batch_norm", "n [c] h w")).ops
        ('batch_norm', 'own')
        """
        every = list(Case(self.settings).norms)
        own = iter(every[len(every) - len(self.patterns) :])
        return tuple(norm if norm in NORMS else next(own) for norm in self.norms)

    def case(self, seed: int) -> Case:
        """The numbers of one student; a norm of one's own is titled by its pattern."""
        case = student_case(self.settings, self.ops, seed)
        for op, norm in zip(self.ops, self.norms, strict=True):
            if norm in self.patterns:
                case.norms[op] = replace(case.norms[op], title=Norm(norm, norm).title)
        return case


@dataclass(frozen=True)
class Student:
    """One student: her name, the name of her file, and the seed of her numbers."""

    name: str
    file: str
    seed: int


@dataclass(frozen=True)
class Classroom:
    """An assignment and who gets it. `id` tells one class from another."""

    assignment: Assignment
    students: tuple[Student, ...]
    seed: int = 0

    @property
    def id(self) -> str:
        """The same for the same names, assignment and seed."""
        return hashlib.sha256(self.text().encode()).hexdigest()[:12]

    def text(self) -> str:
        """The class as a file keeps it, see :func:`read_class`."""
        students = [asdict(student) for student in self.students]
        whole = {CLASS_KEY: FORMAT, "assignment": asdict(self.assignment)}
        whole |= {"seed": self.seed, "students": students}
        return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"

    def record(self, student: Student) -> str:
        """What a student's file says of itself: all that is needed to mark it."""
        whole = {EXERCISE_KEY: FORMAT, "class": self.id, "name": student.name}
        whole |= {"seed": student.seed, "assignment": asdict(self.assignment)}
        return json.dumps(whole, ensure_ascii=False)


@dataclass(frozen=True)
class Record:
    """What a file says of itself."""

    class_id: str
    name: str
    seed: int
    assignment: Assignment


def enroll(assignment: Assignment, names: Sequence[str], seed: int = 0) -> Classroom:
    """A class with numbers for each student; the same names and seed give the same.

    Raises:
        ValueError: where the shape leaves a norm nothing to do, or has too few numbers to give
            each student some of her own.
    """
    students, before = [], list[Numbers]()
    for name, file in zip(names, file_names(names), strict=True):
        for attempt in range(ATTEMPTS):
            own = student_seed(seed, name, attempt)
            found = right_numbers(assignment.case(own), assignment.ops)
            if all(is_apart(found, other, 4 * NEAR) for other in before[-NEIGHBOURS:]):
                break
        else:
            raise ValueError(
                f"shape {assignment.shape} has too few numbers to give {name!r} some of her own: "
                "choose a larger one"
            )
        before.append(found)
        students.append(Student(name, file, own))
    return Classroom(assignment, tuple(students), seed)


def read_class(text: str) -> Classroom:
    """A class from its text.

    Raises:
        ValueError: for a text that is no class.
    """
    try:
        whole = _versioned(text, CLASS_KEY)
        students = tuple(
            Student(str(s["name"]), str(s["file"]), int(s["seed"])) for s in whole["students"]
        )
        return Classroom(_assignment(whole["assignment"]), students, int(whole["seed"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"the class file lacks {error}") from None


def read_record(text: str) -> Record:
    """What a file says of itself.

    Raises:
        ValueError: for a text that is no record of an exercise.
    """
    try:
        whole = _versioned(text, EXERCISE_KEY)
        assignment = _assignment(whole["assignment"])
        found = Record(str(whole["class"]), str(whole["name"]), int(whole["seed"]), assignment)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the record of the exercise lacks {error}") from None
    strange = strange_character(found.name)
    if strange:
        raise ValueError(f"the record's name has the character {strange!r}, which no name has")
    return found


def _versioned(text: str, key: str) -> dict[str, Any]:
    try:
        whole = json.loads(text, parse_float=int, parse_constant=int)  # all its numbers are whole
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or key not in whole:
        raise ValueError(f"this is no record of a {key}")
    if whole[key] != FORMAT:
        raise ValueError(f"the {key} has format {whole[key]!r}; this normviz reads {FORMAT}")
    return whole


def _assignment(found: dict[str, Any]) -> Assignment:
    return Assignment(
        tuple(map(str, found["norms"])),
        str(found["part"]),
        tuple(int(length) for length in found["shape"]),
        int(found["groups"]),
        int(found["splits"]),
        bool(found["formulas"]),
    )
