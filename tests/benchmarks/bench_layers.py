"""The NumPy reference beside torch's own CPU layers: one thread each, float32, in one run.

Forward and backward alternate between the two, and the fastest of several rounds of each counts.
Peak memory is what the reference allocates beyond its input and its output, in units of the input.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import time  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any, NamedTuple  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

import normviz  # noqa: E402
from normviz import NORMS  # noqa: E402
from tests.reference.oracle import torch_function  # noqa: E402

ROUNDS = 15
SHAPES = ((32, 64, 56, 56), (64, 16, 26, 26))
SMALL = ((512, 16), (32, 16, 8, 8), (8, 3, 32, 32))
"""For pixel_norm alone: where the time of NumPy's calls and the memory of statistics show most."""

SPLITS = 4
BOUND = 2.0
"""What pixel_norm may take of torch's forward time, and of its input's memory."""


class Row(NamedTuple):
    """One row: milliseconds of ours and of torch's, forward and backward, and the peak memory."""

    forward: tuple[float, float]
    backward: tuple[float, float]
    memory: float

    def __str__(self) -> str:
        (f, torch_f), (b, torch_b) = self.forward, self.backward
        return (
            f"{f:8.2f} {torch_f:8.2f} {f / torch_f:7.2f}"
            f"{b:10.2f} {torch_b:8.2f} {b / torch_b:7.2f}{self.memory:9.2f}"
        )


def alternate(
    ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int
) -> tuple[float, float]:
    """The fastest of several rounds of each, in milliseconds, taken in turn."""
    best = [float("inf"), float("inf")]
    for _ in range(rounds):
        for i, run in enumerate((ours, theirs)):
            start = time.perf_counter()
            run()
            best[i] = min(best[i], 1e3 * (time.perf_counter() - start))
    return best[0], best[1]


def peak(run: Callable[[], Any], size: int) -> float:
    """Peak memory of a call beyond what it returns, in units of ``size`` bytes."""
    tracemalloc.start()
    run()
    beyond = tracemalloc.get_traced_memory()[1] - size
    tracemalloc.stop()
    return beyond / size


def measure(op: str, shape: tuple[int, ...], affine: bool) -> Row:
    """One row of the table: times and ratios, forward and backward."""
    rng = np.random.default_rng(0)
    x, grad = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
    norm, rest = NORMS[op], shape[1:]
    sizes = {"normalized_shape": rest, "num_groups": shape[1] // 4, "num_splits": SPLITS}
    arguments: dict[str, Any] = {n: size for n, size in sizes.items() if norm.takes(n)}
    if norm.buffers:
        arguments[norm.flag] = True
    names = ["weight", *["bias"] * norm.bias] if affine else []
    size = rest if norm.takes("normalized_shape") else shape[1:2]
    parameters = {n: rng.standard_normal(size, dtype=np.float32) for n in names}
    forward = partial(getattr(normviz, op), x, **arguments, **parameters)
    backward = partial(getattr(normviz, f"{op}_backward"), grad, x, **arguments, **parameters)
    tensors = {n: torch.from_numpy(p).requires_grad_() for n, p in parameters.items()}
    tx, tgrad = torch.from_numpy(x).requires_grad_(), torch.from_numpy(grad)
    layer = partial(torch_function, op, tx, arguments | tensors)
    graph = layer()

    def torch_forward() -> None:
        with torch.no_grad():
            layer()

    def torch_backward() -> None:
        torch.autograd.grad(graph, [tx, *tensors.values()], tgrad, retain_graph=True)

    rounds = ROUNDS if shape in SHAPES else 20 * ROUNDS  # of what takes no longer than a glance
    f = alternate(forward, torch_forward, rounds)
    b = alternate(backward, torch_backward, rounds)
    memory = max(peak(forward, x.nbytes), peak(backward, x.nbytes))
    return Row(f, b, memory)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    rows: dict[tuple[str, tuple[int, ...], str], Row] = {}
    for shape in (*SHAPES, *SMALL):
        print(f"x {shape} float32, one thread; times in ms, the best of rounds taken in turn")
        print(
            f"{'':<25}{'forward':>7} {'torch':>8} {'ratio':>7}{'backward':>11} {'torch':>7}"
            f" {'ratio':>7}{'memory':>9}"
        )
        for op in NORMS if shape in SHAPES else ("pixel_norm",):
            for kind in ("plain", "affine"):
                row = rows[op, shape, kind] = measure(op, shape, kind == "affine")
                print(f"{op:<17} {kind:<7}{row}", flush=True)
    print("memory: peak beyond input and output, in units of the input")
    pixel = [row for (op, _, _), row in rows.items() if op == "pixel_norm"]
    slowest = max(row.forward[0] / row.forward[1] for row in pixel)
    largest = max(row.memory for row in pixel)
    print(
        f"pixel_norm: forward at most {slowest:.2f} times torch's, memory at most {largest:.2f} "
        f"times the input; {'within' if max(slowest, largest) <= BOUND else 'BEYOND'} {BOUND:g}"
    )


if __name__ == "__main__":
    main()
