import warnings
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.optim import lr_scheduler

from training.experiments.trials import find_trial
from training.run.schedules import learning_rate

STEPS = 7  # an epoch


def torch_rates(make, config, per_step):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], config.learning_rate)
    scheduler = make(optimizer)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no optimizer step is taken here
        for _epoch in range(config.epochs):
            for _step in range(STEPS):
                rates.append(optimizer.param_groups[0]["lr"])
                if per_step and len(rates) < config.epochs * STEPS:
                    scheduler.step()
            if not per_step:
                scheduler.step()
    return rates


def ours(config):
    return [learning_rate(config, step, STEPS) for step in range(config.epochs * STEPS)]


def test_recipe_a_lowers_the_rate_every_epoch_as_exponential_lr():
    config = find_trial("bn-l2")
    theirs = torch_rates(lambda o: lr_scheduler.ExponentialLR(o, config.gamma), config, False)
    assert ours(config) == pytest.approx(theirs)
    by_epoch = ours(config)[::STEPS]
    assert by_epoch[0] == 0.03
    assert all(later < earlier for earlier, later in pairwise(by_epoch))


def test_recipe_b_is_step_lr():
    config = find_trial("bn")
    theirs = torch_rates(lambda o: lr_scheduler.StepLR(o, 8, 0.01), config, False)
    assert ours(config) == pytest.approx(theirs)


@pytest.mark.parametrize("warmup", [0.2, 0.3])
def test_one_cycle_is_one_cycle_lr(warmup):
    config = replace(find_trial("bn"), schedule="onecycle", learning_rate=0.2, warmup=warmup)
    theirs = torch_rates(
        lambda o: lr_scheduler.OneCycleLR(
            o,
            0.2,
            total_steps=config.epochs * STEPS,
            pct_start=warmup,
            cycle_momentum=False,
            div_factor=10,
            final_div_factor=100,
        ),
        config,
        True,
    )
    assert ours(config) == pytest.approx(theirs)


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_cycle_of_very_few_steps_is_finite(epochs):
    config = replace(find_trial("best"), epochs=epochs)
    rates = [learning_rate(config, step, 1) for step in range(epochs)]
    assert all(0 < rate <= config.learning_rate for rate in rates)


@pytest.mark.parametrize("warmup", [0, 1 / 14, 0.3, 1])
def test_one_cycle_reaches_the_top_however_long_it_rises(warmup):
    """1 / 14 of two epochs of seven steps is one step, of which torch's own divides by 0."""
    rates = ours(replace(find_trial("best"), epochs=2, warmup=warmup))
    if warmup:
        assert max(rates) == pytest.approx(find_trial("best").learning_rate, rel=0.05)
    assert all(0 < rate < 1 for rate in rates)


@pytest.mark.parametrize("schedule", ["exponential", "step"])
def test_a_rate_that_grows_beyond_all_numbers_is_infinite(schedule):
    config = replace(find_trial("bn"), schedule=schedule, gamma=1e200, step_size=1)
    assert learning_rate(config, 2 * STEPS, STEPS) == float("inf")
