"""Training beside the plain way: same network, optimizer and batch size, in turn, in one run.

The rival is a DataLoader over torchvision.datasets.MNIST with RandomRotation, ToTensor and
Normalize, in the main process, and the loop of every tutorial. Each contestant lives in a process
of its own, warmed up and idle until its turn. A round gives each a few seconds; the medians of the
rounds' ratios count. Then both train from scratch over several seeds, to see that speed cost no
accuracy.

    python -m tests.benchmarks training
"""

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional as F

from training import data
from training.batch_norm import BatchNorm2d
from training.config import TrialConfig, find_trial
from training.data import IDX_DIMENSIONS, Digits
from training.datasets import MNIST
from training.dropout import SparseDropout
from training.errors import TrainingError
from training.threads import prepare
from training.trainer import Trainer, build_model

CONFIG = find_trial("bn")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
WARM_STEPS = 8
CORES = 2  # of the machine the goals are stated for
GOALS = {"one trial": (2.5, 4.0), "all together": (5.0, 8.0)}
ACCURACY_SEEDS, ACCURACY_EPOCHS = 5, 4
Step = Callable[[], int]
"""Takes one optimizer step and returns how many images it used."""


def find_data() -> str:
    """Full MNIST where it can be found, or the sample."""
    for folder in (os.environ.get("DATA"), "data", "../shared/data"):
        if folder:
            try:
                data.load(folder)
            except TrainingError:
                continue
            return folder
    return "sample"


class Plain:
    """The plain way of training ``config``: nothing of ours but the network's topology."""

    def __init__(self, config: TrialConfig, folder: str, seed: int = 0) -> None:
        from torchvision import datasets, transforms

        torch.manual_seed(seed)
        steps = [
            transforms.RandomRotation((-config.rotation, config.rotation), fill=(0,)),
            transforms.ToTensor(),
            transforms.Normalize((data.MEAN,), (data.STD,)),
        ]
        images = datasets.MNIST(folder, train=True, transform=transforms.Compose(steps))
        self.loader = torch.utils.data.DataLoader(
            images, batch_size=config.batch_size, shuffle=True, num_workers=0
        )
        self.model = with_plain_layers(build_model(config, seed))
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=config.learning_rate, momentum=config.momentum
        )

    def step(self, x: Tensor, y: Tensor) -> None:
        """One step as every tutorial writes it."""
        self.optimizer.zero_grad()
        loss = F.nll_loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()


def with_plain_layers(model: nn.Module) -> nn.Module:
    """The network with torch's own dropout and batch norm layers."""
    for name, child in model.named_children():
        if isinstance(child, SparseDropout):
            setattr(model, name, nn.Dropout(child.p))
        elif isinstance(child, BatchNorm2d):
            setattr(model, name, nn.BatchNorm2d(child.num_features))
        else:
            with_plain_layers(child)
    return model


def as_idx(digits: Digits, folder: Path) -> None:
    """Write digits as the four IDX files that torchvision reads."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    tensors = (digits.train_images, digits.train_labels, digits.test_images, digits.test_labels)
    magic = {dimensions: number for number, dimensions in IDX_DIMENSIONS.items()}
    for name, tensor in zip(MNIST.files, tensors, strict=True):
        sizes = (magic[tensor.dim()], *tensor.shape)
        head = b"".join(size.to_bytes(4, "big") for size in sizes)
        (raw / name).write_bytes(head + tensor.numpy().astype(np.uint8).tobytes())


def endless(begin: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
    """The batches of one epoch after the other."""
    epoch = 0
    while True:
        epoch += 1
        yield from begin(epoch)


def rival_step(source: str, folder: str) -> Step:
    """The rival's step, loading included; torch's default number of threads."""
    plain = Plain(CONFIG, folder)
    batches = endless(lambda _epoch: iter(plain.loader))

    def step() -> int:
        x, y = next(batches)
        plain.step(x, y)
        return len(y)

    return step


def our_step(source: str, threads: int, precision: str) -> Step:
    """The trainer's step, augmentation included."""
    prepare(threads)
    digits = data.load(source)
    trainer = Trainer(CONFIG, digits, precision=precision)
    trainer.model.train()
    trainer._seed_dropout(1)
    batches = endless(lambda epoch: data.get_iterator(digits, CONFIG, 0, epoch))

    def step() -> int:
        x, y = next(batches)
        trainer.train_step(x, y)
        return len(y)

    return step


def contestant(pipe: Connection, make: Callable[..., Step], arguments: tuple[Any, ...]) -> None:
    """A process: warm up, then for every number of seconds received, return images a second."""
    step = make(*arguments)
    for _ in range(WARM_STEPS):
        step()
    pipe.send(0.0)
    for seconds in iter(pipe.recv, None):
        images, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            images += step()
        pipe.send(images / (time.perf_counter() - start))


