"""One trial over several processes: what normalization becomes, exactly."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import multiprocessing, nn

from training.data.load import Digits
from training.experiments.trials import find_trial
from training.run import torchrun as parallel
from training.run.one_network import Trainer


def digits_of(count: int) -> Digits:
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 28, 28), generator=draw, dtype=torch.uint8)
    labels = torch.randint(0, 10, (count,), generator=draw)
    return Digits("random digits", "none", images, labels, images[:5], labels[:5])


def train(norm: str, processes: int, synchronize: bool) -> dict[str, torch.Tensor]:
    """Three optimizer steps in float64 with plain SGD, and a smaller last batch."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    config = replace(
        find_trial("bn"), norm=norm, num_splits=processes, batch_size=8, dropout_value=0.0
    )
    trainer = Trainer(config, digits_of(20))
    trainer.model.double()
    trainer.distribute(synchronize)
    generator = torch.Generator().manual_seed(1)
    for length in (8, 8, 4):
        x = torch.rand(length, 1, 28, 28, generator=generator)
        y = torch.randint(0, 10, (length,), generator=generator)
        trainer.train_step(*parallel.shard(x, y))
    parallel.average_buffers(trainer.model)
    return trainer.model.state_dict()


def worker(rank: int, processes: int, folder: str) -> None:
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": (Path(folder) / "port").read_text(),
    }
    parallel.join("cpu")
    states = {kind: train("batch", processes, kind == "shared") for kind in ("own", "shared")}
    torch.save(states, Path(folder) / f"states-{rank}.pt")
    parallel.leave()


def start(function, arguments, processes: int) -> None:
    """Run ``function(rank, *arguments)`` in processes that share one import of torch."""
    multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    multiprocessing.start_processes(
        function, arguments, nprocs=processes, start_method="forkserver"
    )


@pytest.fixture(scope="module", params=[2, 4], ids="{} processes".format)
def together(request, tmp_path_factory) -> list[dict[str, dict[str, torch.Tensor]]]:
    """What each process ends with, for its own statistics and for shared ones."""
    folder = tmp_path_factory.mktemp("together")
    (folder / "port").write_text(str(free_port()))
    start(worker, (request.param, str(folder)), request.param)
    return [torch.load(folder / f"states-{rank}.pt") for rank in range(request.param)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def _default_dtype():
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("statistics", "norm"),
    [("own", "ghost"), ("shared", "batch")],
    ids=["own statistics = Ghost BatchNorm", "shared statistics = BatchNorm"],
)
def test_processes_equal_one_process(together, statistics, norm):
    alone = train(norm, len(together), synchronize=False)
    other = train("batch" if norm == "ghost" else "ghost", len(together), synchronize=False)
    for states in together:
        state = states[statistics]
        assert state.keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close(state[name], value, rtol=1e-8, atol=1e-8, msg=name)
    weight = "classify.weight"
    assert not torch.allclose(together[0][statistics][weight], other[weight], atol=1e-6)


def test_only_batch_norm_is_synchronized():
    model = nn.Sequential(nn.BatchNorm2d(2), nn.Sequential(nn.GroupNorm(1, 2), nn.BatchNorm2d(2)))
    weight = model[0].weight
    parallel._synchronize(model)
    kinds = [type(m).__name__ for m in (model[0], model[1][0], model[1][1])]
    assert kinds == ["SyncBatchNorm2d", "GroupNorm", "SyncBatchNorm2d"]
    assert model[0].weight is weight
