"""Studies as files: those of the package, a user's own, and what is refused."""

import math

import pytest

from training.errors import TrainingError
from training.experiments.study import known_studies, parse_study, read_study

# The claims and how many primary questions each is made of; and the description.
PARTS = {
    "batch-size": 2, "decay": 1, "dropout": 2, "ghost": 1, "l2": 3, "order": 1, "rates": 1,
    "rms": 1,
}  # fmt: skip
NAMES = [*PARTS]


def test_the_eight_claims_and_the_description_are_there():
    assert {name: len(read_study(name).primary) for name in known_studies()} == PARTS | {"norms": 0}
    for name in NAMES:
        study = read_study(name)
        assert study.datasets == ("mnist", "fashion-mnist")
        assert study.claim
        assert study.source
        assert {config.train_size for config in study.arms.values()} == {6000}
        assert study.recounts is (name == "dropout")
    assert read_study("norms").datasets == ("mnist",)


@pytest.mark.parametrize("name", NAMES)
def test_arms_are_given_as_many_images_and_differ(name):
    arms = read_study(name).arms.values()
    assert {config.passes * config.train_size for config in arms} <= {120_000, 480_000}
    decisive = [{**config.to_dict(), "name": "", "summary": ""} for config in arms]
    assert all(one != other for place, one in enumerate(decisive) for other in decisive[:place])


def test_the_slope_is_that_of_three_equal_steps():
    slope, *_ = read_study("l2").tests
    steps = [math.log(decay) for decay in (0.001, 0.016)]
    assert sum(w * x for w, x in zip(slope.weights.values(), steps, strict=True)) == pytest.approx(
        1, abs=1e-4
    )


MINE = {"trials": ["bn", "gn"], "seeds": 2, "set": {"batch_size": [8, 64], "epochs": 1}}


def test_a_study_of_a_few_lines_is_a_grid():
    study = parse_study("mine", MINE)
    assert list(study.arms) == [
        "bn batch_size=8 epochs=1", "bn epochs=1", "gn batch_size=8 epochs=1", "gn epochs=1",
    ]  # fmt: skip
    assert (study.title, study.seeds) == ("mine", (0, 1))


def test_the_digest_follows_arms_and_questions_and_no_words():
    study = parse_study("mine", MINE)
    assert parse_study("mine", MINE | {"title": "other words"}).digest == study.digest
    assert parse_study("mine", MINE | {"set": {"epochs": 2}}).digest != study.digest
    question = {"text": "?", "weights": {"bn epochs=1": 1}, "high": 0.0}
    asked = parse_study("mine", MINE | {"test": [question]})
    assert asked.digest != study.digest
    more = parse_study("mine", MINE | {"test": [question], "seeds": 3})
    assert more.digest != asked.digest
    assert parse_study("mine", MINE | {"seeds": 3}).digest == study.digest
    other = parse_study("mine", MINE | {"test": [question | {"high": 0.1}]})
    assert other.digest != asked.digest
    elsewhere = parse_study("mine", MINE | {"test": [question], "datasets": ["kmnist"]})
    assert elsewhere.digest != asked.digest
    usual = parse_study("mine", MINE | {"test": [question], "datasets": ["mnist", "fashion-mnist"]})
    assert usual.digest != asked.digest


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"trails": ["bn"]}, "unknown key 'trails'; a study has title"),
        ({"seeds": 0}, "seeds=0 must be 1 or more"),
        ({"seeds": "five"}, "seeds='five' is not int"),
        ({"trials": ["bm"]}, "unknown trial 'bm'"),
        ({"set": {"batchsize": 2}}, "'batchsize' is no field of a trial"),
        ({"set": {"batch_size": True}}, "batch_size=True is not a whole number"),
        ({"set": {"batch_size": 2.5}}, "batch_size=2.5 is not a whole number"),
        ({"arm": [{"name": "a"}]}, "batch_size has several values in"),
        ({"arm": [{"name": "../../a"}]}, "an arm is called '../../a'; its name is a folder's"),
        ({"arm": [{"name": "a\nb"}]}, "an arm is called 'a b'; its name is a folder's"),
        ({"images": 1000}, "images says how many are seen, of one train_size, as epochs and"),
        ({"set": {}, "images": 1000}, "must be a multiple of one train_size in [set], of which"),
        ({"set": {"train_size": 300}, "images": 1000}, "of which there is 300"),
        ({"seeds": 10**9}, "seeds=1000000000 must be 1 or more, and at most 100,000"),
        ({"set": {"batch_size": math.inf}}, "batch_size=inf is not a whole number"),
        ({"trials": []}, "it names no trials"),
        ({"trials": [], "arm": [{"name": "a"}]}, "it names no trials"),
        ({"arm": [], "set": {}}, "it has no arm"),
        ({"arm": [1]}, "an [[arm]] is a table with a name and what is changed, not 1"),
        ({"set": {"batch_size": []}}, "batch_size in [set] has no value"),
        ({"datasets": ["mnist", "mnist"]}, "names one twice"),
        ({"datasets": [["mnist"]]}, "datasets: ['mnist'] is not a word"),
        ({"measures": ["log error"]}, "unknown key 'measures'"),
        (
            {"set": {}, "trials": ["bn"], "arm": [{"name": "a"}, {"name": "a", "epochs": 2}]},
            "two trials would be called 'a' and differ in epochs",
        ),
        (
            {"set": {"learning_rate": [0.12345678, 0.12345679]}},
            "two trials would be called 'bn learning_rate=0.123457' and differ in learning_rate",
        ),
        (
            {"set": {}, "trials": ["bn", "gn"], "arm": [{"name": "a"}]},
            "no [[arm]] takes the trial 'gn': leave it out",
        ),
        (
            {"set": {}, "trials": ["bn"], "arm": [{"name": "a"}, {"name": "b", "num_splits": 4}]},
            "num_splits changes nothing in b: a trial with norm=ghost reads it",
        ),
        ({"test": [{"weight": {}}]}, "is wrong"),
        ({"test": [1]}, "is wrong"),
    ],
)
def test_what_cannot_be_is_one_sentence(changes, told):
    with pytest.raises(TrainingError) as refused:
        parse_study("mine", MINE | changes)
    assert told in str(refused.value)


