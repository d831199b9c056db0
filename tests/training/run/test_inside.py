"""What is recorded inside the network: right numbers, and the network as it was."""

import copy
import functools
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from training.data import load as data
from training.errors import TrainingError
from training.experiments.trials import find_trial
from training.record.checkpoint import kept
from training.record.inside import read_inside, write_inside
from training.run.inside import closing_measures, look_inside
from training.run.one_network import Trainer
from training.run.one_task import OneTask


@pytest.fixture
def trainer(tiny):
    return Trainer(find_trial("bn"), tiny)


WITH_WEIGHTS = ["block1", "block2", "squeeze", "block3", "block4", "block5", "classify"]


def test_a_row_for_each_layer_with_weights_and_the_network_stays_as_it_was(trainer):
    trainer.model.train()
    before = copy.deepcopy(trainer.model.state_dict())
    rows = look_inside(trainer, 1)
    assert [row.layer for row in rows] == WITH_WEIGHTS
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(p.grad is None for p in trainer.model.parameters())


def test_the_numbers_are_those_of_a_step_by_hand(tiny):
    config = replace(find_trial("bn"), dropout_value=0.0)
    trainer = Trainer(config, tiny)
    x, y = next(data.get_iterator(tiny, config, 0, 1))
    model = copy.deepcopy(trainer.model).train()
    entered = F.relu(model.block1.conv(x))
    first = look_inside(trainer, 1)[0]
    assert first.input_mean == pytest.approx(entered.mean().item(), rel=1e-4)
    assert first.input_spread == pytest.approx(entered.std().item(), rel=1e-4)
    assert first.dead == pytest.approx(1 - (entered > 0).any(0).float().mean().item())
    away = entered.mean((0, 2, 3)) / entered.std((0, 2, 3)).clamp_min(1e-12)  # from 0, at first
    assert first.stale == pytest.approx(away.square().mean().sqrt().item(), rel=1e-3)
    apart = -entered.var((0, 2, 3)).clamp_min(1e-24).log()  # from 1, at first
    assert first.stale_variance == pytest.approx(apart.square().mean().sqrt().item(), rel=1e-3)
    F.nll_loss(model(x), y).backward()
    assert first.gradient_norm == pytest.approx(
        model.block1.conv.weight.grad.norm().item(), rel=1e-3
    )


def test_a_convolution_alone_has_its_weights_and_gradients_and_nothing_else(tiny):
    config = replace(find_trial("bn"), dropout_value=0.0)
    trainer = Trainer(config, tiny)
    x, y = next(data.get_iterator(tiny, config, 0, 1))
    model = copy.deepcopy(trainer.model).train()
    F.nll_loss(model(x), y).backward()
    rows = {row.layer: row for row in look_inside(trainer, 1)}
    for name in ("squeeze", "classify"):
        row, weight = rows[name], getattr(model, name).weight
        assert row.weight_norm == pytest.approx(weight.norm().item())
        assert row.gradient_norm == pytest.approx(weight.grad.norm().item(), rel=1e-3)
        others = (row.input_mean, row.input_spread, row.stale, row.stale_variance, row.dead)
        assert others == (None,) * 5


def test_a_block_without_a_relu_has_none_that_are_dead(tiny):
    trainer = Trainer(replace(find_trial("bn"), block="conv norm"), tiny)
    assert {row.dead for row in look_inside(trainer, 1)} == {None}


def test_a_study_measures_the_weights_of_blocks_alone(trainer):
    blocks = [getattr(trainer.model, name) for name in WITH_WEIGHTS if "block" in name]
    logs = torch.stack([block.conv.weight.norm().log() for block in blocks])
    found = closing_measures(trainer, recount=False)["weight_norm"]
    assert found == pytest.approx(logs.mean().exp().item())


def test_without_a_norm_it_is_what_would_enter_one(tiny):
    config = replace(find_trial("none"), dropout_value=0.0)
    trainer = Trainer(config, tiny)
    x, _ = next(data.get_iterator(tiny, config, 0, 1))
    first, *others = look_inside(trainer, 1)
    assert first.input_mean == pytest.approx(F.relu(trainer.model.block1.conv(x)).mean().item())
    assert {(row.stale, row.stale_variance) for row in (first, *others)} == {(None, None)}


