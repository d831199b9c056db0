"""One task end to end: verify the layers, train, checkpoint every epoch, sum up."""

from __future__ import annotations

import io
import traceback
from contextlib import suppress
from typing import Any

import numpy as np

from training.data import load as data
from training.errors import TrainingError
from training.files import (
    locked,
    read_json,
    without_non_finite,
    write_json,
    write_whole,
)
from training.model.verification import RefusedLayerError, verify_layers
from training.record import checkpoint, gallery
from training.record.history import Record, Teller
from training.record.inside import FILE as INSIDE
from training.record.inside import Inside, read_inside, write_inside
from training.record.task_folder import divergence, read_config, read_task
from training.record.tensorboard import Board
from training.run import torchrun as parallel
from training.run.inside import closing_measures, look_inside
from training.run.machine import environment, prepared
from training.run.one_network import DivergedError, Trainer
from training.run.task import Task

GALLERY_IMAGES = 100  # pictures kept of the most confident mistakes; the numbers are kept of all
# An orphaned worker of a killed run ends within a second; see many_tasks.
PATIENCE_SECONDS = 10.0


def refuse_unasked(task: Task) -> None:
    """Refuse to go on with what a task's folder holds unless that was asked for.

    Raises:
        TrainingError: when it holds something and ``resume`` is off.
    """
    if task.is_begun and not task.settings.resume:
        raise TrainingError(
            f"{task.folder} holds a run already; --resume continues it, another --out starts a "
            "new one"
        )


