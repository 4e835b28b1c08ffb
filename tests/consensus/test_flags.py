import numpy as np
import pytest

from consensus import Judgments, findings, fit, fit_weighted_down, flags, skill, weighted_down
from consensus.simulate import Items, honest_crowd, simulate, with_planted
from tests.consensus.crowds import campaign

GOOD = [0.97, 0.95, 0.92, 0.9, 0.88, 0.85, 0.82, 0.79, 0.75]


@pytest.mark.parametrize("method", ["map-dawid-skene", "majority"])
@pytest.mark.parametrize("yes", [0.5, 0.7])
def test_the_demos_two_bad_annotators_are_found_and_no_other(method, yes):
    found = {"random": 0, "constant": 0, "false": 0}
    for seed in range(20):
        judged, _ = campaign(
            np.random.default_rng(seed),
            [*GOOD, 0.5, 0.5],
            n_items=700,
            per_item=4,
            yes=yes,
            random=(9,),
            constant=(10,),
            unsure=0.03,
        )
        said = flags(fit(judged, method), judged)
        found["random"] += said[9] == {"random"}
        found["constant"] += said[10] == {"constant"}
        found["false"] += sum(bool(s) for s in said[:9])
    assert found["random"] >= 19
    assert found["constant"] == 20
    assert found["false"] <= 2  # of 180, about 1 in 100 allowed


def test_false_alarms_at_the_floor_itself_are_about_one_in_a_hundred():
    alarms = tries = 0
    for seed in range(30):
        # Skill 0.7 is the median; right 0.675 of the time is skill 0.35, exactly half of it.
        skills = [0.85] * 12 + [0.675] * 4
        judged, _ = campaign(np.random.default_rng(seed), skills, n_items=800, per_item=4)
        said = flags(fit(judged), judged)
        alarms += sum(bool(s) for s in said[12:])
        alarms += sum(bool(s) for s in said[:12])
        tries += 4
    assert alarms <= 6  # 1 % of 120 is 1.2; six or more have a chance below 1 in 500


def test_skill_estimates_the_share_of_answers_that_look():
    judged, _ = campaign(np.random.default_rng(0), [0.95, 0.9, 0.8, 0.7, 0.5, 0.1] * 3, n_items=3000)
    found = skill(fit(judged), judged)
    expected = np.array([0.9, 0.8, 0.6, 0.4, 0.0, -0.8] * 3)
    assert np.abs(found.skill - expected).max() < 0.12


def test_one_class_everywhere_accuses_nobody():
    item = np.repeat(np.arange(100), 4)
    annotator = np.tile(np.arange(4), 100)
    judged = Judgments(item, annotator, np.zeros(400, dtype=np.int64), 100, 4, 2, 2)
    assert flags(fit(judged), judged) == [set()] * 4


def test_a_crowd_of_guessers_and_an_annotator_alone_are_not_flagged():
    judged, _ = campaign(np.random.default_rng(1), [0.5] * 8, n_items=400, random=tuple(range(8)))
    result = fit(judged)
    found = skill(result, judged)
    assert found.typical < 0.1 or sum(map(bool, flags(result, judged))) <= 4
    alone = Judgments(np.arange(50), np.zeros(50, dtype=np.int64), np.zeros(50, dtype=np.int64), 50, 1, 2, 2)
    assert flags(fit(alone), alone) == [set()]


def test_who_says_the_opposite_is_told_and_read_backwards():
    accused = 0
    for seed in range(6):
        judged, truth = campaign(np.random.default_rng(seed), [0.9, 0.85, 0.85, 0.8, 0.8, 0.75, 0.1], n_items=400)
        found = fit_weighted_down(judged)
        said = {finding.annotator: finding.flag for finding in found.found}
        assert said.pop(6) == "contrary"
        accused += len(said)
        if not said:  # his answers are worth as much as another's, so that nothing weighs less
            assert found.judgments is judged
        assert (found.result.answer == truth).mean() > 0.9
    assert accused <= 1


def test_many_classes_random_and_constant_are_told_apart():
    judged, _ = campaign(
        np.random.default_rng(2),
        [0.9] * 8 + [0.5, 0.5],
        n_items=400,
        n_classes=8,
        yes=0.125,
        random=(8,),
        constant=(9,),
    )
    said = flags(fit(judged), judged)
    assert said[8] == {"random"}
    assert said[9] == {"constant"}
    assert not any(said[:8])


def test_whom_a_misled_first_fit_accuses_the_second_looks_at_again():
    people = with_planted(with_planted(honest_crowd(30, 0, accuracy=(0.5, 0.75)), "constant", 12, 0), "random", 4, 0)
    judged = simulate(people, Items(300, 4), per_item=5, seed=0).judgments
    first = findings(fit(judged), judged)
    second = findings(fit(weighted_down(judged, first)), judged)
    told = fit_weighted_down(judged)
    assert told.found == tuple(second)
    assert told.judgments.weight.tolist() == weighted_down(judged, second).weight.tolist()
    assert np.array_equal(told.result.posterior, fit(weighted_down(judged, second)).posterior)
