"""One network and its data: an epoch of training, an evaluation, the digits it gets wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.data import load as data
from training.data.load import Digits
from training.data.seeding import INIT_EPOCH, derived_seed, generator
from training.errors import TrainingError, first_line
from training.experiments.config import TrialConfig
from training.model.evaluation_views import log_probabilities
from training.model.loss import cross_entropy, with_penalties
from training.model.net import Net
from training.record.history import Epoch
from training.run import schedules
from training.run import torchrun as parallel
from training.run.optimizers import build_optimizer

EVALUATION_BATCH = 500
# What torch raises for sizes that no layer has, beside what our own layers do.
NOT_BUILT = (ValueError, RuntimeError, TypeError, OverflowError, MemoryError)


class DivergedError(TrainingError):
    """A loss is no longer a finite number; the seed has a result all the same: none."""


@dataclass(frozen=True)
class Mistakes:
    """Misclassified test digits, the most confident first."""

    index: Tensor  # int64, into the test set
    true: Tensor
    predicted: Tensor
    confidence: Tensor  # probability of the predicted class


class Trainer:
    """Trains ``Net`` as ``config`` says, from ``seed``.

    Args:
        config: the trial.
        digits: the data.
        seed: decides initial weights, order, augmentation and dropout.
        device: "cpu", "cuda", ...
        precision: "float32", or "bfloat16" for autocast.
        backend: of the normalization layers, "torch" or "reference".
    """

    def __init__(
        self,
        config: TrialConfig,
        digits: Digits,
        seed: int = 0,
        device: str = "cpu",
        precision: str = "float32",
        backend: str = "torch",
    ) -> None:
        self.config, self.digits, self.seed = config, digits, seed
        self.device, self.precision = device, precision
        self.model = build_model(config, seed, backend).to(device)
        if backend == "torch":
            # A fifth faster on the CPU; the reference computes in torch's default order.
            self.model = self.model.to(memory_format=torch.channels_last)
        self.optimizer = build_optimizer(config, self.model)
        self._network: nn.Module = self.model
        self.steps_per_epoch = data.steps_per_epoch(digits, config)
        self._test_images = digits.test_images.to(device)
        self._test_labels = digits.test_labels.to(device)
        self._scores: Tensor | None = None  # of the test set, until the next step
        self.told: Callable[[int], None] = lambda step: None  # after each step of an epoch

    def distribute(self, synchronize: bool) -> None:
        """Train together with the other processes of torchrun, if there are any."""
        self._network = parallel.distribute(self.model, synchronize)

    def train_epoch(self, epoch: int) -> Epoch:
        """Train for one epoch (counted from 1), evaluate, and return its row of the history.

        Raises:
            DivergedError: when a loss is no longer a finite number.
        """
        started = time.perf_counter()
        loss, accuracy, images = self._train(epoch)
        seconds = time.perf_counter() - started
        first_step = (epoch - 1) * self.steps_per_epoch
        lr = schedules.learning_rate(self.config, first_step, self.steps_per_epoch)
        test_loss, test_accuracy = self.evaluate()
        # The last step of an epoch may ruin the weights after the last training loss was taken.
        for kind, value in (("training", loss), ("test", test_loss)):
            if not math.isfinite(value):
                raise DivergedError(
                    f"the {kind} loss of {self.config.name} became {value} in epoch {epoch} at "
                    f"learning rate {lr:g}; a lower learning rate would keep it finite"
                )
        return Epoch(epoch, lr, loss, accuracy, test_loss, test_accuracy, seconds, images / seconds)

    def _train(self, epoch: int) -> tuple[float, float, int]:
        self.model.train()
        self._seed_dropout(epoch)
        loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        images = 0
        step = (epoch - 1) * self.steps_per_epoch
        multiple = self.config.splits
        for x, y in data.get_iterator(self.digits, self.config, self.seed, epoch):
            x, y = parallel.shard(x, y, multiple)
            if not len(y):
                continue
            x, y = x.to(self.device), y.to(self.device)
            self._set_learning_rate(step)
            loss, scores = self.train_step(x, y)
            loss_sum += loss.detach() * len(y)
            correct += (scores.argmax(1) == y).sum()
            images += len(y)
            step += 1
            self.told(step - (epoch - 1) * self.steps_per_epoch)
        parallel.average_buffers(self.model)
        images *= parallel.size()
        mean_loss = parallel.total(loss_sum).item() / images
        return mean_loss, 100 * parallel.total(correct).item() / images, images

    def train_step(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Take one optimizer step; return the mean NLL (without penalty) and the scores."""
        self._scores = None
        self.optimizer.zero_grad(set_to_none=True)
        with self._autocast():
            scores = self._network(x)
        loss = cross_entropy(scores, y)
        with_penalties(loss, self.model.parameters(), self.config).backward()
        self.optimizer.step()
        return loss, scores.detach()

    def evaluate(self) -> tuple[float, float]:
        """Return mean NLL and accuracy in percent over the test set."""
        scores = self.test_scores()
        loss = cross_entropy(scores, self._test_labels).item()
        right = (scores.argmax(1) == self._test_labels).sum().item()
        return loss, 100 * right / len(self._test_labels)

    def test_scores(self) -> Tensor:
        """Return the log-probabilities (N, 10) of the test set, always in float32."""
        if self._scores is None:
            self._scores = self._evaluated(self.model)
        return self._scores

    def error_of(self, model: Net) -> float:
        """Return the test error in percent of another network, such as a copy of this one."""
        right = (self._evaluated(model).argmax(1) == self._test_labels).sum().item()
        return 100 - 100 * right / len(self._test_labels)

    @torch.inference_mode()
    def _evaluated(self, model: Net) -> Tensor:
        model.eval()
        mean, std = self.digits.mean, self.digits.std
        black = data.scale(torch.zeros(()), mean, std).item()
        kind = next(self.model.parameters()).dtype
        # Batch by batch: as numbers for the network the images are four times as large.
        batches = (
            data.normalize(images, mean, std).to(kind)
            for images in self._test_images.split(EVALUATION_BATCH)
        )
        return torch.cat([log_probabilities(model, x, self.config.views, black) for x in batches])

    def misclassified(self) -> Mistakes:
        """Return every misclassified test digit, the most confident mistakes first."""
        confidence, predicted = self.test_scores().exp().max(1)
        wrong = (predicted != self._test_labels).nonzero().squeeze(1)
        index = wrong[confidence[wrong].argsort(descending=True, stable=True)]
        found = (index, self._test_labels[index], predicted[index], confidence[index])
        return Mistakes(*(values.cpu() for values in found))

    def confusion(self) -> list[list[int]]:
        """Return the 10 by 10 confusion matrix: a row per true digit, a column per predicted."""
        predicted = self.test_scores().argmax(1)
        counts = torch.bincount(self._test_labels * 10 + predicted, minlength=100)
        return counts.reshape(10, 10).tolist()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of model and optimizer."""
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from ``state()``."""
        self._scores = None
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _set_learning_rate(self, step: int) -> None:
        lr = schedules.learning_rate(self.config, step, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def _seed_dropout(self, epoch: int) -> None:
        draws = generator(self.seed, epoch, "dropout")
        for layer in self.model.dropout_layers():
            layer.generator = draws

    def _autocast(self) -> AbstractContextManager[Any]:
        kind = torch.device(self.device).type
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bfloat16")


def build_model(config: TrialConfig, seed: int, backend: str = "torch") -> Net:
    """Return the trial's network with the initial weights of ``seed``.

    Raises:
        TrainingError: when the trial's layers and normalization make none.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived_seed(seed, INIT_EPOCH, "weights"))
            return Net(
                dropout_value=config.dropout_value,
                dropout_in=config.dropout_in,
                norm=config.norm,
                group_norm_groups=config.group_norm_groups,
                num_splits=config.num_splits,
                backend=backend,
                layers=config.layers,
                average=config.average,
                block=config.block,
                bias=config.conv_bias,
            )
    except NOT_BUILT as error:
        raise TrainingError(f"{config.name} is no network: {first_line(error)}") from error


def refuse_unbuildable(config: TrialConfig, backend: str) -> None:
    """See whether a trial's network can be built, without the memory of its weights.

    Raises:
        TrainingError: when it cannot.
    """
    with torch.device("meta"):
        build_model(config, 0, backend)
