"""What is kept of a run: its finished seeds, whole and without a doubt what they are of."""

import csv
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest

from tests.training.conftest import PAIR
from training.cli.commands import main
from training.errors import TrainingError
from training.experiments.claims import EARLY_FALL
from training.experiments.trials import TRIALS
from training.files import locked
from training.record.task_folder import CONSTANT_ANSWER
from training.results import kept as kept_module
from training.results.comparisons import compare_all
from training.results.kept import (
    HISTORIES,
    SUMMARY,
    WRONG,
    WRONG_COLUMNS,
    keep,
    read_summary,
    write_summary,
)
from training.results.measures import value
from training.results.over_seeds import overviews
from training.results.run_folder import Results, read_run
from training.results.verdicts import whole


@pytest.fixture
def run(undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """A run of two trials, as if two epochs were what they are declared with."""
    for name in PAIR:
        monkeypatch.setitem(TRIALS, name, replace(TRIALS[name], epochs=2))
    return read_run(undisturbed)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def other_seed(run: Results, seed: int) -> Results:
    return replace(run, results=[replace(result, seed=seed) for result in run.results])


def test_what_is_kept_gives_the_same_numbers_as_the_run(run: Results, tmp_path: Path) -> None:
    assert keep(run, tmp_path) == 2
    kept = read_summary(tmp_path / SUMMARY)
    for before, after in zip(run.by_trial().values(), kept.by_trial().values(), strict=True):
        assert value(EARLY_FALL, before[0]) == pytest.approx(value(EARLY_FALL, after[0]))
        assert before[0].last_accuracy == pytest.approx(after[0].last_accuracy)
    names = [[(one.first, one.second) for one in compare_all(r)] for r in (run, kept)]
    assert names[0] == names[1]


@pytest.mark.parametrize(
    ("revision", "kept"),
    [
        ("e9404eb012ab", "e9404eb"),
        ("e9404eb012ab-dirty", "e9404eb-dirty"),
        ("v0.3.0-5-ge9404eb012ab-dirty", "e9404eb-dirty"),
        (None, ""),
    ],
    ids=["committed", "changed since", "behind a tag", "no repository"],
)
def test_every_row_says_its_revision(run: Results, tmp_path: Path, revision, kept) -> None:
    done = [changed(result, environment={"git": revision}) for result in run.results]
    keep(replace(run, results=done), tmp_path)
    assert {row["revision"] for row in rows(tmp_path / SUMMARY)} == {kept}


def test_seeds_are_added_in_order_and_replaced_not_doubled(run: Results, tmp_path: Path) -> None:
    for part in (other_seed(run, 1), run, run):
        keep(part, tmp_path)
    wanted = [(trial, seed) for trial in PAIR for seed in "01"]
    assert [(r["trial"], r["seed"]) for r in rows(tmp_path / SUMMARY)] == wanted
    epochs = [(r["trial"], r["seed"], r["epoch"]) for r in rows(tmp_path / HISTORIES)]
    assert epochs == [(*seed, epoch) for seed in wanted for epoch in "12"]


def test_two_that_keep_at_once_lose_no_seed(run: Results, tmp_path: Path, monkeypatch) -> None:
    """Each read the tables, added its own seeds and wrote them: the first one's were gone."""
    second = Thread(target=keep, args=(other_seed(run, 1), tmp_path))

    def wait_for_the_second(path: Path, *columns):
        if second.ident is None:
            second.start()
            second.join(0.5)  # in vain, while the first holds the folder
        return read(path, *columns)

    read = kept_module._rows
    monkeypatch.setattr(kept_module, "_rows", wait_for_the_second)
    keep(run, tmp_path)
    second.join()
    assert [row["seed"] for row in rows(tmp_path / SUMMARY)] == ["0", "1"] * len(PAIR)


def test_a_folder_that_another_keeps_in_is_said(run: Results, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kept_module, "PATIENCE_SECONDS", 0.0)
    with locked(tmp_path, file=SUMMARY), pytest.raises(TrainingError, match=r"use another --keep$"):
        keep(run, tmp_path)


@pytest.mark.parametrize(
    ("dataset", "is_sample", "published"),
    [("mnist", False, True), ("mnist", True, False), ("fashion-mnist", False, False)],
)
def test_published_numbers_stand_beside_those_of_mnist_alone(
    run: Results, tmp_path: Path, dataset: str, is_sample: bool, published: bool
) -> None:
    data = {"dataset": dataset, "is_sample": is_sample}
    on_it = [changed(r, data={**r.details["data"], **data}) for r in run.results]
    keep(replace(run, results=on_it), tmp_path)
    columns = ("published_last", "published_best")
    found = {row[name] for row in rows(tmp_path / SUMMARY) for name in columns}
    assert (found != {""}) == published


def test_the_command_keeps_and_judges(run: Results, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    assert main(["report", str(run.folder), "--keep", str(folder)]) == 0
    assert f"kept: 2 seeds in {folder / SUMMARY}" in capsys.readouterr().out.replace("\n", "")
    assert {path.name for path in folder.iterdir()} >= {SUMMARY, HISTORIES, "claims.csv"}


def changed(result, **details):
    return replace(result, details={**result.details, **details})


@pytest.mark.parametrize(
    ("change", "words"),
    {
        "another field": (
            lambda r: replace(r, config=replace(r.config, batch_size=7)),
            "not one of the trials of 'list'",
        ),
        "another precision": (lambda r: changed(r, precision="bfloat16"), "in bfloat16; what is"),
        "other data": (
            lambda r: changed(r, data={**r.details["data"], "name": "Fashion-MNIST"}),
            "keep it in another folder",
        ),
        "nothing finished": (lambda r: replace(r, summary=None), "no finished seed to keep"),
        "two processes": (lambda r: changed(r, processes=2), r"by 2 process\(es\) with layers of"),
        "another device": (lambda r: changed(r, device="cuda"), "trained on cuda; what is kept"),
        "other layers": (lambda r: changed(r, backend="numpy"), "with layers of numpy; what"),
    }.values(),
    ids=[
        "another field",
        "another precision",
        "other data",
        "nothing finished",
        "two processes",
        "another device",
        "other layers",
    ],
)
def test_what_cannot_stand_in_one_table_is_refused(run, tmp_path, change, words) -> None:
    keep(run, tmp_path)
    before = (tmp_path / SUMMARY).read_text(), (tmp_path / HISTORIES).read_text()
    with pytest.raises(TrainingError, match=words):
        keep(replace(run, results=[change(result) for result in run.results]), tmp_path)
    assert ((tmp_path / SUMMARY).read_text(), (tmp_path / HISTORIES).read_text()) == before


def test_a_seed_that_diverged_is_kept_as_one(run: Results, tmp_path: Path) -> None:
    def lose(result):
        lost = result.config.name == "ln"
        failure = "the training loss: not a number" if lost else None
        return replace(
            result, summary=None if lost else result.summary, diverged=lost, failure=failure
        )

    lost = replace(run, results=[lose(result) for result in other_seed(run, 1).results])
    keep(run, tmp_path)
    keep(lost, tmp_path)
    (overview,) = (t for t in overviews(read_summary(tmp_path / SUMMARY)) if t.name == "ln")
    whole = next(r for r in run.results if r.config.name == "ln").last_accuracy
    assert overview.last.mean == pytest.approx((whole + CONSTANT_ANSWER) / 2)
    assert overview.seeds == "2, of which 1 diverged"
    assert overview.results[1].status.endswith("the training loss: not a number")


def test_a_summary_in_its_run_folder_is_refused(run: Results, capsys) -> None:
    """It would lose every variant, and which images were wrong."""
    write_summary(run)
    made = run.folder / "differences.csv"
    before = made.read_text()
    assert main(["report", str(run.folder / SUMMARY)]) == 2
    assert f"report {run.folder}" in capsys.readouterr().err.replace("\n", "")
    assert made.read_text() == before
    with pytest.raises(TrainingError, match="is a run folder itself"):
        keep(run, run.folder)


def test_which_images_were_wrong_is_kept_with_the_seeds(run: Results, tmp_path: Path) -> None:
    """So that the interval over seeds and images can be counted again, to the last digit."""
    seeds = [other_seed(run, seed) for seed in range(3)]
    together = replace(run, results=[r for one in seeds for r in one.results])
    for one in seeds:
        keep(one, tmp_path)
    (before,), (after,) = (
        compare_all(r) for r in (together, read_summary(tmp_path / SUMMARY))
    )  # the folders of the seeds are that of seed 0
    assert before.with_images is not None
    assert after.with_images == before.with_images
    line, *_ = rows(tmp_path / WRONG)
    mistakes = run.by_trial()["bn"][0].mistakes()
    assert line["wrong"] == " ".join(map(str, mistakes["index"]))


def test_of_seeds_without_their_wrong_images_there_is_no_second_interval(run, tmp_path) -> None:
    for seed in range(3):
        keep(other_seed(run, seed), tmp_path)
    without = [row for row in rows(tmp_path / WRONG) if (row["trial"], row["seed"]) != ("bn", "1")]
    table = [",".join(WRONG_COLUMNS), *(",".join(row.values()) for row in without)]
    (tmp_path / WRONG).write_text("\n".join(table) + "\n")
    (some,) = compare_all(read_summary(tmp_path / SUMMARY))
    assert some.with_images is not None  # of the other two
    (tmp_path / WRONG).unlink()
    (none,) = compare_all(read_summary(tmp_path / SUMMARY))
    assert none.with_images is None


def test_wrong_images_that_are_not_those_of_the_row_are_refused(run, tmp_path) -> None:
    keep(run, tmp_path)
    path = tmp_path / WRONG
    first = rows(path)[0]["wrong"].split()[0]
    path.write_text(path.read_text().replace(f",{first} ", ",", 1))
    with pytest.raises(TrainingError, match=r"wrong.csv has \d+ different images"):
        read_summary(tmp_path / SUMMARY)


def test_rows_that_are_left_out_are_said(run: Results, tmp_path: Path, capsys) -> None:
    keep(other_seed(run, 1), tmp_path)
    path = tmp_path / SUMMARY
    with path.open("a", encoding="utf-8") as stream:
        stream.write("bn batch_size=8,4,finished" + "," * 14 + "\n")
        stream.write("gn,7,unfinished" + "," * 14 + "\n")
    assert main(["report", str(path)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "left out: bn batch_size=8 with seed 4, gn with seed 7: not an ended seed" in said


def test_a_table_of_another_name_has_files_of_its_own(run: Results, tmp_path: Path, capsys) -> None:
    keep(run, tmp_path)
    assert main(["report", str(tmp_path / SUMMARY)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    bn, *_ = (tmp_path / SUMMARY).read_text().partition("\nln")
    (tmp_path / "again.csv").write_text(bn + "\n")
    capsys.readouterr()
    assert main(["report", str(tmp_path / "again.csv")]) == 0
    assert {path: path.read_bytes() for path in before} == before
    made = {path.name for path in tmp_path.iterdir() if path not in before}
    assert made == {"again.csv", "again-claims.csv"}
    said = capsys.readouterr().out.replace("\n", "")
    assert said.count("written: ") == 1
    assert f"written: {tmp_path / 'again-claims.csv'}" in said


def test_a_seed_that_diverged_in_a_shortened_run_is_none_of_a_whole_one(run, tmp_path) -> None:
    keep(other_seed(run, 1), tmp_path)
    path = tmp_path / SUMMARY
    with path.open("a", encoding="utf-8") as stream:
        stream.write("gn,0,diverged after 1 of 3 epochs: no number,MNIST" + "," * 13 + "\n")
    kept = read_summary(path)
    assert kept.by_trial()["gn"][0].config.epochs == 3
    assert whole(kept, "gn") == []


def test_a_history_that_lacks_an_epoch_is_refused(run: Results, tmp_path: Path) -> None:
    keep(run, tmp_path)
    path = tmp_path / HISTORIES
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(TrainingError, match=r"has epochs \[1\] of ln with seed 0, which has 2"):
        read_summary(tmp_path / SUMMARY)


@pytest.mark.parametrize("damage", ["trial,seed\nbn,0\n", "\x00", "trial\n\n,,\nbn\n"])
def test_a_damaged_file_is_one_sentence(run: Results, tmp_path: Path, damage: str) -> None:
    keep(run, tmp_path)
    (tmp_path / HISTORIES).write_text(damage)
    for ask in (lambda: read_summary(tmp_path / SUMMARY), lambda: keep(run, tmp_path)):
        with pytest.raises(TrainingError, match=r"histories.csv is damaged"):
            ask()


def test_a_number_that_is_none_is_one_sentence(run: Results, tmp_path: Path) -> None:
    keep(other_seed(run, 1), tmp_path)
    path = tmp_path / SUMMARY
    path.write_text(path.read_text(encoding="utf-8").replace("bn,1,", "bn,one,"), encoding="utf-8")
    with pytest.raises(TrainingError, match="is damaged: invalid literal"):
        keep(run, tmp_path)


def test_rows_of_trials_of_another_version_stay_at_the_end(run: Results, tmp_path: Path) -> None:
    keep(run, tmp_path)
    path = tmp_path / SUMMARY
    path.write_text(path.read_text(encoding="utf-8").replace("bn,0,", "old,0,"), encoding="utf-8")
    keep(run, tmp_path)
    assert [row["trial"] for row in rows(path)] == [*PAIR, "old"]


def test_seeds_are_kept_of_a_folder_not_of_a_summary(run: Results, tmp_path: Path, capsys) -> None:
    keep(run, tmp_path)
    assert main(["report", str(tmp_path / SUMMARY), "--keep", str(tmp_path)]) == 2
    assert "--keep takes the seeds of a run folder" in capsys.readouterr().err


def test_a_summary_of_an_older_version_is_read(run: Results, tmp_path: Path) -> None:
    keep(run, tmp_path)
    table = [{k: v for k, v in row.items() if k != "revision"} for row in rows(tmp_path / SUMMARY)]
    with (tmp_path / SUMMARY).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, table[0])
        writer.writeheader()
        writer.writerows(table)
    assert len(read_summary(tmp_path / SUMMARY).results) == 2