class OneTask:
    """Runs one task in its folder.

    ``run`` may be called again at any time, in any process: a finished task is not repeated, nor
    one that diverged, which it would do again; a killed one continues after its last checkpoint
    with the same numbers.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        digits = data.load(task.settings.data, task.settings.dataset)
        self.digits = data.drawn(digits, task.config.train_size, task.seed)
        self.decisive = task.decisive(self.digits.digest)
        self.record = Record()
        self.inside: list[Inside] = []
        self.begun = False  # whether the processes that train along have been told to start

    def run(self) -> dict[str, Any]:
        """Train to the end and return the summary.

        Raises:
            TrainingError: when the folder is in use, belongs to another run, or holds a run and
                ``resume`` is off; when a layer is refused; when the loss is not finite, now or when
                it last ran; when a file cannot be read or written. What was finished before stays.
        """
        folder = self.task.folder
        with locked(folder, PATIENCE_SECONDS if self.task.settings.resume else 0):
            self._check_folder()
            if (folder / "summary.json").exists() and self._is_whole():
                return read_json(folder / "summary.json")
            # Of the same settings, or the folder had been refused.
            if (folder / "config.json").exists() and (reason := divergence(folder)):
                raise DivergedError(reason)
            (folder / "failure.json").unlink(missing_ok=True)
            try:
                with prepared(self.task.settings.threads):
                    return self._train()
            except Exception as error:
                self._remember(error)
                raise

    def _check_folder(self) -> None:
        refuse_unasked(self.task)
        self._refuse_other_seeds()
        config = self.task.folder / "config.json"
        if not config.exists():
            return  # a checkpoint says itself what it belongs to
        try:
            found, _ = read_config(self.task.folder)
        except TrainingError as error:
            raise TrainingError(f"{error}; remove it, and --resume makes it again") from error
        checkpoint.check_settings(config, found["decisive"], self.decisive)

    def _refuse_other_seeds(self) -> None:
        """Refuse to stand beside seeds of this trial that ran under other settings.

        Every table averages over a trial's seeds.
        """
        wanted = {k: v for k, v in self.decisive.items() if k != "seed"}
        for config in sorted(self.task.folder.parent.glob("seed-*/config.json")):
            if config.parent == self.task.folder:
                continue
            try:
                found, _ = read_config(config.parent)
            except TrainingError:
                continue  # its own task says so
            others = {k: v for k, v in found["decisive"].items() if k != "seed"}
            checkpoint.check_settings(config, others, wanted)

    def _is_whole(self) -> bool:
        """Whether every file of the finished task is there and can be read.

        What is not is made again from the checkpoint, without training.

        Raises:
            TrainingError: when there is no checkpoint to make it from.
        """
        folder = self.task.folder
        can_be_mended = (folder / "checkpoint.pt").exists()
        try:
            read_task(folder)
        except TrainingError:
            if not can_be_mended:
                raise
            return False
        # A picture alone is not worth training again for.
        return (folder / "misclassified.png").exists() or not can_be_mended

    def follow(self) -> None:
        """Train along with process 0, which alone reads and writes the folder."""
        with prepared(self.task.settings.threads):
            state = parallel.share()
            if state is None:
                return
            trainer = self._trainer()
            trainer.distribute(self.task.settings.synchronize)
            if "model" in state:
                trainer.load_state(state)
            for epoch in range(state["epoch"] + 1, self.task.config.epochs + 1):
                trainer.train_epoch(epoch)

    def _trainer(self) -> Trainer:
        task, settings = self.task, self.task.settings
        return Trainer(
            task.config,
            self.digits,
            task.seed,
            settings.device,
            settings.precision,
            settings.backend,
        )

    def _train(self) -> dict[str, Any]:
        task = self.task
        trainer = self._trainer()
        try:
            verified = self._verify(trainer)
        except RefusedLayerError as error:
            reports = without_non_finite(error.reports)
            write_json(task.folder / "config.json", self._config(trainer, reports))
            raise
        path = task.folder / "checkpoint.pt"
        state: dict[str, Any] = {"epoch": 0}
        if path.exists():
            state = checkpoint.load(path, self.decisive)
            checkpoint.restore(path, state, trainer.load_state)
            self.record = Record.from_rows(state["history"])
            self.record.write_csv(task.folder / "history.csv")
            self.inside = read_inside(task.folder / INSIDE, state["epoch"])
        if not (path.exists() and (task.folder / "config.json").exists()):
            write_json(task.folder / "config.json", self._config(trainer, verified))
        elif state["epoch"] < task.config.epochs:
            self._note_environment(state["epoch"] + 1)
        parallel.share(state)
        self.begun = True
        trainer.distribute(task.settings.synchronize)
        trainer.told = teller = Teller(task.folder, trainer.steps_per_epoch)
        first = state["epoch"] + 1
        board = Board(task.folder, first) if task.settings.tensorboard else None
        for epoch in range(first, task.config.epochs + 1):
            teller.epoch = epoch
            self.record.add(trainer.train_epoch(epoch))
            if board:
                board.epoch(self.record.last)
            # One process alone cannot look into layers that wait for the others.
            if task.settings.record and parallel.size() == 1:
                self.inside += look_inside(trainer, epoch, board)
            self._save(trainer, epoch)
        if board:
            board.close()
        teller.end()
        return self._finish(trainer)

    def _note_environment(self, epoch: int) -> None:
        """Note in ``config.json`` where the epochs from ``epoch`` on are trained, if elsewhere."""
        details, _ = read_config(self.task.folder)
        resumed = details["resumed"]
        before = resumed[-1] if resumed else details
        if before["environment"] != environment():
            resumed.append({"epoch": epoch, "environment": environment()})
            write_json(self.task.folder / "config.json", details)

    def _remember(self, error: Exception) -> None:
        """Leave the reason in the folder, for the report."""
        # The disk that refused a checkpoint may refuse this too; the error itself is on its way.
        with suppress(TrainingError):
            trace = "".join(traceback.format_exception(error))
            failure = {
                "error": str(error),
                "traceback": trace,
                "diverged": isinstance(error, DivergedError),
            }
            write_json(self.task.folder / "failure.json", failure)

    def _verify(self, trainer: Trainer) -> dict[str, Any]:
        # The first batch of training is what the layers see first.
        x, _ = next(data.get_iterator(self.digits, self.task.config, self.task.seed, 1))
        return verify_layers(trainer.model, x.to(trainer.device), self.task.settings.precision)

    def _save(self, trainer: Trainer, epoch: int) -> None:
        state = {
            "settings": self.decisive,
            "epoch": epoch,
            "history": self.record.rows(),
            **trainer.state(),
        }
        if self.inside:  # before the checkpoint, which has the history but not this
            write_inside(self.task.folder / INSIDE, self.inside)
        checkpoint.save(self.task.folder / "checkpoint.pt", state, keep=self.task.settings.record)
        self.record.write_csv(self.task.folder / "history.csv")

    def _config(self, trainer: Trainer, verified: dict[str, Any]) -> dict[str, Any]:
        settings = self.task.settings
        return {
            "trial": self.task.config.to_dict(),
            "seed": self.task.seed,
            "data": {
                "dataset": self.digits.dataset,
                "is_sample": self.digits.is_sample,
                "name": self.digits.name,
                "description": self.digits.describe(),
                "mean": self.digits.mean,
                "std": self.digits.std,
            },
            "device": settings.device,
            "precision": settings.precision,
            "threads": settings.threads,
            "processes": settings.processes,
            "synchronize": settings.synchronize,
            "backend": settings.backend,
            "command": settings.command,
            "study": settings.study,
            "parameters": sum(p.numel() for p in trainer.model.parameters()),
            "verification": verified,
            "environment": environment(),
            "decisive": self.decisive,
        }

    def _finish(self, trainer: Trainer) -> dict[str, Any]:
        folder = self.task.folder
        mistakes = trainer.misclassified()
        shown = self.digits.test_images[mistakes.index[:GALLERY_IMAGES]]
        arrays: dict[str, Any] = {
            "index": mistakes.index.numpy(),
            "true": mistakes.true.numpy(),
            "predicted": mistakes.predicted.numpy(),
            "confidence": mistakes.confidence.numpy(),
            "images": shown.numpy(),
        }
        stream = io.BytesIO()
        np.savez_compressed(stream, **arrays)
        write_whole(folder / "misclassified.npz", stream.getvalue())
        gallery.draw(folder / "misclassified.png", self.task.name, arrays)
        summary = {
            "trial": self.task.config.name,
            "seed": self.task.seed,
            "data": self.digits.name,
            **self.record.summary(),
            "misclassified": len(mistakes.index),
            "confusion": trainer.confusion(),
            "measures": closing_measures(trainer, recount=self.task.settings.recount),
        }
        write_json(folder / "summary.json", summary)
        return summary
