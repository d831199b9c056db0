"""SyncBatchNorm2d in half precision on two processes: batch norm of the whole batch, x's dtype."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from normviz.torch_layers import SyncBatchNorm2d

RANK = """
import sys, torch
from torch import distributed
from normviz.torch_layers import SyncBatchNorm2d
folder, rank = sys.argv[1], int(sys.argv[2])
distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
found = {}
for dtype in (torch.float16, torch.bfloat16):
    layer = SyncBatchNorm2d(3)
    x, dy = (part[3 * rank : 3 + 5 * rank].to(dtype) for part in torch.load(f"{folder}/x.pt"))
    y = layer(x.requires_grad_())
    y.backward(dy)
    found[str(dtype)] = (y.detach(), x.grad, layer.weight.grad, layer.running_var)
leaf = torch.ones(2, 3, 2, 2).mul_(torch.arange(4.0).reshape(2, 2)).requires_grad_()
(once,) = torch.autograd.grad(SyncBatchNorm2d(3)(leaf).square().sum(), leaf, create_graph=True)
try:
    once.sum().backward()
    found["twice"] = "no error"
except RuntimeError as error:
    found["twice"] = str(error)
for eps in (0.0, -1.0):
    try:
        SyncBatchNorm2d(3, eps=eps)(leaf)
        found[eps] = "no error"
    except ValueError as error:
        found[eps] = str(error)
if rank == 0:  # alone: nobody else would answer
    x = torch.load(f"{folder}/x.pt")[0]
    found["alone"] = SyncBatchNorm2d(3, track_running_stats=False).eval()(x)
torch.save(found, f"{folder}/{rank}.pt")
distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """x and dy of eight samples, and what each of two processes made of three and of five."""
    folder: Path = tmp_path_factory.mktemp("ranks")
    given = torch.randn(2, 8, 3, 4, 4, generator=torch.manual_seed(0))
    torch.save(given, folder / "x.pt")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", RANK, str(folder), str(rank)], env=environment)
        for rank in (0, 1)
    ]
    assert [process.wait(timeout=600) for process in started] == [0, 0]
    return given, [torch.load(folder / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_two_processes_in_half_precision_are_one_batch(ranks, dtype):
    (x, dy), found = ranks
    x, dy = (t.to(dtype).float() for t in (x, dy))
    layer = nn.BatchNorm2d(3)
    y = layer(x.requires_grad_())
    y.backward(dy)
    own = [part[str(dtype)] for part in found]
    close = {"rtol": 0.02, "atol": 0.02}
    for at, wanted in enumerate((y.detach(), x.grad)):
        parts = torch.cat([part[at] for part in own])
        assert parts.dtype == dtype
        torch.testing.assert_close(parts.float(), wanted, **close)
    weight = sum(part[2] for part in own)  # as DistributedDataParallel adds them up
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, layer.weight.grad, rtol=0.02, atol=0.2)
    for part in own:
        torch.testing.assert_close(part[3], layer.running_var, **close)


def test_a_second_derivative_over_processes_is_refused_and_not_zero(ranks):
    for part in ranks[1]:
        assert part["twice"].startswith("SyncBatchNorm2d over several processes has no second der")


@pytest.mark.parametrize("eps", [0.0, -1.0])
def test_an_eps_that_batch_norm_refuses_is_refused_over_processes_too(ranks, eps):
    for part in ranks[1]:
        assert part[eps] == f"eps must be positive, got {eps}: the usual value is 1e-5"
    with pytest.raises(ValueError, match="eps must be positive"):
        SyncBatchNorm2d(3, eps=eps)(torch.ones(2, 3, 2, 2))


def test_evaluation_is_batch_norm_on_each_process_also_without_running_statistics(ranks):
    (x, _), found = ranks
    plain = nn.BatchNorm2d(3, track_running_stats=False).eval()
    torch.testing.assert_close(found[0]["alone"], plain(x), rtol=0, atol=0)
