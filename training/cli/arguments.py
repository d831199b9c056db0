"""The command line of ``python -m training``: what may be said, and what it means."""

from __future__ import annotations

import argparse
import os
from typing import NoReturn

from training.cli.explain import add_explain
from training.cli.option_values import positive
from training.data.datasets import DATASETS, MNIST
from training.errors import TrainingError
from training.model.norms import BACKENDS
from training.run.precision import AUTO, PRECISIONS

ENGINES = ("joblib", "dask")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        raise TrainingError(message)


def build_parser() -> Parser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="python -m training",
        description="MNIST experiments on normalization layers checked against NumPy.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    commands.add_parser("list", help="the trials, with what was published about them")
    report = commands.add_parser("report", help="make figures and report of a run folder again")
    report.add_argument("folder", metavar="DIR", help="the run folder, e.g. runs/mnist")
    add_explain(commands)
    data = commands.add_parser("data", help="fetch a data set, by default full MNIST")
    _add_dataset(data)
    data.add_argument("--out", default="data", metavar="DIR", help="default: data")
    return parser


def _add_run(commands: argparse._SubParsersAction[Parser]) -> None:
    run = commands.add_parser("run", help="train trials; without a name, all of them")
    run.add_argument("trials", nargs="*", metavar="TRIAL", help="see 'list'; default: all")
    run.add_argument("--epochs", type=positive, metavar="E", help="default: each trial's own")
    run.add_argument(
        "--seeds", default="1", metavar="K", help="how many (5: seeds 0 to 4), or which: 3,7,11"
    )
    run.add_argument(
        "--jobs", type=positive, metavar="J", help="trials at once; default: one per core"
    )
    run.add_argument(
        "--threads", type=positive, default=1, metavar="T", help="threads of each trial; default: 1"
    )
    run.add_argument(
        "--data",
        default="data",
        metavar="DIR",
        help="folder of the data (default: data), or 'sample'",
    )
    _add_dataset(run)
    run.add_argument(
        "--out",
        metavar="DIR",
        help="the run folder; default: runs/ and the data set, or runs/sample",
    )
    run.add_argument("--resume", action="store_true", help="continue what the run folder holds")
    run.add_argument(
        "--device", default="cpu", metavar="D", help="cpu (default), cuda, cuda:1, ..."
    )
    run.add_argument(
        "--precision",
        choices=(AUTO, *PRECISIONS),
        default=AUTO,
        help="default: auto, as it began, else bfloat16 where the processor has it",
    )
    run.add_argument(
        "--engine",
        choices=ENGINES,
        default="joblib",
        help="processes on this machine (joblib, default) or a Dask cluster",
    )
    run.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="of the Dask cluster")
    run.add_argument(
        "--sync-batch-norm",
        action="store_true",
        help="under torchrun: share the statistics of BatchNorm among the processes",
    )
    run.add_argument(
        "--backend", choices=BACKENDS, default="torch", help="of the normalization layers"
    )


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dataset", choices=tuple(DATASETS), default=MNIST.name, help="default: mnist"
    )


def default_jobs(tasks: int) -> int:
    """Return how many tasks to run at once: one a core, no more than there are."""
    return max(1, min(tasks, len(os.sched_getaffinity(0))))
