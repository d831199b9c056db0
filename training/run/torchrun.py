"""One trial over several processes: `torchrun --nproc-per-node 2 -m training run bn`.

Every process goes through the same batches and takes its run of consecutive images of each;
gradients are averaged by DistributedDataParallel. So per-process BatchNorm is Ghost BatchNorm with
one split per process, and SyncBatchNorm2d is BatchNorm again, exactly: a test holds both to one
process, weights and buffers.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from normviz.torch_layers import SyncBatchNorm2d
from training.errors import TrainingError, first_line
from training.model.fast_norms import BatchNorm2d


def rank() -> int:
    """This process's number, from 0; 0 without torchrun."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def size() -> int:
    """How many processes train together; 1 without torchrun."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def join(device: str) -> None:
    """Meet the other processes that torchrun started; nothing without torchrun.

    Raises:
        TrainingError: when they cannot be met.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        return
    kind = torch.device(device).type
    try:
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        reason = first_line(error)
        raise TrainingError(f"the processes of torchrun cannot meet: {reason}") from error


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def shard(x: Tensor, y: Tensor, multiple: int = 1) -> tuple[Tensor, Tensor]:
    """This process's consecutive part of a batch, of the same length on each (the rest is cut).

    The length is a multiple of ``multiple``.

    >>> [len(part) for part in shard(torch.zeros(5, 1), torch.zeros(5), 2)]
    [4, 4]
    """
    length = len(y) // size() // multiple * multiple
    part = slice(rank() * length, (rank() + 1) * length)
    return x[part], y[part]


def distribute(model: nn.Module, synchronize: bool) -> nn.Module:
    """Return ``model`` as the module to call in training; on one process, itself.

    ``synchronize`` shares the statistics of its BatchNorm2d layers among the processes; otherwise
    each process normalizes by its own.
    """
    if size() == 1:
        return model
    if synchronize:
        _synchronize(model)
    # The running statistics are averaged at the end of an epoch instead: they move linearly, so
    # that is the same as averaging them at every step.
    return DistributedDataParallel(model, broadcast_buffers=False)


def _synchronize(module: nn.Module) -> None:
    """Replace every BatchNorm2d inside by a SyncBatchNorm2d with the same parameters."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d) and type(child) in (nn.BatchNorm2d, BatchNorm2d):
            shared = SyncBatchNorm2d(child.num_features, child.eps, child.momentum)
            shared.load_state_dict(child.state_dict())
            shared.weight, shared.bias = child.weight, child.bias
            setattr(module, name, shared.to(child.weight.device))
        else:
            _synchronize(child)


def average_buffers(model: nn.Module) -> None:
    """Give every process the mean of all processes' running statistics."""
    if size() == 1:
        return
    for buffer in model.buffers():
        if buffer.is_floating_point():
            distributed.all_reduce(buffer)
            buffer /= size()


def total(value: Tensor) -> Tensor:
    """The sum of ``value`` over the processes."""
    if size() > 1:
        distributed.all_reduce(value)
    return value


def share(value: Any = None) -> Any:
    """What process 0 passes, on every process."""
    if size() == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box)
    return box[0]
