"""A live display of tasks, read from the run folder itself, and the final table.

Each worker, in this process or another or on another machine, writes ``history.csv`` after every
epoch and how far it is within one every second; the display looks there. So it needs no channel to
the workers, and every engine has it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from training.record.history import Epoch, epochs_so_far, part_of_epoch
from training.results.cost import duration
from training.results.over_seeds import Overview, overviews
from training.results.run_folder import Results
from training.run.task import Outcome, Task

LOOK_SECONDS = 1.0
WIDTH_OFF_TERMINAL = 150


def make_console() -> Console:
    """Return a console for standard output, wide enough for the table when that is a file."""
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(highlight=False, width=WIDTH_OFF_TERMINAL)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to ``main``; rich itself would end the process with status 1."""
        raise BrokenPipeError


class Estimate(NamedTuple):
    """How many seconds were left at a moment, as told by so many epochs of this run."""

    epochs: float
    at: float
    seconds: float


class Display:
    """Shows tasks while they run; off a terminal, one line for each that ended."""

    def __init__(
        self,
        console: Console,
        tasks: Sequence[Task],
        expected_seconds: float,
        where: Callable[[], str] | None = None,
    ) -> None:
        self.console, self.where = console, where
        self.tasks = {task.name: task for task in tasks}
        self.left = dict(self.tasks)
        self.started = time.monotonic()
        self._estimate = Estimate(0, self.started, expected_seconds)
        self._done_before = {
            name: len(epochs_so_far(task.folder)) for name, task in self.tasks.items()
        }
        self._bars: dict[str, TaskID] = {}
        self._stop = threading.Event()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[words]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._total = self._progress.add_task("all", total=self._all_epochs(), words="")

    def __enter__(self) -> Display:
        self._progress.start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        if self.console.is_terminal:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._progress.stop()

    def ended(self, outcome: Outcome) -> None:
        """Take a task off the display and print how it ended."""
        self.left.pop(outcome.task, None)
        place = f"{len(self.tasks) - len(self.left)}/{len(self.tasks)}"
        if outcome.summary is None:
            how = f"diverged: {outcome.error}" if outcome.diverged else "failed"
            self.console.print(f"{place} {outcome.task}: {how}", markup=False, soft_wrap=True)
            return
        summary = outcome.summary
        self.console.print(
            f"{place} {outcome.task}: {summary['last_accuracy']:.2f} % last, "
            f"{summary['best_accuracy']:.2f} % best (epoch {summary['best_epoch']}), "
            f"{duration(summary['train_seconds'])}",
            markup=False,
        )

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Read every history and redraw."""
        done = new = 0.0
        for name, task in self.tasks.items():
            epochs = epochs_so_far(task.folder)
            part = part_of_epoch(task.folder, len(epochs) + 1) if name in self.left else 0.0
            done += len(epochs) + part
            new += len(epochs) + part - self._done_before[name]
            self._show(name, task, epochs, part)
        self._progress.update(self._total, completed=done, words=self._time_left(done, new))

    def _show(self, name: str, task: Task, epochs: list[Epoch], part: float) -> None:
        running = name in self.left and (task.folder / "config.json").exists()
        if running and name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=task.config.epochs, words="")
        if name in self._bars:
            if name not in self.left:
                self._progress.remove_task(self._bars.pop(name))
                return
            words = f"epoch {min(len(epochs) + 1, total := task.config.epochs)} of {total}"
            words += f", {100 * part:.0f} %"
            if epochs:
                last = epochs[-1]
                words += f", loss {last.train_loss:.4f}, test {last.test_accuracy:.2f} %"
            self._progress.update(self._bars[name], completed=len(epochs) + part, words=words)

    def _time_left(self, done: float, new: float) -> str:
        now = time.monotonic()
        if new > self._estimate.epochs:
            left = self._all_epochs() - done
            self._estimate = Estimate(new, now, (now - self.started) / new * left)
        # Where nothing new is known the last estimate runs down.
        remaining = max(0.0, self._estimate.seconds - (now - self._estimate.at))
        ended = len(self.tasks) - len(self.left)
        words = f"{ended} of {len(self.tasks)} tasks, about {duration(remaining)} left"
        return f"{words}, {self.where()}" if self.where else words

    def _all_epochs(self) -> int:
        return sum(task.config.epochs for task in self.tasks.values())


def final_table(run: Results) -> Table:
    """Return the table of a run: measured beside published, a row for each trial."""
    title = f"{run.folder.name}: test accuracy in percent on {run.data_name}"
    table = Table(title=escape(title))
    table.add_column("trial", no_wrap=True)
    for heading in ("seeds", "last epoch", "best epoch", "at epoch", "seconds"):
        table.add_column(heading, justify="right")
    on_mnist = run.is_mnist
    table.add_column("published" if on_mnist else "published, on MNIST")
    for trial in overviews(run):
        table.add_row(trial.name, *_cells(trial))
    return table


def _cells(trial: Overview) -> list[str]:
    published = trial.config.published
    text = published.text if published else "-"
    if not trial.ended:
        return [trial.seeds, escape(trial.results[0].status), "", "", "", text]
    seconds = f"{trial.train_seconds.mean:.0f}" if trial.train_seconds else ""
    numbers = [str(trial.last), str(trial.best), trial.best_epochs, seconds]
    return [trial.seeds, *numbers, text]
