"""The rivals: how a tutorial trains a trial, and how a careful user of torch does.

Nothing of either is ours but the network's topology.

A DataLoader over torchvision.datasets.MNIST with RandomRotation, ToTensor and Normalize, in the
main process, torch's own layers and optimizers with their defaults. Only Ghost BatchNorm is
normviz's own module: torch has none.
"""

import functools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import datasets, transforms

from normviz import torch_layers
from training.data import load as data
from training.data.datasets import MNIST
from training.data.load import IDX_DIMENSIONS, Digits
from training.experiments.config import TrialConfig
from training.model.dropout import SparseDropout
from training.model.fast_norms import BatchNorm2d, GhostBatchNorm2d, GroupNorm
from training.run.one_network import build_model


@functools.cache
def dataset(folder: str, rotation: float) -> datasets.MNIST:
    """Training digits in ``folder``, rotated within plus and minus so many degrees."""
    steps = [
        transforms.RandomRotation((-rotation, rotation), fill=(0,)),
        transforms.ToTensor(),
        transforms.Normalize((data.MEAN,), (data.STD,)),
    ]
    return datasets.MNIST(folder, train=True, transform=transforms.Compose(steps))


class Plain:
    """The plain way of training ``config``."""

    def __init__(
        self, config: TrialConfig, folder: str, seed: int = 0, with_loader: bool = True
    ) -> None:
        torch.manual_seed(seed)
        self.config = config
        if with_loader:
            self.loader = torch.utils.data.DataLoader(
                dataset(folder, config.rotation),
                batch_size=config.batch_size,
                shuffle=True,
                num_workers=0,
                drop_last=config.norm == "ghost",  # its splits must be of one size
            )
        self.model = with_plain_layers(build_model(config, seed))
        parameters, lr, decay = self.model.parameters(), config.learning_rate, config.weight_decay
        self.optimizer: torch.optim.Optimizer
        if config.optimizer == "adam":
            self.optimizer = torch.optim.Adam(parameters, lr=lr, weight_decay=decay)
        else:
            self.optimizer = torch.optim.SGD(
                parameters, lr=lr, momentum=config.momentum, weight_decay=decay
            )

    def step(self, x: Tensor, y: Tensor) -> None:
        """One step as every tutorial writes it."""
        self.optimizer.zero_grad()
        loss = F.nll_loss(self.model(x), y) + self.penalty()
        loss.backward()
        self.optimizer.step()

    def penalty(self) -> Tensor | float:
        """The L1 penalty as tutorials and as the published loop write it."""
        strength, accumulated = self.config.l1, self.config.l1_form == "accumulated"
        if not strength:
            return 0.0
        norms = [p.abs().sum() for p in self.model.parameters()]
        if not accumulated:
            return strength * sum(norms)
        running, penalty = torch.zeros(()), torch.zeros(())
        for norm in norms:
            running = running + norm
            penalty = penalty + strength * running
        return penalty


class Careful(Plain):
    """What a careful user of torch writes: images in memory, moved by the batch, channels last."""

    def __init__(self, config: TrialConfig, digits: Digits, seed: int = 0) -> None:
        super().__init__(config, "", seed, with_loader=False)
        self.model = self.model.to(memory_format=torch.channels_last)
        images = digits.train_images.unsqueeze(1).float() / 255
        self.images = ((images - digits.mean) / digits.std, digits.train_labels)
        self.black = -digits.mean / digits.std

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch."""
        images, labels = self.images
        order = torch.randperm(len(labels))
        size = self.config.batch_size
        for start in range(0, len(order) - size + 1, size):
            part = order[start : start + size]
            yield self.rotated(images[part]), labels[part]

    def rotated(self, images: Tensor) -> Tensor:
        """Every image by its own angle, black from outside."""
        limit = math.radians(self.config.rotation)
        angles = (torch.rand(len(images)) * 2 - 1) * limit
        cos, sin, zero = angles.cos(), angles.sin(), torch.zeros(len(images))
        turn = torch.stack((cos, -sin, zero, sin, cos, zero), 1).view(-1, 2, 3)
        grid = F.affine_grid(turn, list(images.shape), align_corners=False)
        moved = F.grid_sample(images - self.black, grid, "nearest", align_corners=False)
        return (moved + self.black).contiguous(memory_format=torch.channels_last)


def with_plain_layers(model: nn.Module) -> nn.Module:
    """The network with torch's own dropout and normalization layers."""
    for name, child in model.named_children():
        if isinstance(child, SparseDropout):
            setattr(model, name, nn.Dropout(child.p))
        elif isinstance(child, GhostBatchNorm2d):
            plain = torch_layers.GhostBatchNorm2d(child.num_features, child.num_splits)
            setattr(model, name, plain)
        elif isinstance(child, BatchNorm2d):
            setattr(model, name, nn.BatchNorm2d(child.num_features))
        elif isinstance(child, GroupNorm):
            setattr(model, name, nn.GroupNorm(child.num_groups, child.num_channels))
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
