"""Training beside the plain way: same network, optimizer and batch size, in turn, in one run.

First one trial, then all published trials, each with its own recipe, in both precisions: ours as
many at a time as there are cores, one thread each, as ``--jobs`` runs them; the rival, in float32,
one after the other. What counts is the time that all their epochs take together. Each contestant
lives in a process of its own, idle until its turn; a round gives each some seconds, and the medians
of the rounds' ratios count. At last both train from scratch over several seeds, to see that speed
cost no accuracy.

    python -m tests.benchmarks training
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from scipy import stats
from torch import Tensor

from tests.benchmarks.contest import Step, Team
from tests.benchmarks.rival import Careful, Plain, as_idx
from training.data import load as data
from training.data.load import Digits
from training.errors import TrainingError
from training.experiments.config import TrialConfig
from training.experiments.trials import TRIALS, find_trial
from training.record import checkpoint
from training.run.forecast import estimate_seconds
from training.run.inside import look_inside
from training.run.machine import prepare
from training.run.many_tasks import run_task
from training.run.one_network import Trainer
from training.run.task import PRECISIONS, Settings, Task

CONFIG = find_trial("bn")
PUBLISHED = [config.name for config in TRIALS.values() if config.published]
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
SECONDS_OF_EACH = SECONDS / 2  # of the published trials
CORES = 2  # of the machine the goals are stated for
ONE_GOAL, ALL_GOAL = "2.7, 4", "5.5, 8"
ACCURACY_SEEDS, ACCURACY_EPOCHS = 5, 4
TIMED_STEPS = 20


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


def endless(begin: Callable[[int], Iterator[Any]]) -> Iterator[Any]:
    """The batches of one epoch after the other."""
    epoch = 0
    while True:
        epoch += 1
        yield from begin(epoch)


def stepping(batches: Iterator[Any], train: Callable[[Tensor, Tensor], object]) -> Step:
    """Train on the next batch."""

    def step() -> int:
        x, y = next(batches)
        train(x, y)
        return len(y)

    return step


def rival_steps(folder: str, names: Sequence[str]) -> dict[str, Step]:
    """The rival's step of each trial, loading included; torch's default number of threads."""

    def step_of(config: TrialConfig) -> Step:
        plain = Plain(config, folder)
        return stepping(endless(lambda _epoch: iter(plain.loader)), plain.step)

    return {name: step_of(find_trial(name)) for name in names}


def careful_steps(source: str, names: Sequence[str]) -> dict[str, Step]:
    """The careful rival's step of each trial, augmentation included; torch's default threads."""
    digits = data.load(source)

    def step_of(config: TrialConfig) -> Step:
        careful = Careful(config, digits)
        return stepping(endless(lambda _epoch: careful.batches()), careful.step)

    return {name: step_of(find_trial(name)) for name in names}


def our_steps(source: str, threads: int, precision: str, names: Sequence[str]) -> dict[str, Step]:
    """The trainer's step of each trial, augmentation included."""
    prepare(threads)
    digits = data.load(source)

    def step_of(config: TrialConfig) -> Step:
        trainer = Trainer(config, digits, precision=precision)
        trainer.model.train()
        trainer._seed_dropout(1)
        batches = endless(lambda epoch: data.get_iterator(digits, config, 0, epoch))
        return stepping(batches, trainer.train_step)

    return {name: step_of(find_trial(name)) for name in names}


def line(name: str, speed: float, ratios: Sequence[float], goals: str = "") -> str:
    """A row of a table: images a second, the median ratio, the lowest and the highest."""
    return (
        f"{name:40}{speed:>10,.0f}{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}"
        f"{max(ratios):>9.2f}" + (f"   {goals}" if goals else "")
    )


def measure_one_trial(source: str, folder: str) -> None:
    """Print images a second of ``CONFIG`` and the ratios to the rival."""
    one = (CONFIG.name,)
    teams = {
        "rival: DataLoader, one process": Team(1, rival_steps, folder, one),
        "rival: careful, in memory": Team(1, careful_steps, source, one),
        "one trial, 2 threads": Team(1, our_steps, source, CORES, "float32", one),
        "one trial, 2 threads, bfloat16": Team(1, our_steps, source, CORES, "bfloat16", one),
        "two at once, 1 thread": Team(CORES, our_steps, source, 1, "float32", one),
        "two at once, 1 thread, bfloat16": Team(CORES, our_steps, source, 1, "bfloat16", one),
    }
    rounds = [
        {name: team.turn(CONFIG.name, SECONDS) for name, team in teams.items()}
        for _ in range(ROUNDS)
    ]
    rival = next(iter(teams))
    print(f"{CONFIG.name:40}{'images/s':>10}{'ratio':>8}{'lowest':>8}{'highest':>9}   goal, aim")
    for name, team in teams.items():
        team.dismiss()
        speed = statistics.median(r[name] for r in rounds)
        goals = ONE_GOAL if name == "one trial, 2 threads" else ""
        print(line(name, speed, [r[name] / r[rival] for r in rounds], goals))
    _, careful, *ours = teams
    print("\nthe same beside the careful rival")
    for name in ours:
        speed = statistics.median(r[name] for r in rounds)
        print(line(name, speed, [r[name] / r[careful] for r in rounds]))


