"""``python -m training run | list | report | data | explain``."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console

from training.cli.arguments import build_parser
from training.cli.explain import explain
from training.cli.option_values import parse_seeds
from training.cli.progress import (
    Display,
    duration,
    final_table,
    make_console,
)
from training.data import load as data
from training.data.download import fetch
from training.errors import TrainingError, first_line
from training.experiments.trials import TRIALS, find_trial
from training.report.claims_csv import write_claims_csv
from training.report.claims_figure import write_claims
from training.report.claims_table import claims_table
from training.report.page import write_report
from training.report.plots import draw_all
from training.report.results_xlsx import write_results
from training.results.run_folder import read_run, refuse_other_data, write_summary
from training.results.verdicts import judge_all
from training.run import torchrun as parallel
from training.run.engines import open_engine
from training.run.forecast import estimate_seconds
from training.run.local import run_tasks
from training.run.lock import locked
from training.run.precision import choose
from training.run.task import Settings, Task

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 2 after an error, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = build_parser().parse_args(words)
        options.words = words
        commands = {"run": run, "list": list_trials, "report": report, "data": fetch_data}
        commands["explain"] = explain
        status = commands[options.command](options)
        sys.stdout.flush()  # where a reader that went away is noticed
        return status
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("interrupted: what was finished is kept, --resume continues", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (... list | head): no more output, and no complaint either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return BAD_INPUT


def run(options: Namespace) -> int:
    """Train the trials asked for, then write tables, figures and report."""
    check_device(options.device)
    parallel.join(options.device)
    kind = "sample" if options.data == "sample" else options.dataset
    if options.out == "":
        raise TrainingError("--out must name a folder, got an empty name")
    folder = Path(options.out or f"runs/{kind}")
    tasks = plan(options, folder)
    digits = data.load(options.data, options.dataset)
    if parallel.rank() > 0:
        for _ in run_tasks(tasks):
            pass
        parallel.leave()
        return 0
    console = make_console()
    console.print(f"data: {digits.describe()}", markup=False)
    with locked(folder), open_engine(options, tasks, folder) as engine:
        refuse_other_data(folder, digits)
        expected = estimate_seconds(tasks, engine.jobs)
        precisions = " and ".join(sorted({task.settings.precision for task in tasks}))
        console.print(
            f"{len(tasks)} task{'s' * (len(tasks) > 1)} into {folder}, {engine.where()} with "
            f"{options.threads} thread(s) each, in {precisions}: about {duration(expected)}",
            markup=False,
        )
        failed = []
        with Display(console, tasks, expected, engine.where) as display:
            for outcome in engine.run(tasks):
                display.ended(outcome)
                failed += [outcome] if outcome.error else []
        try:
            if len(failed) < len(tasks):
                conclude(folder, console)
        finally:  # whatever keeps the report from being written does not hide these
            for outcome in failed:
                print(f"error: {outcome.task}: {outcome.error}", file=sys.stderr)
    parallel.leave()
    return BAD_INPUT if failed else 0


def conclude(folder: Path, console: Console) -> None:
    """Make everything that a run folder holds beside its tasks, and print the table."""
    results = read_run(folder)
    judgments = judge_all(results)
    # The table is seen even where nothing can be written; all is written even where nobody reads.
    try:
        console.print(final_table(results))
        if any(max(judgment.seeds, default=0) for judgment in judgments):
            console.print(claims_table(judgments))
        else:
            console.print(
                "The published claims need whole trials on full MNIST: none is judged here."
            )
        for problem in results.problems:
            console.print(f"left out: {problem}", markup=False)
    finally:
        write_summary(results)
        draw_all(results)
        write_report(results)
        write_results(results)
        write_claims(judgments, folder)
        write_claims_csv(judgments, folder)


def plan(options: Namespace, folder: Path) -> list[Task]:
    """Return the tasks that the options ask for, trial by trial, seed by seed.

    Raises:
        TrainingError: for an unknown trial or seed, or settings that do not go together.
    """
    configs = [find_trial(name) for name in dict.fromkeys(options.trials)] or list(TRIALS.values())
    if options.epochs:
        configs = [replace(config, epochs=options.epochs) for config in configs]
    settings = Settings(
        data=options.data,
        dataset=options.dataset,
        device=options.device,
        threads=options.threads,
        backend=options.backend,
        resume=options.resume,
        processes=parallel.size(),
        synchronize=options.sync_batch_norm,
        command=shlex.join(["python", "-m", "training", *options.words]),
    )
    seeds = parse_seeds(options.seeds)
    tasks = [Task(config, seed, settings, folder) for config in configs for seed in seeds]
    chosen = [
        choose(options.precision, options.device, options.backend, task.folder) for task in tasks
    ]
    return [
        replace(task, settings=replace(settings, precision=precision))
        for task, precision in zip(tasks, parallel.share(chosen), strict=True)
    ]


def check_device(name: str) -> None:
    """See whether torch can put a tensor there.

    Raises:
        TrainingError: when it cannot.
    """
    try:
        torch.zeros(1, device=name).item()  # a device without memory has nothing to read back
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = first_line(error)
        raise TrainingError(f"device {name!r} cannot be used here: {reason}") from error


def list_trials(_options: Namespace) -> int:
    """Print the trials and what was published about them."""
    width = max(len(config.summary) for config in TRIALS.values())
    for config in TRIALS.values():
        published = config.published.text if config.published else "-"
        print(f"{config.name:24}{config.recipe:5}{config.summary:{width}}  {published}")
    return 0


def report(options: Namespace) -> int:
    """Make tables, figures and report of a run folder again, from what is in it."""
    conclude(Path(options.folder), make_console())
    return 0


def fetch_data(options: Namespace) -> int:
    """Fetch a data set into a folder."""
    print(fetch(Path(options.out), print, options.dataset).describe())
    return 0
