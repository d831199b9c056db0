"""``python -m training run | list | report | data | explain``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console

from normviz.cli.ending import BAD_INPUT, one_sentence, say
from training.cli.explain import explain
from training.cli.parser import build_parser
from training.cli.plan import Engine, Plan, changed_batches, make_plan, open_engine
from training.cli.progress import Display, final_table, make_console
from training.data import load as data
from training.data.download import fetch
from training.errors import KEPT, TrainingError, first_line
from training.experiments.study import known_studies, read_study
from training.experiments.trials import TRIALS
from training.experiments.variants import alike
from training.files import locked
from training.record.asked import remember
from training.record.task_folder import read_config
from training.report.claims import (
    claims_table,
    in_one_line,
    judged,
    write_claims,
    write_claims_csv,
)
from training.report.differences import write_differences
from training.report.page import write_report
from training.report.plots import draw_all
from training.report.study import study_table, write_study
from training.report.workbook.book import write_results
from training.results.cost import duration
from training.results.kept import SUMMARY, keep, read_summary, write_summary
from training.results.run_folder import (
    Results,
    read_run,
    refuse_layers,
    refuse_other_data,
    run_folders,
    sets_not_begun,
    tasks_left,
)
from training.results.verdicts import judge_all
from training.run import torchrun as parallel
from training.run.forecast import estimate_seconds
from training.run.machine import environment
from training.run.many_tasks import run_tasks
from training.run.task import Outcome, Task


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status: 0, 2 after an error, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands = {"run": run, "list": list_trials, "report": report, "data": fetch_data}
    commands["explain"] = explain

    def command() -> int:
        options = build_parser().parse_args(words)
        options.words = words
        return commands[options.command](options)

    return one_sentence(command, (TrainingError,), KEPT)


def run(options: Namespace) -> int:
    """Train the trials asked for, then write tables, figures and report."""
    check_device(options.device)
    parallel.join(options.device)
    plan = make_plan(options)
    sources = {t.run_folder: data.load(options.data, t.settings.dataset) for t in plan.tasks}
    for task in {(t.run_folder, t.config): t for t in plan.tasks}.values():
        together = task.settings.processes, task.settings.synchronize
        data.refuse_unfit(sources[task.run_folder], task.config, *together)
    if parallel.rank() > 0:
        for _ in run_tasks(plan.tasks):
            pass
        parallel.leave()
        return 0
    console = make_console()
    for digits in sources.values():
        console.print(f"data: {digits.describe()}", markup=False)
    with ExitStack() as stack:
        stack.enter_context(locked(plan.folder))
        engine = stack.enter_context(open_engine(options, plan.tasks, plan.folder))
        if plan.tasks:
            refuse_layers(plan.folder, plan.run_folders)
        for folder, digits in sources.items():
            refuse_other_data(folder, digits, plan.tasks[0].settings.study)
            remember(
                folder, [(t.config.name, t.seed) for t in plan.tasks if t.run_folder == folder]
            )
        outcomes = train(plan, engine, console)
        failed = [o for o in outcomes if o.error and not o.diverged]
        try:
            if not outcomes or any(outcome.has_result for outcome in outcomes):
                conclude_plan(plan, console)
        finally:  # whatever keeps the report from being written does not hide these
            for outcome in failed:
                say(f"error: {outcome.task}: {outcome.error}")
    parallel.leave()
    return BAD_INPUT if failed else 0


def train(plan: Plan, engine: Engine, console: Console) -> list[Outcome]:
    """Run all tasks, showing how far they are; of a study each goes into its table as it ends."""
    expected = estimate_seconds(plan.tasks, engine.jobs)
    console.print(announcement(plan, engine.where(), expected), markup=False)
    named = {task.name: task for task in plan.tasks}
    outcomes = []
    with Display(console, plan.tasks, expected, engine.where) as display:
        for outcome in engine.run(plan.tasks):
            display.ended(outcome)
            outcomes.append(outcome)
            if plan.table and outcome.has_result:
                task = named[outcome.task]
                plan.table.add(task, outcome.summary, revision_of(task))
    return outcomes


def revision_of(task: Task) -> str:
    """Return the revision that a task began with, which may have been finished days ago."""
    try:
        details, _ = read_config(task.folder)
    except TrainingError:  # it ended before it could say
        return str(environment()["git"])
    return str(details["environment"].get("git"))


def announcement(plan: Plan, where: str, expected: float) -> str:
    """Return what is said before a run starts."""
    tasks, lines = plan.tasks, []
    if plan.study and plan.table:
        lines.append(f"study {plan.study.name}: {plan.study.title}")
        done = len(plan.table.own)
        lines.append(f"{done} tasks are in {plan.table.path} already" if done else "")
    threads = " or ".join(map(str, sorted({task.settings.threads for task in tasks})))
    precisions = " and ".join(sorted({task.settings.precision for task in tasks}))
    lines.append(
        f"{len(tasks)} task{'s' * (len(tasks) != 1)} into {plan.folder}, {where} with {threads} "
        f"thread(s) each, in {precisions}: about {duration(expected)}"
        if tasks
        else "nothing is left to run"
    )
    configs = {task.config.name: task.config for task in tasks}
    if twins := alike(configs.values()):
        names = "; ".join(", ".join(found) for found in twins)
        lines.append(f"note: one network under several names: {names}")
    changed = changed_batches([task.config for task in tasks])
    if changed:
        follow = 'scale_lr = "linear" or "sqrt"' if plan.study else "--scale-lr linear or sqrt"
        lines.append(
            f"note: another batch size fits another learning rate; {changed[0]} has that of "
            f"another, {follow} lets it follow"
        )
    if parallel.size() > 1 and any(task.settings.record for task in tasks):
        lines.append("note: what goes on inside a network that several processes train is not kept")
    return "\n".join(filter(None, lines))


def conclude_plan(plan: Plan, console: Console) -> None:
    """Make what the folders of a run hold beside their tasks, and of a study its verdicts."""
    # Those that were whole before, too: their pages may still say that another has not begun.
    for folder in dict.fromkeys([*plan.run_folders, *run_folders(plan.folder)]):
        if any(folder.glob("*/seed-*/config.json")):
            conclude(folder, console)
    if plan.study and plan.table:
        console.print(study_table(plan.table))
        for path in write_study(plan.table):
            console.print(f"study: {path}", markup=False)
    if any(task.settings.tensorboard for task in plan.tasks):
        console.print(f"tensorboard: tensorboard --logdir {plan.folder}", markup=False)


def conclude(folder: Path, console: Console) -> Results:
    """Make everything that a run folder holds beside its tasks, print the table, return it read."""
    results = read_run(folder)
    claims = not any(result.details.get("study") for result in results.results)
    judgments = judge_all(results)
    # The table is seen even where nothing can be written; all is written even where nobody reads.
    try:
        console.print(final_table(results))
        if claims and judged(judgments):
            console.print(claims_table(judgments))
        elif claims:
            console.print(in_one_line(judgments), markup=False)
        for problem in results.problems:
            console.print(f"left out: {problem}", markup=False)
    finally:
        write_summary(results)
        draw_all(results)
        write_report(results)
        write_results(results)
        write_claims(judgments, folder)
        write_claims_csv(judgments, folder)
        write_differences(results, folder)
    for name in ("report.html", "results.xlsx", "differences.png", "accuracy.png"):
        if (folder / name).exists():
            console.print(f"{name.partition('.')[0]}: {folder / name}", markup=False)
    return results


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
    """Print the trials, what was published about them, and the studies."""
    width = max(len(config.summary) for config in TRIALS.values())
    for config in TRIALS.values():
        published = config.published.text if config.published else "-"
        print(f"{config.name:24}{config.recipe:5}{config.summary:{width}}  {published}")
    print("\nstudies, for --experiment:")
    for name in known_studies():
        study = read_study(name)
        print(f"{name:24}{len(study.arms)} arms, {len(study.seeds)} seeds: {study.title}")
    return 0


def report(options: Namespace) -> int:
    """Make tables, figures and report of a run folder again, from what is in it.

    Of a summary.csv that was kept without its run: what the claims and every two trials come to.
    """
    path, console = Path(options.folder), make_console()
    if options.keep and path.suffix == ".csv":
        raise TrainingError(f"--keep takes the seeds of a run folder, {path} is a summary.csv")
    if path.suffix != ".csv":
        folders = run_folders(path)
        if options.keep and len(folders) > 1:
            raise TrainingError(
                f"--keep takes one run folder, and {path} holds {', '.join(map(str, folders))}"
            )
        left = sum(tasks_left(one, conclude(one, console).results) for one in folders)
        for name in sets_not_begun(path):
            console.print(f"{name}: not begun", markup=False)
            left += tasks_left(path / name)
        if left:
            console.print(f"tasks left: {left}; --resume runs them", markup=False)
        if not options.keep:
            return 0
        kept = Path(options.keep)
        count = keep(read_run(folders[0]), kept)
        path = kept / SUMMARY
        console.print(f"kept: {count} seeds in {path}", markup=False)
    results = read_summary(path)
    judgments = judge_all(results)
    console.print(claims_table(judgments))
    for problem in results.problems:
        console.print(f"left out: {problem}", markup=False)
    prefix = "" if path.name == SUMMARY else f"{path.stem}-"  # another's stay what they are
    written = [write_claims_csv(judgments, path.parent, prefix)]
    written += write_claims(judgments, path.parent, prefix)
    written += write_differences(results, path.parent, prefix)
    for made in written:
        console.print(f"written: {made}", markup=False)
    return 0


def fetch_data(options: Namespace) -> int:
    """Fetch a data set into a folder."""
    print(fetch(Path(options.out), print, options.dataset).describe())
    return 0
