import json

import pytest
import torch

from training.errors import TrainingError
from training.run import precision
from training.run.precision import choose


@pytest.fixture(params=[True, False], ids=["native", "emulated"])
def fast(request, monkeypatch):
    """What is fast on a processor with and without instructions for bfloat16."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: request.param)
    return "bfloat16" if request.param else "float32"


@pytest.fixture
def task(tmp_path):
    return tmp_path / "gn" / "seed-0"


def begin(task, name):
    task.mkdir(parents=True)
    (task / "config.json").write_text(json.dumps({"precision": name}))


@pytest.mark.parametrize("name", precision.PRECISIONS)
@pytest.mark.usefixtures("fast")
def test_what_is_asked_for_is_chosen(name, task):
    begin(task, "float32")
    assert choose(name, "cpu", "torch", task) == name


def test_auto_is_what_the_processor_does_fast(fast, task):
    assert choose("auto", "cpu", "torch", task) == fast
    assert choose("auto", "cuda", "torch", task) == "float32"


@pytest.mark.parametrize("name", precision.PRECISIONS)
@pytest.mark.usefixtures("fast")
def test_auto_goes_on_as_the_task_began(name, task):
    begin(task, name)
    other = {"float32": "bfloat16", "bfloat16": "float32"}[name]
    begin(task.parents[1] / "bn" / "seed-0", other)
    assert choose("auto", "cpu", "torch", task) == name


@pytest.mark.parametrize("name", precision.PRECISIONS)
@pytest.mark.usefixtures("fast")
def test_a_new_task_follows_the_others_of_its_run(name, task):
    for trial in ("bn", "ln"):
        begin(task.parents[1] / trial / "seed-0", name)
    damaged = task.parents[1] / "rms" / "seed-0"
    damaged.mkdir(parents=True)
    (damaged / "config.json").write_text("{")
    assert choose("auto", "cpu", "torch", task) == name


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '{"precision": "int8"}', "{}"])
def test_a_record_that_does_not_say_leaves_the_choice_to_the_processor(content, fast, task):
    task.mkdir(parents=True)
    (task / "config.json").write_text(content)
    assert choose("auto", "cpu", "torch", task) == fast


def test_others_that_do_not_agree_leave_it_to_the_processor(fast, task):
    for name in precision.PRECISIONS:
        begin(task.parents[1] / name / "seed-0", name)
    assert choose("auto", "cpu", "torch", task) == fast


@pytest.mark.usefixtures("fast")
def test_the_reference_has_float32_alone(task):
    begin(task.parents[1] / "bn" / "seed-0", "bfloat16")
    assert choose("auto", "cpu", "reference", task) == "float32"
    with pytest.raises(TrainingError, match="which NumPy does not have: use --precision float32"):
        choose("bfloat16", "cpu", "reference", task)
