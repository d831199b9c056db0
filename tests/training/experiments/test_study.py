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
        ({"test": [{"text": "?", "weights": {"nobody": 1}}]}, "weighs 'nobody'; the arms are"),
        ({"test": [{"text": "?", "weights": {}, "measure": "joy"}]}, "measure='joy' is not one of"),
        ({"test": [{"weight": {}}]}, "is wrong"),
    ],
)
def test_what_cannot_be_is_one_sentence(changes, told):
    with pytest.raises(TrainingError) as refused:
        parse_study("mine", MINE | changes)
    assert told in str(refused.value)


def test_a_file_that_is_no_toml_is_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("trials = [")
    with pytest.raises(TrainingError, match=r"mine\.toml cannot be read"):
        read_study(str(path))
