"""What a run costs: counted from histories made up so that the answer is known."""

import pytest

from training.record.history import Epoch, Record
from training.results.cost import (
    SEEDS,
    SERIAL_SECONDS,
    as_it_went,
    at_best_pace,
    busiest,
    cost,
)
from training.results.over_seeds import overviews


def record_of(*seconds: float) -> Record:
    return Record([Epoch(n, 0.1, 0.5, 90.0, 0.1, 99.0, s, 1.0) for n, s in enumerate(seconds, 1)])


def test_as_it_went_and_at_the_best_pace():
    record = record_of(9.0, 3.0, 6.0)
    assert as_it_went(record) == 18.0
    assert at_best_pace(record) == 9.0


@pytest.mark.parametrize(
    ("tasks", "workers", "wall"),
    [([5, 5, 5], 1, 15), ([5, 5, 5], 2, 10), ([5, 5, 5], 3, 5), ([5, 5, 5], 99, 5),
     ([1, 1, 8], 2, 9), ([8, 1, 1], 2, 8)],
)  # fmt: skip
def test_workers_take_tasks_in_order_as_they_are_free(tasks, workers, wall):
    assert busiest(tasks, workers) == wall


@pytest.fixture
def tested(made_up_run):
    """Runs of epochs that take 2 s for 60,000 images, with so many to test."""

    def of(accuracies, images=10_000):
        run = made_up_run(accuracies)
        for result in run.results:
            result.summary["confusion"] = [[images]]
        return overviews(run)

    return of


# Each epoch trains for 2 s, and tests a sixth as many images at a quarter of the price: 1/12 s.
TASKS = {"bn": 1.5 + 20 * (2 + 1 / 12), "gn": 1.5 + 10 * (2 + 1 / 12)}


def test_the_longest_task_limits_any_number_of_workers(tested):
    found = cost(tested({"bn": [[99.0] * 20], "gn": [[99.0] * 10, [99.0] * 10]}), as_it_went)
    task = TASKS
    assert found.tasks == pytest.approx(task)
    assert found.longest == pytest.approx(task["bn"])
    assert found.walls[1] == pytest.approx(SERIAL_SECONDS + sum(task.values()))
    assert found.walls[100] == pytest.approx(SERIAL_SECONDS + task["bn"])
    assert found.walls_of_seeds[1] == pytest.approx(SERIAL_SECONDS + SEEDS * sum(task.values()))
    assert found.walls_of_seeds[10] == pytest.approx(found.walls[100])


def test_every_view_of_every_test_image_is_paid_for(tested):
    found = cost(tested({"best": [[99.0] * 25]}), as_it_went)
    assert found.tasks["best"] == pytest.approx(1.5 + 25 * (2 + 5 / 12))
    more = cost(tested({"bn": [[99.0] * 20]}, images=60_000), as_it_went)
    assert more.tasks["bn"] == pytest.approx(1.5 + 20 * (2 + 1 / 2))


def test_nothing_finished_costs_nothing_known():
    assert cost([], as_it_went) is None
