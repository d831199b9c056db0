from dataclasses import replace

import pytest
import torch

from training.data.load import get_iterator
from training.errors import TrainingError
from training.experiments.trials import TRIALS, find_trial
from training.run.one_network import Trainer, build_model


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.model.parameters()])


def test_same_seed_same_numbers_other_seed_others(tiny):
    def epoch(seed):
        trainer = Trainer(find_trial("bn"), tiny, seed)
        row = trainer.train_epoch(1)
        return weights(trainer), row.train_loss, row.test_loss

    first, again, other = epoch(0), epoch(0), epoch(1)
    assert torch.equal(first[0], again[0])
    assert first[1:] == again[1:]
    assert not torch.equal(first[0], other[0])


def test_global_generator_is_neither_used_nor_moved(tiny):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    trainer = Trainer(find_trial("bn"), tiny, 0)
    trainer.train_epoch(1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", TRIALS)
def test_every_trial_learns_a_little_or_collapses_as_published(name, tiny):
    """Five steps of each recipe: finite, and every parameter moved."""
    trainer = Trainer(find_trial(name), tiny, 0)
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    row = trainer.train_epoch(1)
    assert 0 <= row.test_accuracy <= 100
    moved = {n: not torch.equal(before[n], p) for n, p in trainer.model.named_parameters()}
    assert all(moved.values()), moved


@pytest.mark.parametrize("norm", ["batch", "layer", "group", "ghost", "instance", "rms", "pixel"])
def test_ten_steps_on_the_numpy_reference_give_the_same_weights(norm, sample):
    """float64, dropout and all: torch's layers and the NumPy code, to 1e-6."""
    config = replace(find_trial("bn"), norm=norm, batch_size=16)
    batches = list(zip(range(10), get_iterator(sample, config, 0, 1), strict=False))
    trained = []
    for backend in ("torch", "reference"):
        trainer = Trainer(config, sample, 0, backend=backend)
        trainer.model.double().train()
        trainer._seed_dropout(1)
        for _, (x, y) in batches:
            trainer.train_step(x.double(), y)
        trained.append(trainer.model.state_dict())
    assert trained[0].keys() == trained[1].keys()
    for key, value in trained[0].items():
        torch.testing.assert_close(value, trained[1][key], atol=1e-6, rtol=0, msg=key)


def test_the_penalty_is_in_the_gradient_and_not_in_the_loss(tiny):
    """SGD's first step without momentum differs by lr * strength * sign(p), tensor by tensor."""
    plain = replace(find_trial("bn"), momentum=0.0)
    x, y = next(get_iterator(tiny, plain, 0, 1))
    results = {}
    for strength in (0.0, 0.01):
        trainer = Trainer(replace(plain, l1=strength), tiny, 0)
        trainer.model.train()
        trainer._seed_dropout(1)
        trainer._set_learning_rate(0)
        start = weights(trainer)
        loss, _ = trainer.train_step(x, y)
        results[strength] = (loss.item(), weights(trainer))
    assert results[0.0][0] == results[0.01][0]
    difference = results[0.0][1] - results[0.01][1]
    torch.testing.assert_close(difference, 0.1 * 0.01 * start.sign(), atol=1e-6, rtol=0)


def test_learning_rate_follows_the_schedule(tiny):
    trainer = Trainer(find_trial("bn"), tiny, 0)
    assert trainer.train_epoch(8).lr == 0.1
    assert trainer.train_epoch(9).lr == pytest.approx(0.001)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.001)


def test_a_loss_that_is_not_finite_ends_the_trial(tiny):
    trainer = Trainer(replace(find_trial("none"), learning_rate=1e20), tiny, 0)
    with pytest.raises(TrainingError, match=r"training loss of none became (nan|inf) in epoch 1"):
        trainer.train_epoch(1)


def test_mistakes_are_sorted_and_agree_with_accuracy_and_confusion(tiny):
    trainer = Trainer(find_trial("bn"), tiny, 0)
    row = trainer.train_epoch(1)
    mistakes = trainer.misclassified()
    assert len(mistakes.index) == round(100 - row.test_accuracy)
    assert (mistakes.true != mistakes.predicted).all()
    assert torch.equal(mistakes.true, tiny.test_labels[mistakes.index])
    assert (mistakes.confidence.diff() <= 0).all()
    confusion = torch.tensor(trainer.confusion())
    assert confusion.sum() == 100
    assert confusion.diagonal().sum() == round(row.test_accuracy)
    assert torch.equal(confusion.sum(1), torch.bincount(tiny.test_labels, minlength=10))


def test_bfloat16_trains_and_evaluates_in_float32(tiny):
    trainer = Trainer(find_trial("bn"), tiny, 0, precision="bfloat16")
    exact = Trainer(find_trial("bn"), tiny, 0)
    row, exact_row = trainer.train_epoch(1), exact.train_epoch(1)
    assert row.train_loss != exact_row.train_loss
    assert row.train_loss == pytest.approx(exact_row.train_loss, rel=0.1)
    assert trainer.test_scores().dtype == torch.float32
    assert {p.dtype for p in trainer.model.parameters()} == {torch.float32}


def test_initial_weights_are_paired_across_normalizations():
    """The same seed starts every norm from the same convolutions."""
    first = build_model(find_trial("bn"), 3).state_dict()
    for name in ("gn", "ln", "gbn", "none"):
        state = build_model(find_trial(name), 3).state_dict()
        assert all(torch.equal(v, first[k]) for k, v in state.items() if "conv" in k)
