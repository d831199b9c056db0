"""Several seeds side by side in one network, beside one after the other: does it pay?

First as grouped, channels-last convolutions, where BatchNorm over all channels is each network's
own; then by torch.func's ensembles, which cannot follow the trainer's loops and take torch's
layers. Seconds of the processor, one thread, without the input's augmentation.

    python -m tests.benchmarks seeds
"""

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn import functional as F

from training.experiments.trials import find_trial
from training.model.fast_norms import BatchNorm2d
from training.model.net import Net
from training.run.machine import prepare
from training.run.one_network import build_model
from training.run.optimizers import build_optimizer

CONFIG = replace(find_trial("bn"), dropout_value=0.0)
BLOCKS = ((1, 8), (8, 16), (8, 12), (12, 14), (14, 14))
ROUNDS, STEPS = 3, 5
SEEDS = (2, 4, 8)


class SideBySide(nn.Module):
    """``count`` networks of CONFIG as one: (N, count, 28, 28) to (N, count, 10)."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.blocks = nn.ModuleList([self._conv(i, o, 3) for i, o in BLOCKS])
        self.norms = nn.ModuleList([BatchNorm2d(count * o) for _, o in BLOCKS])
        self.squeeze, self.classify = self._conv(16, 8, 1), self._conv(14, 10, 1)

    def _conv(self, inputs: int, outputs: int, size: int) -> nn.Conv2d:
        return nn.Conv2d(
            self.count * inputs, self.count * outputs, size, groups=self.count, bias=False
        )

    def forward(self, x: Tensor) -> Tensor:
        for number, (conv, norm) in enumerate(zip(self.blocks, self.norms, strict=True)):
            x = norm.step(conv(x), relu=True)
            if number == 1:
                x = F.max_pool2d(self.squeeze(x), 2)
        x = self.classify(F.avg_pool2d(x, CONFIG.average))
        return F.log_softmax(x.reshape(len(x), self.count, 10), 2)


def batch(*shape: int) -> tuple[Tensor, Tensor]:
    """Images of so many networks, channels last, and labels."""
    x = torch.randn(*shape, 28, 28).contiguous(memory_format=torch.channels_last)
    return x, torch.randint(0, 10, shape)


def one_step() -> Callable[[], None]:
    """A step of the trainer's own network."""
    model = build_model(CONFIG, 0).to(memory_format=torch.channels_last).train()
    return stepping(model, build_optimizer(CONFIG, model), 1)


def side_by_side(count: int) -> Callable[[], None]:
    """A step of ``count`` networks as grouped convolutions."""
    model = SideBySide(count).to(memory_format=torch.channels_last).train()
    return stepping(model, build_optimizer(CONFIG, model), count)


def stepping(model: nn.Module, optimizer: torch.optim.Optimizer, count: int) -> Callable[[], None]:
    """A step on random images; the losses of the networks are added."""
    x, y = batch(CONFIG.batch_size, count)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = F.nll_loss(model(x).reshape(-1, 10), y.reshape(-1))
        (loss * count).backward()
        optimizer.step()

    return step


def ensemble(count: int) -> Callable[[], None]:
    """A step of ``count`` networks by torch.func; GroupNorm, which keeps no buffers."""
    models = [_with_torchs_layers() for _ in range(count)]
    parameters, _ = stack_module_state(models)
    base = copy.deepcopy(models[0]).to("meta")

    def loss(parameters: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.nll_loss(functional_call(base, (parameters, {}), (x,)), y)

    gradients = vmap(grad(loss))
    x, y = torch.randn(count, CONFIG.batch_size, 1, 28, 28), torch.randint(0, 10, (count, 64))

    def step() -> None:
        found = gradients(parameters, x, y)
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter -= 0.1 * found[name]

    return step


def _with_torchs_layers() -> Net:
    model = Net(dropout_value=0.0, norm="group")
    for block in model.children():
        if hasattr(block, "norm"):
            block.norm = nn.GroupNorm(2, block.conv.out_channels)
            block.relu = nn.ReLU()
    return model.train()


def milliseconds(step: Callable[[], None]) -> float:
    """The median of a few steps."""
    times = []
    for _ in range(STEPS):
        started = time.process_time()
        step()
        times.append(1000 * (time.process_time() - started))
    return statistics.median(times)


def main() -> None:
    """Print milliseconds of a step for each network, and the ratio to one after the other."""
    prepare(1)
    ways = {"one after the other": (1, one_step())}
    ways |= {f"{n} side by side, grouped": (n, side_by_side(n)) for n in SEEDS}
    ways["4 side by side, torch.func"] = (4, ensemble(4))
    rounds = [
        {name: milliseconds(step) / count for name, (count, step) in ways.items()}
        for _ in range(ROUNDS + 1)
    ][1:]
    print(f"{'':30}{'ms each':>9}{'ratio':>8}{'lowest':>8}{'highest':>9}")
    for name in ways:
        ratios = [found["one after the other"] / found[name] for found in rounds]
        each = statistics.median(found[name] for found in rounds)
        print(
            f"{name:30}{each:>9.1f}{statistics.median(ratios):>8.2f}{min(ratios):>8.2f}"
            f"{max(ratios):>9.2f}"
        )


if __name__ == "__main__":
    main()
