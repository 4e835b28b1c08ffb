import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import Judgments, findings, fit, flags, weighted_down
from consensus.copying import copied_pairs, copying_chances, copying_scores, judgment_pairs
from consensus.pace import drifting, log_paces, too_fast, trend
from consensus.simulate import Annotator, Items, honest_crowd, simulate, with_planted
from tests.consensus.crowds import judgments


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans(), st.integers(0, 3)), max_size=20))
def test_scores_and_chances_are_the_plain_ones_to_1e_9(events):
    p, same, group = (np.array([e[k] for e in events], dtype=t) for k, t in ((0, float), (1, bool), (2, np.int64)))
    scores = copying_scores(p, same, group, 4)
    plain = [
        sum(math.log((0.9 + 0.1 * q) / q) if agree else math.log(0.1) for q, agree, g in events if g == pair)
        for pair in range(4)
    ]
    assert scores == pytest.approx(plain, rel=1e-9, abs=1e-9)
    share = 0.01
    for _ in range(50):
        likely = [share * math.exp(s) / (share * math.exp(s) + 1 - share) for s in plain]
        share = (sum(likely) + 1) / 104
    assert copying_chances(scores) == pytest.approx(likely, rel=1e-9, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(judgments())
def test_every_two_judgments_of_an_item_are_a_pair_once(judged):
    one, other = judgment_pairs(judged)
    rows = [
        m
        for m in range(len(judged))
        if judged.answer[m] < judged.n_classes and (judged.weight is None or judged.weight[m] > 0)
    ]
    last = {(int(judged.item[m]), int(judged.annotator[m])): m for m in rows}
    plain = {(m, k) for (i, a), m in last.items() for (j, b), k in last.items() if i == j and a < b}
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == plain
    assert len(one) == len(plain)


def copying_crowd(seed, n_bad=4, K=5):
    crowd = with_planted(honest_crowd(40, seed, accuracy=(0.65, 0.9)), "copying", n_bad, seed)
    return simulate(crowd, Items(400, K), each=50, seed=seed), set(range(40 - n_bad, 40))


def test_copies_are_found_and_the_one_who_answered_later_is_named():
    caught = accused = 0
    for seed in range(12):
        made, bad = copying_crowd(seed)
        result = fit(made.judgments)
        named = {f.annotator for f in findings(result, made.judgments, moment=made.moment) if f.flag == "copying"}
        caught, accused = caught + len(named & bad), accused + len(named - bad)
    assert caught >= 45  # of 48
    assert accused <= 6  # of 432; 1 % would be 4


def test_without_times_both_of_a_pair_are_shown():
    made, bad = copying_crowd(0, n_bad=1)
    pairs = copied_pairs(fit(made.judgments), made.judgments)
    assert [pair.later for pair in pairs] == [None]
    copier = bad.pop()
    assert copier in (pairs[0].first, pairs[0].second)
    assert sum("copying" in s for s in flags(fit(made.judgments), made.judgments)) == 2


def test_people_who_err_alike_on_misleading_items_do_not_copy():
    accused = 0
    for seed in range(10):
        crowd = honest_crowd(12, seed, accuracy=(0.65, 0.9))
        made = simulate(crowd, Items(300, 5, difficulty=1.0, decoy=0.7), per_item=4, seed=seed)
        accused += sum("copying" in s for s in flags(fit(made.judgments), made.judgments, moment=made.moment))
    assert accused <= 4  # of 120, each with 11 partners


@pytest.mark.parametrize("method", ["map-dawid-skene", "majority"])
def test_a_copied_answer_counts_a_tenth_and_what_was_answered_otherwise_counts_fully(method):
    made, bad = copying_crowd(1, n_bad=1)
    judged, copier = made.judgments, bad.pop()
    found = [f for f in findings(fit(judged, method), judged, moment=made.moment) if f.flag == "copying"]
    assert [f.annotator for f in found] == [copier]
    lighter = weighted_down(judged, found)
    told = {int(judged.item[m]): int(judged.answer[m]) for m in np.flatnonzero(judged.annotator == found[0].partner)}
    for m in range(len(judged)):
        repeats = judged.annotator[m] == copier and told.get(int(judged.item[m])) == judged.answer[m]
        assert lighter.weight[m] == (pytest.approx(0.1) if repeats else 1.0)
    assert len(fit(lighter, method).posterior) == judged.n_items


def test_too_fast_people_are_found_and_brisk_ones_are_not():
    caught = accused = 0
    for seed in range(12):
        made = simulate(with_planted(honest_crowd(30, seed), "fast", 6, seed), Items(300, 3), each=50, seed=seed)
        found = too_fast(made.judgments, made.seconds)
        caught, accused = caught + sum(j >= 24 for j in found), accused + sum(j < 24 for j in found)
    assert caught >= 69  # of 72: 95 %
    assert accused <= 6  # of 288
    brisk = [Annotator(seconds=4.0)] * 10 + [Annotator(seconds=2.5)]
    made = simulate(brisk, Items(300, 2), each=60)
    assert too_fast(made.judgments, made.seconds) == []


def test_paces_are_medians_and_unmeasured_times_do_not_count():
    rng = np.random.default_rng(0)
    judged = Judgments(rng.integers(9, size=400), rng.integers(5, size=400), np.zeros(400, dtype=int), 9, 6, 1, 1)
    seconds = rng.lognormal(size=400)
    seconds[::3] = np.nan
    seconds[::7] = 0.0
    paces = log_paces(judged, seconds)
    for j in range(6):
        mine = [s for a, s in zip(judged.annotator, seconds, strict=True) if a == j and s > 0]
        if len(mine) < 20:
            assert np.isnan(paces[j])
        else:
            assert paces[j] == pytest.approx(np.median(np.log(mine)), abs=1e-9)


def test_who_tires_is_found_and_steady_people_are_left_alone():
    caught = accused = 0
    for seed in range(12):
        crowd = [*honest_crowd(15, seed)[:14], Annotator(accuracy=0.97, fatigue=3.0)]
        made = simulate(crowd, Items(500, 3), per_item=4, seed=seed)
        found = drifting(fit(made.judgments), made.judgments, made.moment)
        caught, accused = caught + (14 in found), accused + sum(j < 14 for j in found)
    assert caught >= 11  # of 12
    assert accused <= 4  # of 168


def test_the_trends_false_alarms_are_those_of_the_permutations():
    rng = np.random.default_rng(0)
    right = (rng.random(60) < 0.8).astype(float)
    z = [trend(rng.permutation(right))[0] for _ in range(4000)]
    assert np.mean(np.array(z) < -2.326) == pytest.approx(0.01, abs=0.006)
    assert np.std(z) == pytest.approx(1.0, abs=0.05)


def test_a_drifters_later_half_weighs_half():
    made = simulate([Annotator(accuracy=0.97, fatigue=3.0)] + [Annotator(accuracy=0.9)] * 5, Items(200, 3), per_item=4)
    result = fit(made.judgments)
    found = findings(result, made.judgments, moment=made.moment)
    assert {f.annotator for f in found if f.flag == "drifting"} == {0}
    weight = weighted_down(made.judgments, [f for f in found if f.flag == "drifting"], moment=made.moment).weight
    mine = made.judgments.annotator == 0
    assert weight[mine].sum() == pytest.approx(0.75 * mine.sum(), abs=0.5)
    assert (weight[~mine] == 1.0).all()


@settings(max_examples=80, deadline=None)
@given(judgments(most=60), st.sampled_from(["map-dawid-skene", "majority"]))
def test_any_judgments_have_findings_and_weights_without_a_nan(judged, method):
    seconds, moment = np.full(len(judged), np.nan), np.arange(len(judged), dtype=float)
    found = findings(fit(judged, method), judged, seconds=seconds, moment=moment)
    assert np.isfinite(weighted_down(judged, found, moment=moment).weight).all()


def test_everybody_equal_alone_or_contradicted_by_gold_is_no_crash():
    one = Judgments(np.arange(100), np.zeros(100, dtype=int), np.arange(100) % 2, 100, 1, 2, 2)
    same = Judgments(np.repeat(np.arange(50), 4), np.tile(np.arange(4), 50), np.ones(200, dtype=int), 50, 4, 2, 2)
    for judged in (one, same):
        for gold in (None, dict.fromkeys(range(50), 0)):
            moment = np.arange(len(judged), dtype=float)
            said = flags(fit(judged, gold=gold), judged, seconds=np.ones(len(judged)), moment=moment)
            assert len(said) == judged.n_annotators
