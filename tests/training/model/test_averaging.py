"""Averaging over shifted views of the test images."""

import dataclasses
from typing import Any

import pytest
import torch

from training.data import load as data
from training.errors import TrainingError
from training.experiments.trials import find_trial
from training.model import evaluation_views as views
from training.run.one_network import Trainer


def test_a_view_moves_every_image_and_fills_with_black() -> None:
    images = torch.rand(3, 1, 5, 6)
    moved = views.shifted(images, 2, -1, fill=-0.5)
    assert torch.equal(moved[:, :, 2:, :-1], images[:, :, :-2, 1:])
    assert (moved[:, :, :2] == -0.5).all()
    assert (moved[:, :, :, -1] == -0.5).all()


def test_the_scores_are_the_logarithm_of_the_mean_probabilities() -> None:
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(30, 4), torch.nn.LogSoftmax(dim=1)
    )
    images = torch.rand(3, 1, 5, 6)
    found = views.log_probabilities(network, images, 5, fill=0.0).exp()
    each = [network(views.shifted(images, *shift, 0.0)).exp() for shift in views.SHIFTS]
    torch.testing.assert_close(found, sum(each) / 5)
    torch.testing.assert_close(found.sum(1), torch.ones(3))
    assert views.log_probabilities(network, images, 1, 0.0).equal(network(images))


def test_a_trainer_looks_as_often_as_its_trial_says(tiny: Any) -> None:
    config = dataclasses.replace(find_trial("bn"), views=5)
    five, one = (Trainer(c, tiny, 0) for c in (config, find_trial("bn")))
    black = data.normalize(torch.zeros(1, 1, 1, dtype=torch.uint8)).item()
    images = data.normalize(tiny.test_images)
    with torch.inference_mode():
        expected = views.log_probabilities(one.model.eval(), images, 5, black)
    torch.testing.assert_close(five.test_scores(), expected)
    assert not torch.allclose(one.test_scores(), expected)


def test_other_numbers_of_views_are_refused() -> None:
    with pytest.raises(TrainingError, match="views=3 is not one of 1"):
        dataclasses.replace(find_trial("bn"), views=3)
