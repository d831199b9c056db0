"""How long a run is said to take."""

import pytest

from training.files import write_json
from training.run import forecast


@pytest.fixture
def estimate(monkeypatch, use_tiny, make_task):
    """Of tasks that take so many epochs of 10 s."""
    monkeypatch.setattr(forecast, "_epoch_seconds", lambda *_: 10.0)
    monkeypatch.setattr(forecast, "TASK_SECONDS", 0.0)
    monkeypatch.setattr(forecast, "WORKER_SECONDS", 0.0)

    def of(jobs, *epochs):
        tasks = [make_task("bn", seed=at, epochs=count) for at, count in enumerate(epochs)]
        return forecast.estimate_seconds(tasks, jobs)

    return of


def test_jobs_share_the_work(estimate):
    assert estimate(1, 2, 2, 2) == 60
    assert estimate(2, 2, 2, 2, 2) == 40


def test_no_run_is_shorter_than_its_longest_task(estimate):
    assert estimate(8, 5) == 50
    assert estimate(2, 9, 1) == 90


def test_nothing_left_takes_no_time(estimate, make_task):
    assert estimate(2) == 0
    write_json(make_task("bn").folder / "failure.json", {"error": "no number", "diverged": True})
    assert estimate(1, 2, 2) == 20


@pytest.mark.parametrize(
    ("changes", "images"),
    [
        ({}, 320 + 100 / 4),
        ({"passes": 3}, 3 * 320 + 100 / 4),
        ({"views": 5}, 320 + 5 * 100 / 4),
        ({"train_size": 400}, 400 + 20 / 4),
    ],
    ids=["as it is", "passes", "views", "drawn"],
)
def test_an_epoch_is_paid_by_its_images(monkeypatch, use_tiny, make_task, changes, images):
    monkeypatch.setattr(forecast, "_seconds_per_image", lambda *_: 1.0)
    found = forecast.estimate_seconds([make_task("bn", epochs=1, **changes)], 1)
    assert found == pytest.approx(forecast.TASK_SECONDS + images)


def test_steps_are_timed_as_an_epoch_takes_them(monkeypatch, use_tiny, make_task):
    """With a clock that a batch moves by a second: 64 images, and 320 images an epoch."""
    clock = iter(range(10_000))
    monkeypatch.setattr(forecast.time, "perf_counter", lambda: float(next(clock)))
    task = make_task("bn", epochs=1)
    found = forecast._seconds_per_image.__wrapped__(task.config, task.settings)
    assert found == pytest.approx(1 / 64)


def test_a_batch_that_only_the_drawn_images_fill_is_timed(use_tiny, make_task):
    """Of 320 training images no split of 330 has one; of 400 drawn from all 420 each has."""
    task = make_task("gbn", epochs=1, batch_size=660, num_splits=330, train_size=400)
    assert forecast._seconds_per_image.__wrapped__(task.config, task.settings) > 0
