"""What the options of ``run`` come to: tasks, precision, threads, and what is refused at once."""

import json
import shutil

import pytest

from tests.training.conftest import ROOT
from training.cli import plan
from training.cli.commands import announcement
from training.cli.parser import build_parser
from training.cli.plan import make_plan
from training.errors import TrainingError
from training.experiments.study import parse_study, read_study
from training.results.study_table import StudyTable


@pytest.fixture
def planned(tmp_path):
    """Make the plan of a command line on the sample."""

    def make(*words):
        place = ["--data", "sample", "--out", str(tmp_path / "run")]
        options = build_parser().parse_args(["run", *place, *words])
        options.words = list(words)
        return make_plan(options)

    return make


def begin(folder, **settings):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(settings))


def names(made):
    return [task.name for task in made.tasks]


def test_float32_and_a_share_of_the_cores_are_the_default(planned, monkeypatch):
    monkeypatch.setattr(plan, "usable_cores", lambda: 8)
    monkeypatch.setattr(plan, "default_jobs", lambda tasks: min(tasks, 8))
    alone, three = planned("bn"), planned("bn", "--seeds", "3")
    assert {task.settings.precision for task in alone.tasks + three.tasks} == {"float32"}
    assert [task.settings.threads for task in alone.tasks + three.tasks] == [8, 2, 2, 2]
    assert [t.settings.threads for t in planned("bn", "gn", "--jobs", "1").tasks] == [8, 8]
    assert planned("bn", "--threads", "3").tasks[0].settings.threads == 3


@pytest.mark.parametrize("cores", [1, 64])
def test_on_a_cluster_nothing_hangs_on_the_machine_that_submits(planned, monkeypatch, cores):
    monkeypatch.setattr(plan, "usable_cores", lambda: cores)
    cluster = ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    (task,) = planned("bn", *cluster).tasks
    assert (task.settings.precision, task.settings.threads) == ("float32", 1)


@pytest.mark.parametrize(
    ("key", "value"), [("precision", "bfloat16"), ("threads", 5)], ids=["precision", "threads"]
)
def test_a_task_goes_on_as_it_or_its_run_began(planned, tmp_path, key, value):
    begin(tmp_path / "run" / "bn" / "seed-0", **{key: value})
    made = planned("bn", "ln", "--resume")
    assert [getattr(task.settings, key) for task in made.tasks] == [value, value]


@pytest.mark.parametrize("content", ["{", "[]", "[" * 100_000, '{"precision": "int8"}', "{}"])
def test_a_record_that_does_not_say_leaves_the_default(planned, tmp_path, content):
    folder = tmp_path / "run" / "bn" / "seed-0"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(content)
    assert planned("bn", "--resume").tasks[0].settings.precision == "float32"


def test_others_that_do_not_agree_leave_the_default(planned, tmp_path):
    for name in ("float32", "bfloat16"):
        begin(tmp_path / "run" / name / "seed-0", precision=name)
    assert planned("bn", "--resume").tasks[0].settings.precision == "float32"


def test_settings_make_a_grid_of_named_variants_beside_the_trials_themselves(planned):
    made = planned("bn", "gn", "--set", "batch_size=8,64", "--seeds", "2")
    assert names(made) == [
        f"{name}/seed-{seed}"
        for name in ("bn batch_size=8", "bn", "gn batch_size=8", "gn")
        for seed in (0, 1)
    ]
    assert made.tasks[0].config.published is None
    assert made.tasks[2].config.published


def test_a_trial_that_does_not_read_a_field_stays_as_it_is_beside_those_that_do(planned):
    made = planned("bn", "gbn", "--set", "num_splits=2,4")
    assert names(made) == ["bn/seed-0", "gbn/seed-0", "gbn num_splits=4/seed-0"]
    decayed = planned("bn", "--set", "weight_decay=0,0.1", "--set", "decay_on=all,weights")
    assert names(decayed) == [
        "bn/seed-0",
        "bn weight_decay=0.1/seed-0",
        "bn weight_decay=0.1 decay_on=weights/seed-0",
    ]


def test_of_variants_that_are_one_network_the_first_is_there(planned):
    blocks = "block=conv relu norm dropout,conv norm relu dropout"
    made = planned("bn", "none", "--set", blocks)
    assert names(made) == ["bn/seed-0", "bn block=conv norm relu dropout/seed-0", "none/seed-0"]
    both = planned(
        "bn", "--set", "dropout_value=0,0.01", "--set", "block=conv norm,conv norm dropout"
    )
    assert len(both.tasks) == 2


