"""What a run costs: counted from histories made up so that the answer is known."""

import pytest

from training.record.history import Epoch, Record
from training.results.cost import (
    EVALUATION,
    SEEDS,
    SERIAL_SECONDS,
    TASK_SECONDS,
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


def test_the_longest_task_limits_any_number_of_workers(made_up_run):
    run = made_up_run({"bn": [[99.0] * 20], "gn": [[99.0] * 10, [99.0] * 10]})
    found = cost(overviews(run), as_it_went)
    task = {name: TASK_SECONDS + (1 + EVALUATION) * 2.0 * n for name, n in (("bn", 20), ("gn", 10))}
    assert found.tasks == pytest.approx(task)
    assert found.longest == pytest.approx(task["bn"])
    assert found.walls[1] == pytest.approx(SERIAL_SECONDS + sum(task.values()))
    assert found.walls[100] == pytest.approx(SERIAL_SECONDS + task["bn"])
    assert found.walls_of_seeds[1] == pytest.approx(SERIAL_SECONDS + SEEDS * sum(task.values()))
    assert found.walls_of_seeds[10] == pytest.approx(found.walls[100])


def test_every_view_of_a_test_image_is_paid_for(made_up_run):
    found = cost(overviews(made_up_run({"best": [[99.0] * 25]})), as_it_went)
    assert found.tasks["best"] == pytest.approx(TASK_SECONDS + (1 + 5 * EVALUATION) * 2.0 * 25)


def test_nothing_finished_costs_nothing_known():
    assert cost([], as_it_went) is None
