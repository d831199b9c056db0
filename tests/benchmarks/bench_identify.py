"""What identify takes, in seconds of the processor on one thread: the smaller of a few runs.

The goals are 0.2 s for layers of up to 100,000 elements and 3 s for (8, 64, 56, 56); the exit
status says whether all were met. What else the machine does counts little: it is processor time.

    python -m tests.benchmarks identify
"""

import sys
import time

import torch
from torch import nn

import normviz

RUNS = 3
MANY, GOAL, GOAL_OF_MANY = 100_000, 0.2, 3.0
IMAGES = (8, 64, 56, 56)
CASES = [
    (nn.LayerNorm(8), (3, 4, 8)),
    (nn.LayerNorm(768), (4, 32, 768)),
    (nn.LayerNorm(1000), (100, 1000)),
    (nn.RMSNorm(4096), (1, 24, 4096)),
    (nn.BatchNorm1d(100), (1000, 100)),
    (nn.BatchNorm2d(16), (8, 16, 28, 27)),
    (nn.BatchNorm2d(16).eval(), (8, 16, 28, 27)),
    (nn.GroupNorm(4, 16), (8, 16, 28, 27)),
    (nn.InstanceNorm2d(8), (4, 8, 56, 55)),
    (nn.BatchNorm2d(64), IMAGES),
    (nn.GroupNorm(8, 64), IMAGES),
    (nn.LayerNorm(IMAGES[1:]), IMAGES),
]


def taken(layer: nn.Module, x: torch.Tensor) -> float:
    """Seconds of the processor for one answer."""
    found = []
    for _ in range(RUNS):
        begun = time.process_time()
        assert normviz.identify(layer, x)
        found.append(time.process_time() - begun)
    return min(found)


def main() -> int:
    """Print a line for each layer; 1 where a goal is missed."""
    torch.set_num_threads(1)
    missed = 0
    for layer, shape in CASES:
        x = torch.randn(shape, generator=torch.manual_seed(0))
        goal = GOAL if x.numel() <= MANY else GOAL_OF_MANY
        seconds = taken(layer, x)
        missed += seconds > goal
        name = f"{type(layer).__name__} {'training' if layer.training else 'evaluation'}"
        print(f"{name:<26} {shape!s:<18} {seconds:6.3f} s of at most {goal} s")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