def test_one_network_under_the_names_of_two_trials_is_said(planned):
    """Each would be compared with the other as if they were two."""
    norms = announcement(planned("bn", "gn", "--set", "norm=batch,group"), "here", 1.0)
    assert "one network under several names: bn, gn norm=batch; bn norm=group, gn\n" in norms + "\n"
    assert "several names: best, fast" in announcement(
        planned("best", "fast", "--epochs", "1"), "here", 1.0
    )
    assert "several names" not in announcement(planned("--seeds", "2"), "here", 1.0)


@pytest.mark.parametrize(
    "words", [("none",), ("ln", "--set", "block=conv relu")], ids=["no norm", "none in the block"]
)
def test_a_batch_of_one_is_one_where_nothing_is_normalized(planned, words):
    assert planned(*words, "--set", "batch_size=1").tasks[0].config.batch_size == 1


def test_shared_statistics_are_asked_of_batch_norm(planned, monkeypatch, tmp_path):
    monkeypatch.setattr("training.cli.plan.torchrun.size", lambda: 2)
    monkeypatch.setattr("training.cli.plan.torchrun.share", lambda value=None: value)
    assert len(planned("bn", "gbn", "--sync-batch-norm").tasks) == 2
    for words in (("gbn",), ("gn", "none")):
        with pytest.raises(TrainingError, match="which none of these trials has: leave it out"):
            planned(*words, "--sync-batch-norm")
    with pytest.raises(TrainingError, match="torch's, leave out --backend reference"):
        planned("bn", "--sync-batch-norm", "--backend", "reference")
    begin(tmp_path / "run" / "gbn" / "seed-0")
    assert len(planned("gbn", "--sync-batch-norm", "--resume").tasks) == 1


