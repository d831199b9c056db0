"""``results.xlsx``: opens, is clean, and recalculates to the very values it carries."""

import io
import statistics
import zipfile
from dataclasses import replace

import openpyxl
import pytest

from normviz.workbook.book.address import address
from normviz.workbook.lint import lint
from normviz.workbook.xlsx.write import workbook_bytes
from tests.workbook.engines import expected, ironcalc_values
from training.files import write_whole
from training.report.workbook.book import build, write_results
from training.report.workbook.parts import nice_scale
from training.results.comparisons import compare_all
from training.results.intervals import estimate
from training.results.over_seeds import overviews


@pytest.fixture(scope="module")
def book(small_run):
    return build(small_run)


@pytest.fixture(scope="module")
def content(book):
    return workbook_bytes(book)


@pytest.fixture(scope="module")
def opened(content):
    return openpyxl.load_workbook(io.BytesIO(content), data_only=True)


def row_of(sheet, name):
    return next(row for row in sheet.iter_rows(values_only=True) if name in row)


def test_one_sheet_a_trial_between_summary_and_explanation(opened, small_run):
    started = [t.name for t in overviews(small_run)]
    others = ["Differences", "Curves"]
    assert opened.sheetnames == ["Summary", *others, *started, "Accumulated L1"]


def test_there_are_no_sheets_on_what_the_run_does_not_have(small_run):
    """Nothing on claims that are not about its trials, on L1 that none has, on one trial's rest."""
    only = [r for r in small_run.results if r.config.name == "bn"]
    titles = [page.title for page in build(replace(small_run, results=only)).pages]
    assert titles == ["Summary", "Curves", "bn"]


def test_the_summary_leads_to_every_sheet_and_back(opened):
    links = [c.hyperlink.location for row in opened["Summary"] for c in row if c.hyperlink]
    ahead = [link.partition("!")[0].strip("'") for link in links]
    assert sorted(ahead) == sorted(opened.sheetnames[1:])
    for name in opened.sheetnames[1:]:
        assert [c.value for row in opened[name] for c in row if c.hyperlink] == ["← Summary"]


def test_the_differences_are_those_of_the_run(small_run, opened):
    rows = {row[1]: row[2:12] for row in opened["Differences"].iter_rows(values_only=True)}
    found = compare_all(small_run)
    assert len(found) == 6
    for one in found:
        margin = pytest.approx(one.margin.mean)
        assert rows[str(one)] == (one.margin.n, margin, *[None] * 7, "two means")
    more = [replace(r, seed=r.seed + 2) for r in small_run.results]
    four = replace(small_run, results=[*small_run.results, *more])
    content = workbook_bytes(build(four))
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Differences"]
    one = next(one for one in compare_all(four) if one.with_images)
    row = next(row for row in sheet.iter_rows(values_only=True) if row[1] == str(one))
    margin, images = one.margin, one.with_images
    numbers = (margin.mean, margin.low, margin.high, images.low, images.high)
    numbers = (*numbers, one.p, one.p_equivalent, one.detectable)
    assert row[2:12] == (pytest.approx(margin.n), *map(pytest.approx, numbers), "two means")


def test_the_lint_finds_nothing(content):
    assert lint(content) == []


@pytest.fixture
def path(content, tmp_path):
    path = tmp_path / "results.xlsx"
    path.write_bytes(content)
    return path


def test_every_formula_recalculates_to_its_cached_value(book, path):
    cached = expected(book)
    found = ironcalc_values(path, cached)
    assert len(cached) > 100
    for place, value in cached.items():
        tolerant = value if isinstance(value, str) else pytest.approx(value, rel=1e-12, abs=1e-12)
        assert found[place] == tolerant, place


def cell_below(page, heading, value, column_heading):
    """The cell of a table: under a heading, in the row that begins with a value."""
    top = next(r for r, line in page.rows.items() if 2 in line and line[2].value == heading)
    column = next(c for c, cell in page.rows[top].items() if cell.value == column_heading)
    below = sorted(r for r in page.rows if r > top)
    row = next(r for r in below if 2 in page.rows[r] and page.rows[r][2].value == value)
    return address(row, column)


def test_a_changed_history_changes_seed_and_summary(book, path):
    pages = {page.title: page for page in book.pages}
    summary = ("Summary", cell_below(pages["Summary"], "trial", "bn", "last epoch, %"))
    other = ("bn", cell_below(pages["bn"], "seed", 1, "last epoch, %"))
    changed = ("bn", cell_below(pages["bn"], "epoch", 3, "test accuracy"))
    found = ironcalc_values(path, {summary: None, other: None}, {changed: "99.87"})
    assert found[summary] == pytest.approx((99.87 + found[other]) / 2)