def measure_all_trials(source: str, folder: str) -> None:
    """Print, for each precision, the ratio of every published trial and of all together."""
    rival = Team(1, rival_steps, folder, PUBLISHED)
    ours = {each: Team(CORES, our_steps, source, 1, each, PUBLISHED) for each in PRECISIONS}
    teams = {"rival": rival, **ours}
    rounds = [
        {
            name: {who: team.turn(name, SECONDS_OF_EACH) for who, team in teams.items()}
            for name in PUBLISHED
        }
        for _ in range(ROUNDS)
    ]
    for team in teams.values():
        team.dismiss()
    # Every epoch is as many images: a trial's share of the time is its epochs over its speed.
    epochs = {name: find_trial(name).epochs for name in PUBLISHED}
    for precision in PRECISIONS:
        auto = precision == PRECISIONS[0]
        title = f"all published, 2 × 1 thread, {precision}"
        print(f"\n{title:40}{'images/s':>10}{'ratio':>8}", end="")
        print(f"{'lowest':>8}{'highest':>9}" + "   goal, aim" * auto)
        for name in PUBLISHED:
            speed = statistics.median(r[name][precision] for r in rounds)
            ratios = [r[name][precision] / r[name]["rival"] for r in rounds]
            print(line(name, speed, ratios))
        times = [
            {
                who: sum(count / r[name][who] for name, count in epochs.items())
                for who in ("rival", precision)
            }
            for r in rounds
        ]
        speed = statistics.median(sum(epochs.values()) / time[precision] for time in times)
        ratios = [time["rival"] / time[precision] for time in times]
        print(line("all together", speed, ratios, ALL_GOAL if auto else ""))
    print("the default precision is the table with a goal")


def measure_record(source: str, scratch: str) -> None:
    """Print what looking inside the network costs, and keeping its checkpoint, beside an epoch."""
    prepare(1)
    trainer = Trainer(CONFIG, data.load(source))
    step = our_steps(source, 1, "float32", (CONFIG.name,))[CONFIG.name]
    look_inside(trainer, 1)
    parts = []
    path = Path(scratch) / "checkpoint.pt"
    for epoch in range(1, ROUNDS + 1):
        started = time.process_time()
        look_inside(trainer, epoch)
        checkpoint.save(path, {"epoch": epoch, **trainer.state()}, keep=True)
        looked = time.process_time() - started
        for _ in range(TIMED_STEPS):
            step()
        each = (time.process_time() - started - looked) / TIMED_STEPS
        parts.append(100 * looked / (trainer.steps_per_epoch * each))
    print(
        f"\na record of what goes on inside takes {statistics.median(parts):.2f} % of an epoch of "
        f"{trainer.steps_per_epoch} steps ({min(parts):.2f} to {max(parts):.2f}); below 3 is the "
        "goal, --no-record leaves it out"
    )


def measure_forecast() -> None:
    """Print what a run on the sample was said to take and took, in seconds of the processor."""
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(data="sample")
        tasks = [
            Task(replace(find_trial(name), epochs=3), 0, settings, Path(scratch))
            for name in ("bn", "gn", "none")
        ]
        said = estimate_seconds(tasks, 1)
        started = time.process_time()
        for task in tasks:
            run_task(task)
        took = time.process_time() - started
    print(f"\na run that was said to take {said:.0f} s took {took:.0f} s of one core")


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
        said = f"{name:18}{statistics.mean(found):8.2f} ± {statistics.stdev(found):.2f} %"
        if name != "rival":
            low, high = stats.ttest_ind(
                found, values["rival"], equal_var=False
            ).confidence_interval(0.95)
            difference = statistics.mean(found) - statistics.mean(values["rival"])
            verdict = "no difference seen" if low <= 0 <= high else "THEY DIFFER"
            said += f"   {difference:+.2f} [{low:+.2f}, {high:+.2f}]  {verdict}"
        print(said)


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
    """Print all tables."""
    source = find_data()
    digits = data.load(source)
    print(f"{digits.describe()}; {ROUNDS} rounds of {SECONDS:g} s in turn, {SECONDS_OF_EACH:g} s")
    print(f"where there are many trials; {os.cpu_count()} cores, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as scratch:
        as_idx(data.load("sample"), Path(scratch))
        folder = scratch if source == "sample" else source
        measure_one_trial(source, folder)
        measure_all_trials(source, folder)
        measure_record(source, scratch)
        measure_forecast()
        measure_accuracy(scratch)


if __name__ == "__main__":
    main()
