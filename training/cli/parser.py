"""What may be said to ``python -m training``, and what the words mean."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from normviz.cli import parser
from training.data.datasets import DATASETS, MNIST
from training.errors import TrainingError
from training.experiments.variants import SCALES
from training.model.norms import BACKENDS
from training.run.task import PRECISIONS

ENGINES = ("joblib", "dask")
SEED_DIGITS = 19  # below which a seed is a 64 bit number
MOST = 100_000  # of epochs, seeds, jobs, threads: a slip of the finger, not a plan


class Parser(parser.Parser):
    """normviz's, whose mistakes are errors as all others here."""

    def error(self, message: str) -> NoReturn:
        raise TrainingError(self.unknown_option() or message)


def build_parser() -> Parser:
    """Return the parser of all commands."""
    found = Parser(
        prog="normviz-train",
        description="MNIST experiments on normalization layers checked against NumPy.",
    )
    commands = found.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    commands.add_parser("list", help="the trials, what was published about them, and the studies")
    report = commands.add_parser("report", help="make figures and report of a run folder again")
    report.add_argument("folder", metavar="DIR", help="the run folder, or a summary.csv kept of it")
    report.add_argument(
        "--keep",
        metavar="DIR",
        help="add its seeds that ended to summary.csv of DIR and the files beside it; default: not",
    )
    _add_explain(commands)
    data = commands.add_parser("data", help="fetch a data set, by default full MNIST")
    _add_dataset(data, "default: mnist")
    data.set_defaults(dataset=MNIST.name)
    data.add_argument("--out", default="data", metavar="DIR", help="default: data")
    return found


def _add_run(commands: argparse._SubParsersAction[Parser]) -> None:
    run = commands.add_parser("run", help="train trials; without a name, all of them")
    run.add_argument("trials", nargs="*", metavar="TRIAL", help="see 'list'; default: all")
    _add_question(run.add_argument_group("what runs"))
    _add_places(run.add_argument_group("data and folder"))
    _add_machine(run.add_argument_group("where and how"))
    _add_kept(run.add_argument_group("what is kept"))


def _add_question(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--experiment",
        metavar="FILE",
        help="a study: a TOML file, or a name of 'list'; default: none",
    )
    add(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help="change a field of the trials, e.g. batch_size=2,8,64; several values make a grid; "
        "default: as they are",
    )
    add(
        "--scale-lr",
        choices=tuple(SCALES),
        help="let the learning rate follow a changed batch size; default: it stays",
    )
    add("--epochs", type=positive, metavar="E", help="default: each trial's own")
    add(
        "--seeds",
        metavar="K",
        help="how many (5: seeds 0 to 4), or which: 3,7,11; default: 1, or the study's",
    )
    add("--yes", action="store_true", help="run more than 500 tasks")


def _add_places(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--data",
        default="data",
        metavar="DIR",
        help="where the data lie, or 'sample'; default: data",
    )
    _add_dataset(group, "default: the study's, else mnist")
    add("--out", metavar="DIR", help="the run folder; default: runs/ and data set, study or sample")
    add(
        "--table",
        metavar="FILE",
        help="of a study, what is finished and not run again; default: NAME.csv in the folder",
    )
    add("--resume", action="store_true", help="continue what the run folder holds")


def _add_machine(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--jobs", type=positive, metavar="J", help="trials at once; default: one per core")
    add(
        "--threads",
        type=positive,
        metavar="T",
        help="threads of each trial; default: as it began, else the cores divided by the jobs",
    )
    add("--device", default="cpu", metavar="D", help="cuda, cuda:1, ...; default: cpu")
    add(
        "--precision",
        choices=PRECISIONS,
        help="default: as it began, else float32; bfloat16 pays where the processor multiplies it "
        "itself (AMX, on some AVX512-BF16)",
    )
    add(
        "--engine",
        choices=ENGINES,
        default="joblib",
        help="processes on this machine or a Dask cluster; default: joblib",
    )
    add(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="of the Dask cluster, with --engine dask; default: none",
    )
    add(
        "--sync-batch-norm",
        action="store_true",
        help="under torchrun: share the statistics of BatchNorm among the processes",
    )
    add("--backend", choices=BACKENDS, default="torch", help="of the norms; default: torch")


def _add_kept(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--no-record",
        action="store_true",
        help="keep nothing of what goes on inside the network, and the last checkpoint alone",
    )
    group.add_argument(
        "--tensorboard",
        action="store_true",
        help="keep scalars and histograms for it, too: tensorboard --logdir DIR",
    )


def _add_explain(commands: Any) -> None:
    add = commands.add_parser("explain", help="a trained layer, step by step").add_argument
    add("run", metavar="RUN", help="the run folder, e.g. runs/mnist")
    add("trial", metavar="TRIAL", help="a trial in it")
    add("--layer", required=True, metavar="NAME", help="e.g. block3.norm")
    add("--seed", default="0", metavar="K", help="which seed of the trial; default: 0")
    add("--epoch", type=positive, metavar="E", help="as it was after this one; default: the last")
    add("--data", default="sample", metavar="DIR", help="where the digits are; default: sample")
    add("--batch", type=positive, default=64, metavar="N", help="how many digits; default: 64")
    add("--eval", action="store_true", help="evaluation: the stored statistics normalize")
    for name in ("samples", "channels", "pixels"):
        add(f"--{name}", metavar="I", help="which to show, such as 0:4 or 0,3,7; default: a few")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help=".xlsx or .html; default: TRIAL-LAYER.xlsx, of an epoch TRIAL-LAYER-epoch-E.xlsx",
    )


def _add_dataset(parser: argparse._ActionsContainer, words: str) -> None:
    parser.add_argument("--dataset", choices=tuple(DATASETS), help=words)


def parse_seeds(text: str) -> list[int]:
    """Turn ``5`` into the seeds 0 to 4, and ``3,7,11`` into just those.

    >>> parse_seeds("3"), parse_seeds("3,7,11"), parse_seeds("7,")
    ([0, 1, 2], [3, 7, 11], [7])
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) < SEED_DIGITS):
            raise TrainingError(
                f"--seeds {text[:40]}: {part[:40]!r} is not a seed; give how many (5) or which "
                "(3,7,11)"
            )
    seeds = [int(part) for part in parts]
    if "," not in text:
        if not 1 <= seeds[0] <= MOST:
            raise TrainingError(f"--seeds {text}: from 1 to {MOST:,} seeds can be asked for")
        return list(range(seeds[0]))
    if len(set(seeds)) < len(seeds):
        raise TrainingError(f"--seeds {text}: a seed is given twice")
    return seeds


def positive(text: str) -> int:
    """Parse a whole number from 1 to ``MOST``."""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST:,}")
    return int(text)