@pytest.mark.parametrize(
    ("way", "rate"), [("linear", 0.025), ("sqrt", 0.05)], ids=["linear", "square root"]
)
def test_the_learning_rate_follows_the_batch_size_where_it_is_told_to(planned, way, rate):
    (task,) = planned("bn", "--set", "batch_size=16", "--scale-lr", way).tasks
    assert task.config.learning_rate == pytest.approx(rate)
    assert task.config.name == f"bn batch_size=16 learning_rate={rate:g}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bn", "--set", "batchsize=8"], "'batchsize' is no field of a trial; there are average"),
        (["bn", "--set", "batch_size"], "--set 'batch_size' is not KEY=VALUE"),
        (["bn", "--set", "batch_size=many"], "batch_size=many is not a whole number"),
        (["bn", "--set", "batch_size=2.5"], "batch_size=2.5 is not a whole number"),
        (["bn", "--set", "learning_rate=fast"], "learning_rate=fast is not a number"),
        (["bn", "--set", "nesterov=maybe"], "nesterov=maybe is not true or false"),
        (["bn", "--set", "norm=bach"], "norm='bach' is not one of batch"),
        (["bn", "--set", "block=relu conv"], "must begin with conv"),
        (["bn", "--set", "batch_size=2", "--set", "batch_size=4"], "batch_size is given twice"),
        (["bn", "--set", "batch_size=1"], "batch_size=1 leaves one image to share statistics"),
        (["gbn", "--set", "num_splits=3"], "num_splits=3 does not divide batch_size=64"),
        (["bn", "--set", "layers=conv8"], "bn layers=conv8 is no network: layer 'conv8' is not"),
        (["bn", "--set", "layers=conv 8,pool"], "bn layers=conv 8 is no network: average=6"),
        (["bn", "--set", "average=20"], "bn average=20 is no network: average=20 leaves 0 by 0"),
        (["gn", "--set", "group_norm_groups=3"], "group_norm_groups=3 does not divide"),
        (["bn", "--set", "norm=rms-beta", "--backend", "reference"], "use backend='torch'"),
        (["bn", "--set", "momentum=0", "--set", "nesterov=true"], "takes a momentum above 0"),
        (["bn", "--set", "num_splits=2,4"], "num_splits changes nothing in bn: a trial with norm="),
        (["bn", "--set", "warmup=0.1"], "a trial with schedule=onecycle reads it"),
        (["bn", "--set", "block=conv", "--set", "norm=group"], "norm changes nothing in bn"),
        (["none", "--set", "block=conv relu norm,conv norm relu"],
         "'none block=conv norm relu' and 'none block=conv relu norm' are one network: omit one"),
        (["none", "--set", "block=conv relu norm,conv relu norm,conv norm relu"],
         "'none block=conv norm relu' and 'none block=conv relu norm' are one network: omit one"),
        (["bn", "--sync-batch-norm"], "is for several processes, and this is one: start more"),
        (["bn", "--epochs", "3", "--set", "epochs=5"], "both say how many: leave one out"),
        (["bn", "--seeds", "501"], "these are 501 tasks: --yes runs more than 500"),
        (["bn", "--scale-lr", "sqrt"], "it goes with --set batch_size="),
        (["bn", "--table", "x.csv"], "it goes with --experiment"),
        (["bn", "--experiment", "order"], "leave out trials"),
        (["--experiment", "order", "--dataset", "mnist"], "leave out dataset, or change a copy"),
        (["--experiment", "nowhere.toml"], "no such file; there are"),
        (["--backend", "reference", "--precision", "bfloat16"], "which NumPy does not have"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_runs(planned, words, told, tmp_path):
    with pytest.raises(TrainingError) as refused:
        planned(*words)
    assert told in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_many_tasks_run_when_told_to(planned):
    assert len(planned("bn", "--seeds", "501", "--yes").tasks) == 501


def test_a_run_that_exists_is_one_sentence(planned, tmp_path):
    begin(tmp_path / "run" / "bn" / "seed-0")
    with pytest.raises(TrainingError, match="holds a run already, with 1 of these 6 tasks"):
        planned("bn", "ln", "--seeds", "3")


def test_what_the_table_of_a_study_has_is_not_run_again_under_other_conditions(planned, tmp_path):
    """All tasks that the sample has names for are in this table, of full data."""
    table = tmp_path / "order.csv"
    shutil.copy(ROOT / "workbooks/studies/order.csv", table)
    words = ("--experiment", "order", "--table", str(table))
    with pytest.raises(TrainingError, match="holds tasks with full data in float32, this run is"):
        planned(*words)
    assert planned(*words, "--data", "data").tasks == []
    with pytest.raises(TrainingError, match="this run is with precision=bfloat16; use another"):
        planned(*words, "--data", "data", "--precision", "bfloat16")


def test_a_study_goes_on_in_the_precision_of_its_table(planned, tmp_path):
    table = StudyTable(tmp_path / "order.csv", read_study("order"))
    words = ("--experiment", "order", "--table", str(table.path))
    done, *_ = planned(*words, "--precision", "bfloat16").tasks
    table.add(done, {"last_accuracy": 99.0}, "abc")
    assert {task.settings.precision for task in planned(*words).tasks} == {"bfloat16"}


def test_a_given_rate_is_that_of_the_trials_own_batch(planned):
    words = ("--set", "batch_size=16,64", "--set", "learning_rate=0.2", "--scale-lr", "sqrt")
    rates = {t.config.batch_size: t.config.learning_rate for t in planned("bn", *words).tasks}
    assert rates == {16: 0.1, 64: 0.2}


def test_a_changed_batch_at_the_old_rate_is_seen_whatever_an_arm_is_called(planned):
    def flagged(*words):
        return plan.changed_batches([task.config for task in planned(*words).tasks])

    assert flagged("bn", "--set", "batch_size=8,64") == ["bn batch_size=8"]
    assert flagged("bn", "--set", "batch_size=8", "--scale-lr", "sqrt") == []
    given = ("bn", "--set", "batch_size=2,8,64", "--set", "learning_rate=0.05")
    assert flagged(*given) == [f"bn batch_size={b} learning_rate=0.05" for b in (2, 8)]
    assert flagged(*given, "--scale-lr", "sqrt") == []
    assert flagged("bn", "--set", "batch_size=8", "--set", "learning_rate=0.05") == []
    arms = [
        {"name": "small", "batch_size": 2},
        {"name": "as it is"},
        {"name": "slow", "batch_size": 2, "learning_rate": 0.01},
    ]
    study = parse_study("mine", {"trials": ["bn"], "arm": arms})
    assert plan.changed_batches(list(study.arms.values())) == ["small"]


def test_a_name_longer_than_a_folders_is_refused_before_the_first_task(planned, tmp_path):
    """In bytes: a letter with an accent has two."""
    file = tmp_path / "mine.toml"
    for name, is_too_long in (("é" * 127 + "e", False), ("é" * 128, True)):
        file.write_text(f'trials = ["bn"]\nseeds = 1\n[[arm]]\nname = "{name}"\n', encoding="utf-8")
        if is_too_long:
            with pytest.raises(TrainingError, match="name of 256 bytes, and a folder's has 255"):
                planned("--experiment", str(file))
        else:
            assert names(planned("--experiment", str(file))) == [f"mnist/{name}/seed-0"]