def test_records_read_back_and_damaged_ones_are_refused(trainer, tmp_path):
    rows = look_inside(trainer, 1) + look_inside(trainer, 2)
    write_inside(tmp_path / "inside.csv", rows)
    found = read_inside(tmp_path / "inside.csv")
    assert [(r.epoch, r.layer, r.dead is None) for r in found] == [
        (r.epoch, r.layer, "block" not in r.layer) for r in rows
    ]
    assert len(read_inside(tmp_path / "inside.csv", epochs=1)) == len(WITH_WEIGHTS)
    header, *lines = (tmp_path / "inside.csv").read_text().splitlines()
    assert header.endswith(",stale_variance")
    older = "\n".join(line.rpartition(",")[0] for line in (header, *lines))
    (tmp_path / "inside.csv").write_text(older)
    assert {r.stale_variance for r in read_inside(tmp_path / "inside.csv")} == {None}
    (tmp_path / "inside.csv").write_text("epoch,layer\n1,block1\n")
    with pytest.raises(TrainingError, match="is damaged"):
        read_inside(tmp_path / "inside.csv")


@pytest.mark.usefixtures("use_tiny")
def test_a_task_keeps_a_record_unless_told_not_to(make_task):
    task = make_task("bn", epochs=1)
    OneTask(task).run()
    assert len(read_inside(task.folder / "inside.csv")) == len(WITH_WEIGHTS)
    assert list(kept(task.folder)) == [1]
    quiet = make_task("bn", seed=1, epochs=1)
    quiet = replace(quiet, settings=replace(quiet.settings, record=False))
    OneTask(quiet).run()
    assert not (quiet.folder / "inside.csv").exists()
    assert not kept(quiet.folder)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("bn", {"layers": ("squeeze 8", "pool", "pool"), "average": 7}),
        ("instance", {}),
        ("none", {}),
    ],
    ids=["no block", "no buffers", "no norm"],
)
def test_what_a_network_does_not_have_is_not_measured(tiny, name, changes):
    trainer = Trainer(replace(find_trial(name), **changes), tiny)
    measured = closing_measures(trainer, recount=True)
    assert measured.keys() == (set() if changes else {"weight_norm"})


def test_weights_of_nothing_have_no_mean_norm(trainer):
    torch.nn.init.zeros_(trainer.model.block2.conv.weight)
    assert closing_measures(trainer, recount=False) == {}


def test_statistics_are_counted_anew_also_of_less_than_a_batch(tiny):
    trainer = Trainer(replace(find_trial("bn"), batch_size=512), tiny)
    untrained = trainer.error_of(trainer.model)
    assert closing_measures(trainer, recount=True)["error_recounted"] != untrained


def test_statistics_counted_anew_are_those_of_the_training_images(trainer):
    trainer.train_epoch(1)
    found = closing_measures(trainer, recount=True)
    assert found["weight_norm"] > 0
    assert found["error_recounted"] == pytest.approx(error_by_hand(trainer))
    assert "error_recounted" not in closing_measures(trainer, recount=False)


def error_by_hand(trainer):
    """The test error with the mean over the batches of what each norm normalized by."""
    model = copy.deepcopy(trainer.model).eval()
    norms = list(model.norm_layers().values())
    digits, size = trainer.digits, trainer.config.batch_size
    moments = {norm: [] for norm in norms}
    for norm in norms:
        norm.forward = functools.partial(by_its_batch, norm, moments[norm])
    with torch.no_grad():
        for images in digits.train_images.split(size):
            model(data.normalize(images, digits.mean, digits.std))
    for norm in norms:
        del norm.forward
        means, variances = zip(*moments[norm], strict=True)
        norm.running_mean.copy_(torch.stack(means).mean(0))
        norm.running_var.copy_(torch.stack(variances).mean(0))
    return trainer.error_of(model)


def by_its_batch(norm, found, x):
    found.append((x.mean((0, 2, 3)), x.var((0, 2, 3))))
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
