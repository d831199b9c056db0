"""What the playground says about its settings: numbers for every setting, or one plain sentence.

Each check stands here twice, as a formula and as the value Python has for it; the test types wrong
settings and compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

from normviz.norms.declared import NORMS
from normviz.workbook.formulas.set_labels import label_formula
from normviz.workbook.sheets.playground.case import (
    COUNTS,
    PlayCase,
    has_bias,
    refuses_one_value,
    sets_of,
)

LARGEST = 1e15
SMALLEST = 1e-60
"""Beyond these, a square or a cube in the backward pass could leave what a sheet can count."""


@dataclass(frozen=True)
class Check:
    """A cell of the section on settings: its name, its formula and value, and what it is for."""

    name: str
    what: str
    formula: str
    value: float


class Status:
    """The checks and the sentence for a case, over the ops that the playground offers."""

    def __init__(self, case: PlayCase, ops: tuple[str, ...]) -> None:
        self.case, self.ops = case, ops
        self.number = ops.index(case.op) + 1
        self.images, self.channels = case.shape[:2]
        made = case.sets
        self.count = made.count if made else 0
        self.fit = {
            "groups": int(case.groups in _divisors(self.channels)),
            "splits": int(case.splits in _divisors(self.images)),
        }
        self.ok = int(
            made is not None
            and case.eps >= 0
            and not (made.size == 1 and refuses_one_value(case.op, case.shape))
        )
        self.safe = int(case.trace is not None and self.ok)

    def checks(self) -> list[Check]:
        """Every check, each using only those before it, but for `play_safe` (it needs σ²)."""
        case, size = self.case, self.case.x.size
        names = ("play_x", "play_dy", "play_gamma", "play_beta")
        numbers = 2 * (size + self.channels)
        every = ",".join(names)
        looked_up = "MATCH(play_norm,play_norms,0)"
        return [
            Check(
                "play_id",
                "the number of the norm in the table below",
                f"IFERROR({looked_up},IFERROR(MATCH(play_norm,play_functions,0),0))",
                self.number,
            ),
            Check(
                "play_numbers",
                "1 if all of x, dy, γ, β are numbers of reasonable size",
                f"IF({'+'.join(f'COUNT({name})' for name in names)}={numbers},"
                f"IF(AND(MAX({every})<={LARGEST:.0E},MIN({every})>=-{LARGEST:.0E}),1,0),0)",
                1,
            ),
            Check(
                "play_positive",
                "1 if ε is a number, 0 or more",
                f"IF(COUNT(play_eps)=1,IF(AND(play_eps>=0,play_eps<={LARGEST:.0E}),1,0),0)",
                int(case.eps >= 0),
            ),
            self._fit("groups", self.channels),
            self._fit("splits", self.images),
            Check(
                "play_count",
                "K, how many sets there are: the label of the last element",
                f"IF({self.chosen(self._fits())}=1,{self.chosen(self._last_labels())},0)",
                self.count,
            ),
            Check(
                "play_ok",
                "1 if the settings make sense",
                f"IF(play_numbers*play_positive*play_count=0,0,IF({self.alone()},0,1))",
                self.ok,
            ),
        ]

    def chosen(self, values: list[object], otherwise: object = 0) -> str:
        """The value of the chosen norm."""
        return f"IF(play_id=0,{otherwise},CHOOSE(play_id,{','.join(map(str, values))}))"

    def centered(self) -> list[object]:
        """For each op 1 where the mean is taken away."""
        shape = self.case.shape
        made = [sets_of(op, shape, 1, 1) for op in self.ops]
        return [int(sets is not None and sets.centered) for sets in made]

    def biased(self) -> list[object]:
        """For each op 1 where there is a β."""
        return [int(has_bias(op)) for op in self.ops]

    def alone(self) -> str:
        """Whether each set is one value and torch refuses that."""
        refused: list[object] = [int(refuses_one_value(op, self.case.shape)) for op in self.ops]
        return f"AND(play_count={self.case.x.size},{self.chosen(refused)}=1)"

    def label(self, n: str, c: str) -> list[object]:
        """For each op the label of sample n and channel c, as a formula."""
        cells = {argument: f"play_{name}" for argument, name in COUNTS.items()}
        return [label_formula(op, self.case.shape, (n, c), cells) for op in self.ops]

    def sentence(self) -> tuple[str, str]:
        """What the sheet says, as a formula and as text."""
        pieces = [
            ("play_id=0", '"Choose one of the norms in the yellow cell on the left."'),
            (
                "play_numbers=0",
                '"Every yellow cell of x, dy, γ and β needs a number between -1E+15 and 1E+15."',
            ),
            ("play_positive=0", '"ε must be a number, 0 or more; the usual value is 1E-5."'),
            ("play_count=0", self._does_not_fit()),
            (self.alone(), f'"{self._alone_text()}"'),
            ("play_safe=0", f'"{_FLAT}"'),
        ]
        formula = "".join(f"IF({test},{text}," for test, text in pieces)
        return f"{formula}{self._good()}{')' * len(pieces)}", self._text()

    def _text(self) -> str:
        case, sets = self.case, self.case.sets
        if case.eps < 0:
            return "ε must be a number, 0 or more; the usual value is 1E-5."
        if sets is None:
            name = "groups" if "num_groups" in case.sizes else "splits"
            return f"{name} = {getattr(case, name)} {self._advice(name)}"
        if not self.ok:
            return self._alone_text()
        if not self.safe:
            return _FLAT
        noun = "sets" if sets.count > 1 else "set"
        text = f"{sets.count} {noun} of {sets.size} elements. {NORMS[case.op].sentence}"
        for name in ("groups", "splits"):
            if not self.fit[name]:
                text += f" {name} = {getattr(case, name)} {self._unused(name)}"
        return text

    def _good(self) -> str:
        words: list[object] = [f'"{NORMS[op].sentence}"' for op in self.ops]
        size = self.case.x.size
        text = (
            f'play_count&IF(play_count>1," sets of "," set of ")&{size}/play_count&" elements. "&'
            f"CHOOSE(play_id,{','.join(map(str, words))})"
        )
        for name in ("groups", "splits"):
            text += f'&IF(play_{name}_fit=1,""," {name} = "&play_{name}&" {self._unused(name)}")'
        return text

    def _does_not_fit(self) -> str:
        first, second = (
            f'"{name} = "&play_{name}&" {self._advice(name)}"' for name in ("groups", "splits")
        )
        uses = [int("num_groups" in self._arguments(op)) for op in self.ops]
        return f"IF({self.chosen(list(uses))}=1,{first},{second})"

    def _advice(self, name: str) -> str:
        """What follows after "groups = 3"."""
        whole, what = self._whole(name)
        ways = ", ".join(map(str, _divisors(whole)))
        return f"cannot cut the {whole} {what} of x into equal parts: use one of {ways}."

    def _unused(self, name: str) -> str:
        whole, what = self._whole(name)
        return f"would not cut the {whole} {what} into equal parts; this norm does not use it."

    def _whole(self, name: str) -> tuple[int, str]:
        return (self.channels, "channels") if name == "groups" else (self.images, "images")

    def _alone_text(self) -> str:
        return (
            "Each set has one value only, which is its own mean: the output would be β whatever "
            "x is. torch refuses this."
        )

    def _fit(self, name: str, whole: int) -> Check:
        cell = f"play_{name}"
        return Check(
            f"play_{name}_fit",
            f"1 if {name} cuts the {whole} {self._whole(name)[1]} into equal parts",
            f"IF(COUNT({cell})=1,IF(AND({cell}>=1,{cell}<={whole},INT({cell})={cell}),"
            f"IF(MOD({whole},{cell})=0,1,0),0),0)",
            self.fit[name],
        )

    def _fits(self) -> list[object]:
        found: list[object] = []
        for op in self.ops:
            used = [COUNTS[name] for name in self._arguments(op)]
            found.append(f"play_{used[0]}_fit" if used else 1)
        return found

    def _last_labels(self) -> list[object]:
        return self.label(str(self.images - 1), str(self.channels - 1))

    @staticmethod
    def _arguments(op: str) -> list[str]:
        return [name for name in NORMS[op].size_arguments if name in COUNTS]


_FLAT = "A set has variance 0 and ε is 0, so there is nothing to divide by: make ε positive."


def _divisors(whole: int) -> list[int]:
    return [d for d in range(1, whole + 1) if whole % d == 0]