def start(make: Callable[..., Step], *arguments: Any) -> Connection:
    """Start a contestant and return the line to it."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    context.Process(target=contestant, args=(there, make, arguments), daemon=True).start()
    there.close()  # so that a contestant that died is an error here, not silence
    here.recv()
    return here


def turn(team: list[Connection]) -> float:
    """Let the members of a team work at the same time; their images a second together."""
    for member in team:
        member.send(SECONDS)
    return sum(member.recv() for member in team)


def measure_speed(source: str, folder: str) -> None:
    """Print images a second and the ratios to the rival."""
    teams = {
        "rival: DataLoader, one process": [start(rival_step, source, folder)],
        "one trial, 2 threads": [start(our_step, source, CORES, "float32")],
        "one trial, 2 threads, bfloat16": [start(our_step, source, CORES, "bfloat16")],
        "all together, 2 × 1 thread": [start(our_step, source, 1, "float32") for _ in range(CORES)],
        "all together, bfloat16": [start(our_step, source, 1, "bfloat16") for _ in range(CORES)],
    }
    rounds = [{name: turn(team) for name, team in teams.items()} for _ in range(ROUNDS)]
    for team in teams.values():
        for member in team:
            member.send(None)
    print(f"{'':34}{'images/s':>10}{'ratio':>8}{'lowest':>8}{'highest':>9}   goal, aim")
    rival = next(iter(teams))
    for name in teams:
        ratios = [r[name] / r[rival] for r in rounds]
        goals = next((g for key, g in GOALS.items() if name.startswith(key)), None)
        print(
            f"{name:34}{statistics.median(r[name] for r in rounds):>10,.0f}"
            f"{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}{max(ratios):>9.2f}"
            + (f"   {goals[0]:g}, {goals[1]:g}" if goals else "")
        )


def measure_accuracy(folder: str) -> None:
    """Print last accuracies over seeds on the sample, and whether they differ."""
    torch.set_num_threads(CORES)
    digits = data.load("sample")
    config = replace(CONFIG, epochs=ACCURACY_EPOCHS, step_size=ACCURACY_EPOCHS - 1)
    ways: dict[str, Callable[[int], float]] = {
        "rival": lambda seed: rival_accuracy(config, folder, seed, digits),
        "ours, float32": lambda seed: our_accuracy(config, digits, seed, "float32"),
        "ours, bfloat16": lambda seed: our_accuracy(config, digits, seed, "bfloat16"),
    }
    values = {name: [way(seed) for seed in range(ACCURACY_SEEDS)] for name, way in ways.items()}
    print(
        f"\ntest accuracy on the sample after {ACCURACY_EPOCHS} epochs, {ACCURACY_SEEDS} seeds "
        "each; difference to the rival with its 95 % interval (Welch's t)"
    )
    for name, found in values.items():
        line = f"{name:18}{statistics.mean(found):8.2f} ± {statistics.stdev(found):.2f} %"
        if name != "rival":
            low, high = stats.ttest_ind(
                found, values["rival"], equal_var=False
            ).confidence_interval(0.95)
            difference = statistics.mean(found) - statistics.mean(values["rival"])
            verdict = "no difference seen" if low <= 0 <= high else "THEY DIFFER"
            line += f"   {difference:+.2f} [{low:+.2f}, {high:+.2f}]  {verdict}"
        print(line)


def rival_accuracy(config: TrialConfig, folder: str, seed: int, digits: Digits) -> float:
    """Train the plain way and evaluate."""
    plain = Plain(config, folder, seed)
    schedule = torch.optim.lr_scheduler.StepLR(plain.optimizer, config.step_size, config.gamma)
    for _ in range(config.epochs):
        plain.model.train()
        for x, y in plain.loader:
            plain.step(x, y)
        schedule.step()
    plain.model.eval()
    with torch.inference_mode():
        said = plain.model(data.normalize(digits.test_images)).argmax(1)
    return 100 * (said == digits.test_labels).float().mean().item()


def our_accuracy(config: TrialConfig, digits: Digits, seed: int, precision: str) -> float:
    """Train with the trainer and evaluate."""
    trainer = Trainer(config, digits, seed, precision=precision)
    return [trainer.train_epoch(e).test_accuracy for e in range(1, config.epochs + 1)][-1]


def main() -> None:
    """Print both tables."""
    source = find_data()
    digits = data.load(source)
    print(f"{digits.describe()}, batch {CONFIG.batch_size}, {CONFIG.summary}; {ROUNDS} rounds of")
    print(f"{SECONDS:g} s in turn; {os.cpu_count()} cores, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        as_idx(data.load("sample"), Path(scratch))
        measure_speed(source, scratch if source == "sample" else source)
        measure_accuracy(scratch)


if __name__ == "__main__":
    main()
