import json

import pytest
import torch

from training import precision
from training.errors import TrainingError
from training.precision import choose


@pytest.fixture(params=[True, False], ids=["native", "emulated"])
def processor(request, monkeypatch):
    """Whether the processor has instructions for bfloat16."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: request.param)
    return request.param


def begin(folder, *precisions):
    for number, name in enumerate(precisions):
        task = folder / "bn" / f"seed-{number}"
        task.mkdir(parents=True)
        (task / "config.json").write_text(
            name if name in "{[]" else json.dumps({"precision": name})
        )


@pytest.mark.parametrize("name", precision.PRECISIONS)
def test_what_is_asked_for_is_chosen(name, processor, tmp_path):
    begin(tmp_path, "float32")
    assert choose(name, "cpu", "torch", tmp_path) == name


def test_auto_is_what_the_processor_does_fast(processor, tmp_path):
    fast = "bfloat16" if processor else "float32"
    assert choose("auto", "cpu", "torch", tmp_path) == fast
    assert choose("auto", "cuda", "torch", tmp_path) == "float32"
    assert choose("auto", "cpu", "reference", tmp_path) == "float32"


@pytest.mark.parametrize("name", precision.PRECISIONS)
@pytest.mark.usefixtures("processor")
def test_auto_goes_on_as_the_run_began(name, tmp_path):
    begin(tmp_path, name, name)
    assert choose("auto", "cpu", "torch", tmp_path) == name


@pytest.mark.parametrize("begun", [("float32", "bfloat16"), ("{",), ("[]",), ("int8",)])
def test_a_run_that_does_not_say_leaves_the_choice_to_the_processor(begun, processor, tmp_path):
    begin(tmp_path, *begun)
    assert choose("auto", "cpu", "torch", tmp_path) == ("bfloat16" if processor else "float32")


def test_the_reference_refuses_bfloat16(tmp_path):
    with pytest.raises(TrainingError, match="which NumPy does not have: use --precision float32"):
        choose("bfloat16", "cpu", "reference", tmp_path)
