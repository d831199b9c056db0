import math

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as torchvision_functional

from training.data.augment import (
    Movements,
    draw,
    matrices,
    move,
    warp,
)
from training.experiments.trials import find_trial


@pytest.fixture(scope="module")
def images(sample):
    return sample.train_images[:60].unsqueeze(1).float()


@pytest.fixture(scope="module")
def angles():
    return draw(60, find_trial("bn"), torch.Generator().manual_seed(0)).angles


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_rotation_is_torchvisions_own(images, angles, interpolation):
    ours = move(images, Movements(angles), interpolation)
    mode = InterpolationMode(interpolation)
    pairs = zip(images, angles, strict=True)
    theirs = torch.stack([torchvision_functional.rotate(x, float(a), mode) for x, a in pairs])
    # A nearest pixel may be another one where two are as near, to float32's last bit.
    assert ((ours - theirs).abs() > 2e-3).sum() <= 3
    assert (ours != images).any(dim=(1, 2, 3)).float().mean() > 0.5


def test_rotation_is_that_of_the_pil_image_too(images, angles):
    """What RandomRotation does in the rival's loader; a pixel may differ where two are as near."""
    ours = move(images, Movements(angles))
    same = []
    for image, angle, rotated in zip(images, angles, ours, strict=True):
        pil = Image.fromarray(image[0].numpy().astype(np.uint8))
        theirs = torch.from_numpy(np.array(torchvision_functional.rotate(pil, float(angle))))
        same.append((rotated[0] == theirs).float().mean())
    assert torch.stack(same).mean() > 0.999


def test_shift_moves_right_and_down_and_brings_in_black():
    dot = torch.zeros(1, 1, 5, 5)
    dot[0, 0, 2, 2] = 1
    moved = move(dot, Movements(torch.zeros(1), torch.tensor([[1.0, 2.0]])))
    assert moved.nonzero().tolist() == [[0, 0, 4, 3]]
    gone = move(dot, Movements(torch.zeros(1), torch.tensor([[3.0, 0.0]])))
    assert gone.sum() == 0


def test_rotation_comes_before_the_shift():
    """A dot right of the center, turned by 90 degrees counter-clockwise, is above it; then down."""
    dot = torch.zeros(1, 1, 5, 5)
    dot[0, 0, 2, 4] = 1
    moved = move(dot, Movements(torch.tensor([90.0]), torch.tensor([[0.0, 1.0]])))
    assert moved.nonzero().tolist() == [[0, 0, 1, 2]]


def test_images_that_are_not_square():
    image = torch.rand(1, 1, 6, 10)
    theirs = torchvision_functional.rotate(image, 30.0)
    assert (move(image, Movements(torch.tensor([30.0]))) == theirs).float().mean() > 0.95


def test_scale_magnifies_and_shear_slants():
    bar = torch.zeros(1, 1, 9, 9)
    bar[0, 0, 3:6, 4] = 1
    double = move(bar, Movements(torch.zeros(1), log_scales=torch.tensor([math.log(2)])))
    assert double[0, 0, :, 4].sum() in (5, 6, 7)
    slanted = move(bar, Movements(torch.zeros(1), shears=torch.tensor([1.0])))
    assert slanted.nonzero()[:, 2:].tolist() == [[3, 5], [4, 4], [5, 3]]


def test_parts_of_a_batch_are_moved_as_in_the_whole(images):
    how = matrices(draw(60, find_trial("best"), torch.Generator().manual_seed(0)))
    whole = warp(images, how, "bilinear")
    assert torch.equal(warp(images[20:30], how[20:30], "bilinear"), whole[20:30])


def test_angles_fill_their_range():
    config = find_trial("bn")
    values = draw(10_000, config, torch.Generator().manual_seed(0)).angles
    assert -7 <= values.min() < -6.9
    assert 6.9 < values.max() <= 7
    assert abs(values.mean()) < 3 * 7 / math.sqrt(3 * 10_000)
