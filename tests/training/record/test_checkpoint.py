import pickle

import pytest
import torch

from training.errors import TrainingError
from training.record import checkpoint

SETTINGS = {"trial": "bn", "seed": 0, "epochs": 20}
ROW = [1, 0.1, 0.2, 93.0, 0.05, 98.5, 2.0, 30000.0]


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "checkpoint.pt"
    state = {"model": {"w": torch.arange(2000.0)}, "optimizer": {}, "history": [ROW]}
    checkpoint.save(path, {"settings": SETTINGS, "epoch": 1, **state})
    return path


def test_round_trip(saved):
    state = checkpoint.load(saved, SETTINGS)
    assert state["epoch"] == 1
    assert state["history"] == [ROW]
    assert torch.equal(state["model"]["w"], torch.arange(2000.0))


def test_it_loads_with_weights_only(saved):
    assert set(torch.load(saved, weights_only=True)) == checkpoint.KEYS


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_truncated_file_is_damaged(saved, keep):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(keep * len(content)) if keep == 0.5 else keep])
    with pytest.raises(TrainingError, match=r"checkpoint\.pt is damaged"):
        checkpoint.load(saved, SETTINGS)


def test_one_flipped_bit_in_a_weight_is_damage(saved):
    content = bytearray(saved.read_bytes())
    place = content.find(torch.arange(2000.0).numpy().tobytes()[4000:4016])
    assert place > 0
    content[place] ^= 1
    saved.write_bytes(content)
    with pytest.raises(TrainingError, match="a checksum is wrong"):
        checkpoint.load(saved, SETTINGS)


def test_another_run_is_named_by_its_first_difference(saved):
    with pytest.raises(TrainingError, match=r"run with epochs=20, this one has epochs=3"):
        checkpoint.load(saved, {**SETTINGS, "epochs": 3})


def test_a_field_that_another_version_did_not_know_was_as_its_default(saved):
    checkpoint.load(saved, {**SETTINGS, "views": 1})
    with pytest.raises(TrainingError, match="run with views=1, this one has views=5"):
        checkpoint.load(saved, {**SETTINGS, "views": 5})
    with pytest.raises(TrainingError, match="run with no setting mood, this one has mood=1"):
        checkpoint.load(saved, {**SETTINGS, "mood": 1})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "is not a checkpoint of this program"),
        ([1, 2], "is not a checkpoint of this program"),
        ({"format": 1, "settings": None}, "is not a checkpoint of this program"),
        ({"format": 0, "settings": SETTINGS}, "has checkpoint format 0, this program reads"),
    ],
)
def test_foreign_and_older_files_are_refused(tmp_path, content, message):
    path = tmp_path / "checkpoint.pt"
    torch.save(content, path)
    with pytest.raises(TrainingError, match=message):
        checkpoint.load(path, SETTINGS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"epoch": 2}, "its history is not that of 2 epochs"),
        ({"epoch": -1}, "its history is not that of -1 epochs"),
        ({"epoch": "one"}, "its history is not that of 'one' epochs"),
        ({"history": None}, "its history is not that of 1 epochs"),
        ({"history": [[1, 2]]}, "its history is not that of 1 epochs"),
        ({"history": [1]}, "its history is not that of 1 epochs"),
        ({"model": None}, "it holds no state of model and optimizer"),
    ],
)
def test_contents_that_do_not_fit_together_are_damage(saved, change, reason):
    state = torch.load(saved, weights_only=True)
    torch.save(state | change, saved)
    with pytest.raises(TrainingError, match=rf"damaged \({reason}\); remove it to train"):
        checkpoint.load(saved, SETTINGS)


@pytest.mark.parametrize("part", ["model", "optimizer"])
def test_the_state_of_another_network_is_refused_in_one_line(tmp_path, part):
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def take(state):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])

    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), part: {}}
    with pytest.raises(TrainingError, match=r"its weights do not fit: .*; remove it") as refused:
        checkpoint.restore(tmp_path / "checkpoint.pt", state, take)
    assert "\n" not in str(refused.value)
    assert "\t" not in str(refused.value)


class Trap:
    def __reduce__(self):
        return (open, ("trapped", "w"))


def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "settings": Trap()}, path)
    with pytest.raises(TrainingError, match="holds more than tensors and plain values") as refused:
        checkpoint.load(path, SETTINGS)
    assert "weights_only" not in str(refused.value)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(TrainingError, match="is damaged"):
        checkpoint.load(path, SETTINGS)
    assert not (tmp_path / "trapped").exists()


def test_a_full_disk_keeps_the_checkpoint_there_was(saved, monkeypatch):
    before = saved.read_bytes()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match=r"cannot write .*checkpoint\.pt: No space left"):
        checkpoint.save(saved, {"settings": SETTINGS, "epoch": 2})
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["checkpoint.pt"]
