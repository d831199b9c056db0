import json

import pytest
import torch
from torch import nn

from training.data.load import normalize
from training.errors import TrainingError
from training.model.fast_norms import BatchNorm2d
from training.model.net import Net
from training.model.verification import layer_inputs, verify_layers
from training.report.page import write_report
from training.results.run_folder import read_run
from training.run.one_network import Trainer
from training.run.one_task import OneTask


@pytest.fixture(scope="module")
def batch(sample):
    return normalize(sample.train_images[:16])


def test_a_network_on_another_device_is_run_there(batch):
    """Dropout draws on the CPU and drops where x is: "meta" stands for others' GPU."""
    inputs = layer_inputs(Net(dropout_value=0.5).to("meta"), batch.to("meta"))
    assert [x.device.type for x in inputs.values()] == ["meta"] * 5


class Careless(nn.BatchNorm2d):
    """Normalizes by the unbiased variance, the usual mistake."""

    def forward(self, x):
        count = x.numel() / x.shape[1]
        return super().forward(x) * ((count - 1) / count) ** 0.5


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "ghost", "instance", "rms", "pixel"])
@pytest.mark.parametrize("backend", ["torch", "reference"])
def test_every_layer_of_the_network_is_verified(norm, backend, batch):
    reports = verify_layers(Net(norm=norm, backend=backend), batch)
    assert list(reports) == [f"block{i}.norm" for i in range(1, 6)]
    shapes = [r["input_shape"] for r in reports.values()]
    assert shapes == [[16, 8, 26, 26], [16, 16, 24, 24], [16, 12, 10, 10], [16, 14, 8, 8],
                      [16, 14, 8, 8]]  # fmt: skip
    for report in reports.values():
        assert report["report"]["passed"]
        compared = {d["tensor"] for d in report["report"]["differences"]}
        assert {"output", "grad_input", "grad_weight"} <= compared
        if norm in ("batch", "ghost"):
            assert {"running_mean", "running_var"} <= compared


def test_the_layout_and_the_precision_of_training_are_verified_too(batch):
    net = Net().to(memory_format=torch.channels_last)
    rounded = {"after_relu", "in_bfloat16"}
    for precision, more in (("float32", {"after_relu"}), ("bfloat16", rounded)):
        for report in verify_layers(net, batch, precision).values():
            kinds = report.keys() - {"layer", "input_shape"}
            assert kinds == {"report", "as_laid_out"} | more
            assert all(report[kind]["passed"] for kind in kinds)


def test_a_bias_behind_rms_norm_is_verified_too(batch):
    net = Net(norm="rms-beta").to(memory_format=torch.channels_last)
    for report in verify_layers(net, batch).values():
        assert report["as_laid_out"]["passed"]
        assert "grad_bias" in {d["tensor"] for d in report["after_relu"]["differences"]}
    with pytest.raises(ValueError, match="'rms-beta' has no layer of backend='reference'"):
        Net(norm="rms-beta", backend="reference")


class CarelessAfterReLU(BatchNorm2d):
    def step(self, x, relu=False, dropout=None):
        return super().step(x, relu, dropout) * (1.5 if relu else 1)


def test_a_layer_careless_only_as_its_block_calls_it_is_refused(batch):
    net = Net().to(memory_format=torch.channels_last)
    net.block2.norm = CarelessAfterReLU(16)
    with pytest.raises(TrainingError, match=r"refusing to train: layer block2\.norm"):
        verify_layers(net, batch)


class CarelessInBfloat16(BatchNorm2d):
    """Rounds to quarters."""

    def step(self, x, *arguments, **more):
        y = super().step(x, *arguments, **more)
        return (y * 4).round() / 4 if x.dtype == torch.bfloat16 else y


def test_a_layer_careless_in_bfloat16_alone_is_refused_there_alone(batch):
    net = Net().to(memory_format=torch.channels_last)
    net.block2.norm = CarelessInBfloat16(16)
    verify_layers(net, batch)
    with pytest.raises(
        TrainingError, match=r"block2\.norm .* at input shape .* allowed in bfloat16"
    ):
        verify_layers(net, batch, "bfloat16")


def test_no_normalization_nothing_to_verify(batch):
    assert verify_layers(Net(norm="none"), batch) == {}


def test_a_careless_layer_is_refused_by_name(batch):
    net = Net()
    net.block3.norm = Careless(12)
    with pytest.raises(TrainingError, match=r"refusing to train: layer block3\.norm \(Careless"):
        verify_layers(net, batch)


def test_a_trial_with_a_careless_layer_never_takes_a_step(make_task, use_tiny, monkeypatch):
    monkeypatch.setattr("training.model.norms.BatchNorm2d", Careless)
    steps = []
    monkeypatch.setattr("training.run.one_network.Trainer.train_step", lambda *_: steps.append(1))
    task = make_task("bn")
    with pytest.raises(
        TrainingError, match=r"layer block1.norm .*: [a-z_0-9 ]+ by .* is allowed in float32"
    ):
        OneTask(task).run()
    assert steps == []
    assert not (task.folder / "checkpoint.pt").exists()
    kept = json.loads((task.folder / "config.json").read_text())["verification"]
    assert list(kept) == [f"block{i}.norm" for i in range(1, 6)]
    assert not kept["block1.norm"]["report"]["passed"]
    run = read_run(task.run_folder)
    assert "refusing to train" in run.results[0].status


def test_verifying_leaves_the_network_as_it_was(batch):
    net = Net(norm="ghost")
    before = {k: v.clone() for k, v in net.state_dict().items()}
    verify_layers(net, batch)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert all(layer.generator is None for layer in net.dropout_layers())


def test_the_batch_is_that_of_the_first_training_step(make_task, use_tiny, monkeypatch):
    seen = []
    check, step = verify_layers, Trainer.train_step

    def checking(model, x, precision):
        seen.append(x)
        return check(model, x, precision)

    def stepping(trainer, x, y):
        seen.append(x)
        return step(trainer, x, y)

    monkeypatch.setattr("training.run.one_task.verify_layers", checking)
    monkeypatch.setattr(Trainer, "train_step", stepping)
    OneTask(make_task("bn", epochs=1)).run()
    assert len(seen) > 2
    assert torch.equal(seen[0], seen[1])


class NotANumber(nn.BatchNorm2d):
    """Gives what no comparison can hold."""

    def forward(self, x):
        return super().forward(x) * float("nan")


def test_a_layer_that_gives_no_numbers_is_refused_and_reported(make_task, use_tiny, monkeypatch):
    monkeypatch.setattr("training.model.norms.BatchNorm2d", NotANumber)
    task = make_task("bn")
    with pytest.raises(TrainingError, match=r"refusing to train: layer block1\.norm"):
        OneTask(task).run()
    run = read_run(task.run_folder)
    assert "refusing to train" in run.results[0].status
    write_report(run)
    assert "refusing to train" in (task.run_folder / "report.html").read_text()
