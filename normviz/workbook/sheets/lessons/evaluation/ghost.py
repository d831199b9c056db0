"""The sheet Evaluation: Ghost BN on the same batches, whose splits vanish in evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from normviz.reference.functional import batch_norm
from normviz.workbook.book.styles import BOLD, GENERAL, NUMBER, Style, set_color
from normviz.workbook.draw.content import Band, Banner, Caption, Cells, Item, Table, Words
from normviz.workbook.sheets.lessons.evaluation.case import (
    BATCHES,
    CHANNELS,
    SAMPLES,
    SPLITS,
    EvaluationCase,
)
from normviz.workbook.sheets.lessons.evaluation.tables import (
    CHANNEL_NAMES,
    STEP_NAMES,
    chosen,
    moved,
    of_channels,
    pairs,
)

PER_SPLIT = SAMPLES // SPLITS


def ghost(case: EvaluationCase) -> Sequence[Item]:
    """Two splits in training, none in evaluation."""
    return (
        Banner(
            "Ghost BN on the same batches",
            f"{SPLITS} splits of {PER_SPLIT} samples: in training as on {SPLITS} devices that do "
            f"not talk",
        ),
        _trajectory(case),
        Words(
            f"Each split has its own mean and variance from m = {PER_SPLIT} samples only. The "
            "running statistics move to the mean over the splits of what each would have given "
            "alone: the running mean comes out as BatchNorm's, the running variance does not: "
            "each split measures from its own mean, so that what lies between the splits is "
            f"missing, and divides by its own m − 1, together {SPLITS * (PER_SPLIT - 1)} instead "
            f"of {SAMPLES - 1}. As shipped the splits of step 1 have equal means: nothing is "
            "missing, and the variance comes out larger."
        ),
        _outputs(case),
        Words(
            "What to look at: the colors. In training a sample is measured against its own split, "
            "so two equal values of one channel come out unequal when they are in different "
            "splits. In evaluation there are no splits, whatever num_splits is, and N need not be "
            "divisible by it: Ghost BN is then BatchNorm with its own running variance."
        ),
    )


def _trajectory(case: EvaluationCase) -> Band:
    """One row a step: the running statistics, and those of each split that move them."""
    means = np.array([t["mean"] for t in case.ghosts])
    unbiased = np.array([case.unbiased(t) for t in case.ghosts])
    tables: list[Table] = []
    for key, symbol, values, running in (
        ("mean", "μ", means, case.ghost_running()[0]),
        ("var", "s²", unbiased, case.ghost_running()[1]),
    ):
        splits = ",".join(f"{{split_{key}{split}[t-1]}}" for split in range(SPLITS))
        own = f"ghost_{key}"
        step = moved(own, f"{{first_{key}}}", f"AVERAGE({splits})")
        tables.append(
            Table(
                Cells(own, running, step, of_channels(BOLD)),
                axes=("t", "c"),
                down=STEP_NAMES,
                labelled=not tables,
                across=CHANNEL_NAMES,
                caption=Caption(f"running_{key}", "mean over splits"),
            )
        )
        for split in range(SPLITS):
            first = split * PER_SPLIT
            words = (f"{symbol} of split {split + 1}", f"n = {first} to {first + PER_SPLIT - 1}")
            area = f"n={first}:{first + PER_SPLIT}"

            def formula(t: int, _: int, area: str = area, key: str = key) -> str:
                x = f"{{x{t + 1}[{area}]}}"
                of = f"VARP({x})*COUNT({x})/(COUNT({x})-1)"
                return f"AVERAGE({x})" if key == "mean" else of

            look = of_channels(BOLD, split * CHANNELS)
            tables.append(
                Table(
                    Cells(f"split_{key}{split}", values[:, split], formula, look),
                    axes=("t", "c"),
                    skip=1,
                    down=STEP_NAMES[1:],
                    labelled=False,
                    across=CHANNEL_NAMES,
                    caption=Caption(*words),
                )
            )
    return Band(tables)


def _outputs(case: EvaluationCase) -> Band:
    """The chosen batch by its splits in training, and by one mean a channel in evaluation."""
    made = case.ghosts[case.batch - 1]
    last = [values[-1] for values in case.ghost_running()]
    ordinary = case.evaluated(*(values[BATCHES] for values in case.running()))
    x = case.batches[case.batch - 1]
    evaluated = batch_norm(x, last[0], last[1], case.weight, case.bias, eps=case.eps)

    def scaled(mean: str, var: str) -> str:
        return f"{{gamma}}*({{ghost_x}}-{mean})/SQRT({var}+{{eps}})+{{beta}}"

    def by_split(n: int, _: int) -> str:
        first = n // PER_SPLIT * PER_SPLIT
        area = f"{{ghost_x[n={first}:{first + PER_SPLIT}]}}"
        return scaled(f"AVERAGE({area})", f"VARP({area})")

    def of_set(n: int, c: int) -> Style:
        return NUMBER.filled(set_color(n // PER_SPLIT * CHANNELS + c + 1))

    def plain(n: int, c: int) -> Style:
        return of_set(n, c).but(number=GENERAL.number)

    end = f"[t={BATCHES}]"
    blocks = (
        ("ghost_x", ("x", "the chosen batch"), x, chosen("x"), plain),
        (
            "ghost_trained",
            ("y in training", "4 sets: splits × c"),
            made["output"],
            by_split,
            of_set,
        ),
        (
            "ghost_evaluated",
            ("y in evaluation", "2 sets: no splits"),
            evaluated,
            scaled(f"{{ghost_mean{end}}}", f"{{ghost_var{end}}}"),
            NUMBER,
        ),
        (
            "ordinary",
            ("BatchNorm's", "in evaluation, step 4"),
            ordinary,
            scaled(f"{{running_mean{end}}}", f"{{running_var{end}}}"),
            NUMBER,
        ),
    )
    return Band(pairs(blocks))