def test_numbers_are_those_of_the_run(opened, small_run):
    for trial in overviews(small_run):
        cells = row_of(opened["Summary"], trial.name)
        if trial.finished:
            assert pytest.approx(trial.last.mean) in cells
            assert trial.last.n in cells
        else:
            assert trial.results[0].status in cells


def test_seeds_that_diverged_count_in_the_summary(lost_run, tmp_path):
    book = build(lost_run)
    assert lint(workbook_bytes(book)) == []
    (tmp_path / "lost.xlsx").write_bytes(workbook_bytes(book))
    cached = expected(book)
    found = ironcalc_values(tmp_path / "lost.xlsx", cached)
    summary = next(page for page in book.pages if page.title == "Summary")
    for trial in overviews(lost_run):
        if trial.ended:
            for name, value in (("seeds", trial.last.n), ("last epoch, %", trial.last.mean)):
                place = ("Summary", cell_below(summary, "trial", trial.name, name))
                assert found[place] == pytest.approx(cached[place]) == pytest.approx(value)
    texts = [
        cell.value for page in book.pages for row in page.rows.values() for cell in row.values()
    ]
    assert any("each the mean over the seeds that finished" in str(text) for text in texts)


def test_plus_minus_is_the_deviation_and_two_seeds_have_no_interval(book, opened, small_run):
    summary = next(page for page in book.pages if page.title == "Summary")
    names = ("± (standard deviation)", "t", "half the 95 % interval")
    of_two = [opened["Summary"][cell_below(summary, "trial", "bn", name)].value for name in names]
    ends = [r.last_accuracy for r in small_run.by_trial()["bn"]]
    assert of_two == [pytest.approx(statistics.stdev(ends)), None, None]
    more = [replace(r, seed=r.seed + 2) for r in small_run.by_trial()["bn"]]
    four = build(replace(small_run, results=[*small_run.results, *more]))
    summary = next(page for page in four.pages if page.title == "Summary")
    sheet = openpyxl.load_workbook(io.BytesIO(workbook_bytes(four)), data_only=True)["Summary"]
    found = [sheet[cell_below(summary, "trial", "bn", name)].value for name in names]
    deviation, interval = statistics.stdev(ends * 2), estimate(ends * 2)
    assert found == pytest.approx([deviation, 3.182446, (interval.high - interval.low) / 2])


def test_the_sample_says_so(opened):
    texts = [c for row in opened["Summary"].iter_rows(values_only=True) for c in row if c]
    assert "SAMPLE RUN: NOT MNIST RESULTS" in texts
    assert "python -m training run <all> --seeds 2" in texts
    assert any("gn, seed 1: unfinished" in str(text) for text in texts)


def test_charts_and_pictures_are_in_the_file(content, small_run):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        charts = [archive.read(n).decode() for n in names if n.startswith("xl/charts/chart")]
        pictures = [n for n in names if n.startswith("xl/media/")]
    assert len(charts) == 4 + 2 * len(overviews(small_run))
    assert all("numCache" in chart for chart in charts)
    assert all('<c:smooth val="1"' not in chart for chart in charts)
    assert len(pictures) >= 3 * 18


def test_the_same_run_gives_the_same_bytes(small_run, content, tmp_path):
    write_whole(tmp_path / "other.xlsx", workbook_bytes(build(small_run)))
    assert (tmp_path / "other.xlsx").read_bytes() == content
    write_results(small_run)
    assert (small_run.folder / "results.xlsx").read_bytes() == content


@pytest.mark.parametrize(
    "values", [[99.3, 99.3], [9.8, 99.5], [0.0, 0.0001], [0.02, 2.3], [99.41, 99.42]]
)
def test_scales_hold_their_values_in_few_round_steps(values):
    scale = nice_scale(values)
    assert scale.low <= min(values) <= max(values) <= scale.high
    assert 1 <= round((scale.high - scale.low) / scale.step) <= 8


LONG = "bn batch_size=16 learning_rate="


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("a[b]", f"{LONG}0.025", f"{LONG}0.0125"), {LONG, "bn batch_size=16 learning_ra 2"}),
        (("curves", "Accumulated L1", "history"), {"curves 2", "Accumulated L1 2", "history 2"}),
        (("bn L2", "Differences", "it's B2"), {"bn L2", "Differences 2", "it s B2"}),
    ],
    ids=["longer than a title, alike in it", "like other sheets", "like a cell"],
)
def test_variants_have_sheets_whatever_they_are_called(small_run, names, wanted):
    named = dict(zip(("none", "bn", "gn"), names, strict=True))
    renamed = [
        replace(r, config=replace(r.config, name=named.get(r.config.name, r.config.name)))
        for r in small_run.results
    ]
    book = build(replace(small_run, results=renamed))
    titles = [page.title for page in book.pages]
    assert wanted <= set(titles)
    assert len({title.casefold() for title in titles}) == len(titles)
    assert lint(workbook_bytes(book)) == []