ARM = "bn epochs=1"
ASKED = {"text": "Is it?", "weights": {ARM: 1, "gn epochs=1": -1}, "high": 0.0}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weights": {"nobody": 1}}, "weighs 'nobody'; the arms are"),
        ({"weights": {}}, "weights={} must give arms a number each"),
        ({"weights": {ARM: "1"}}, "the weight '1' of 'bn epochs=1' is not a number"),
        ({"weights": {ARM: 0}}, "the weight 0 of 'bn epochs=1' is not a number other than 0"),
        ({"measure": "joy"}, "measure='joy' is not one of"),
        ({"low": "0"}, "low='0' is not a number"),
        ({"high": math.nan}, "high=nan is not a number"),
        ({"refuted_high": True}, "refuted_high=True is not a number"),
        ({"primary": 1}, "primary=1 is not true or false"),
        ({"high": None}, "without low or high nothing can support it"),
        ({"low": 0.1}, "low=0.1 is above high=0.0"),
        ({"measure": "log largest rate"}, "only low and refuted_high are tested"),
        (
            {"measure": "log largest rate", "low": 0.0, "high": None, "weights": {ARM: 1}},
            "compares arms of positive and negative weight",
        ),
        ({"measure": "log stale error"}, "'gn epochs=1' has no running statistics"),
    ],
)
def test_a_question_that_no_run_could_answer_is_refused_before_it(changes, told):
    with pytest.raises(TrainingError) as refused:
        parse_study("mine", MINE | {"test": [ASKED | changes]})
    assert told in str(refused.value)
    assert "Is it?" in str(refused.value)


def test_a_limit_of_one_side_asks_for_no_equality():
    asked = [{"high": 0.0}, {"low": 0.0, "high": None}, {"low": -0.1, "high": 0.1}]
    tests = parse_study("mine", MINE | {"test": [ASKED | limits for limits in asked]}).tests
    assert [test.is_equality for test in tests] == [False, False, True]


LISTED = ["conv 8", "pool", "conv 16"]


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        (LISTED, [LISTED]),
        ("conv 8+pool", [["conv 8", "pool"]]),
        ([LISTED, ["conv 8"]], [LISTED, ["conv 8"]]),
        (["conv 8+pool", "conv 8+pool+pool"], [["conv 8", "pool"], ["conv 8", "pool", "pool"]]),
    ],
    ids=["a list", "a text", "two lists", "two texts"],
)
@pytest.mark.parametrize("arm", [None, {"name": "a"}], ids=["grid", "arms"])
def test_a_list_of_layers_is_one_network(value, networks, arm):
    values = {"trials": ["bn"], "set": {"layers": value}} | ({"arm": [arm]} if arm else {})
    if arm and len(networks) > 1:
        with pytest.raises(TrainingError, match="layers has several values"):
            parse_study("mine", values)
        return
    found = [list(config.layers) for config in parse_study("mine", values).arms.values()]
    assert found == networks


def test_a_file_called_as_a_study_of_the_package_is_the_users_own(tmp_path, monkeypatch):
    """Where there is one; else the name of the package's file means that."""
    monkeypatch.chdir(tmp_path)
    assert read_study("order.toml") == read_study("order")
    for place in ("./order.toml", "mine.toml"):
        with pytest.raises(TrainingError, match=rf"{place}: no such file; there are batch-size"):
            read_study(place)
    (tmp_path / "order.toml").write_text('title = "mine"\ntrials = ["gn"]\n')
    for place in ("order.toml", "./order.toml", str(tmp_path / "order.toml")):
        assert read_study(place).title == "mine"
    assert read_study("order").title.startswith("E7")


def test_a_file_that_is_no_toml_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("trials = [")
    with pytest.raises(TrainingError, match=r"mine\.toml cannot be read"):
        read_study(str(path))


def test_a_grid_of_batches_may_take_the_learning_rate_along():
    values = {"trials": ["bn"], "set": {"batch_size": [16, 256]}}
    scaled = parse_study("mine", values | {"scale_lr": "sqrt"})
    assert [arm.learning_rate for arm in scaled.arms.values()] == [0.05, 0.2]
    for wrong in ({"scale_lr": "twice"}, {"scale_lr": "sqrt", "set": {}}):
        with pytest.raises(TrainingError, match="must be one of linear, sqrt, beside a grid"):
            parse_study("mine", values | wrong)


def test_images_seen_are_passes_over_the_drawn_ones():
    by_images = {"trials": ["bn"], "set": {"train_size": 6000}, "images": 120_000}
    (arm,) = parse_study("mine", by_images).arms.values()
    assert (arm.epochs, arm.passes, arm.train_size) == (1, 20, 6000)
