"""The figure of what goes on inside the networks: one panel a quantity and trial, never blank."""

from dataclasses import replace

import pytest

from training.record.inside import FILE, Inside, write_inside
from training.report.inside import SHOWN, draw_inside

EPOCHS, LAYERS = (1, 2, 3), ("block1", "block2")


def recorded(run, without=(), layers=None):
    """The same run, with a record in each folder; a norm without buffers has no ``stale``.

    ``layers``: of the trials that have others than `LAYERS`.
    """
    for result in run.results:
        result.folder.mkdir(parents=True, exist_ok=True)
        stale = None if result.config.name in without else 0.2
        rows = [
            Inside(epoch, layer, 0.1, 1.0 + epoch, stale, 3.0, 0.5, 0.25, stale)
            for epoch in EPOCHS
            for layer in (layers or {}).get(result.config.name, LAYERS)
        ]
        write_inside(result.folder / FILE, rows)
    return run


def panels(figure, columns):
    axes = figure.axes[: len(SHOWN) * columns]
    return [axes[row * columns : (row + 1) * columns] for row in range(len(SHOWN))]


def test_without_records_there_is_no_figure(made_up_run):
    assert draw_inside(made_up_run({"bn": [[98.0, 99.0, 99.1]]})) == []


def test_no_trial_is_left_out_and_the_one_without_a_norm_is_in_every_figure(made_up_run):
    names = ["bn", "gn", "ln", "gbn", "instance", "rms", "best", "none"]
    run = recorded(made_up_run({name: [[98.0, 99.0, 99.1]] for name in names}))
    found = [[axis.get_title() for axis in f.axes if axis.get_title()] for f in draw_inside(run)]
    assert found == [["gbn", "bn", "gn", "ln", "instance", "none"], ["rms", "best", "none"]]
    alone = recorded(made_up_run({"none": [[98.0, 99.0, 99.1]]}))
    assert [[a.get_title() for a in f.axes if a.get_title()] for f in draw_inside(alone)] == [
        ["none"]
    ]


@pytest.mark.parametrize("changes", [{"norm": "none"}, {"block": "conv relu dropout"}])
def test_a_trial_without_a_norm_is_known_by_what_it_is_not_by_its_name(made_up_run, changes):
    """A variant has the name of its trial; an arm of a study may be "none" for another reason."""
    run = made_up_run({name: [[98.0, 99.1]] for name in ("none", "gbn", "bn", "gn", "ln", "rms")})
    extra = made_up_run({"instance": [[98.0, 99.1]]}).results
    as_they_are = {"none": {"norm": "batch", "dropout_value": 0.0}, "bn": changes}
    results = [
        replace(r, config=replace(r.config, **as_they_are.get(r.config.name, {})))
        for r in [*run.results, *extra]
    ]
    first, second = draw_inside(recorded(replace(run, results=results)))
    titles = [[axis.get_title() for axis in panels(f, n)[0]] for f, n in ((first, 6), (second, 2))]
    assert titles == [["gbn", "gn", "ln", "none", "instance", "bn"], ["rms", "bn"]]


def test_each_panel_has_a_line_a_layer_over_the_epochs(made_up_run):
    run = recorded(made_up_run({"bn": [[98.0, 99.0, 99.1]], "gn": [[98.0, 99.0, 99.1]]}))
    (figure,) = draw_inside(run)
    rows = panels(figure, 2)
    assert [axis.get_title() for axis in rows[0]] == ["bn", "gn"]
    for row in rows:
        for axis in row:
            assert [line.get_label() for line in axis.lines] == list(LAYERS)
            assert [list(line.get_xdata()) for line in axis.lines] == [list(EPOCHS)] * 2
    spread = rows[list(SHOWN).index("input_spread")][0]
    assert list(spread.lines[0].get_ydata()) == [2.0, 3.0, 4.0]


def test_a_panel_without_values_says_so(made_up_run):
    run = recorded(made_up_run({"bn": [[98.0, 99.1]], "gn": [[98.0, 99.1]]}), without={"gn"})
    (figure,) = draw_inside(run)
    rows = panels(figure, 2)
    for name in ("stale", "stale_variance"):
        batch, group = rows[list(SHOWN).index(name)]
        assert not group.lines
        assert [text.get_text() for text in group.texts] == ["none here"]
        assert batch.lines
    said = [text.get_text() for row in rows for axis in row for text in axis.texts]
    assert said == ["none here"] * 2


def test_a_layer_has_its_color_whichever_others_its_trial_recorded(made_up_run):
    run = made_up_run({"bn": [[98.0, 99.1]], "gn": [[98.0, 99.1]]})
    (figure,) = draw_inside(recorded(run, layers={"gn": ("block1", "squeeze", "block2")}))
    older, newer = (
        {line.get_label(): line.get_color() for line in axis.lines} for axis in panels(figure, 2)[0]
    )
    assert older == {name: newer[name] for name in LAYERS}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["block1", "block2", "squeeze"]
    assert len(set(newer.values())) == 3
