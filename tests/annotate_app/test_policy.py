"""Who gets what next, decided without a database."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate_app.policy import Candidate, choose, has_room, most_judgments

candidates = st.lists(
    st.builds(Candidate, item=st.integers(1, 10_000), n=st.integers(0, 5), leased=st.integers(0, 5)),
    max_size=60,
    unique_by=lambda candidate: candidate.item,
)
golds = st.lists(st.integers(20_000, 30_000), max_size=20, unique=True)


def fixed(n):
    return {"rule": "fixed", "n": n}


@given(candidates, golds, st.integers(1, 50), st.integers(1, 5), st.floats(0, 0.9), st.integers(0, 1000))
def test_nothing_is_given_beyond_what_the_stopping_rule_asks(pool, gold, wanted, most, rate, seed):
    chosen = choose(pool, gold, wanted, stopping=fixed(most), gold_rate=rate, random=Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    assert len(chosen) == len(set(chosen)) <= wanted
    for item in chosen:
        assert item in gold or by_item[item].n + by_item[item].leased < most


@given(candidates, st.integers(1, 50), st.integers(0, 1000))
def test_items_near_settling_come_first(pool, wanted, seed):
    chosen = choose(pool, [], wanted, stopping=fixed(5), gold_rate=0, random=Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    left = [by_item[item].n for item in by_item if item not in chosen and has_room(by_item[item], 5)]
    if chosen and left:
        assert min(by_item[item].n for item in chosen) >= max(left)
    assert len(chosen) == min(wanted, sum(has_room(candidate, 5) for candidate in pool))


@given(candidates, st.integers(1, 50), st.integers(0, 1000))
def test_under_a_risk_rule_the_least_judged_come_first_because_each_may_be_sure_early(pool, wanted, seed):
    rule = {"rule": "risk", "max_risk": 0.05, "max_n": 5}
    chosen = choose(pool, [], wanted, stopping=rule, gold_rate=0, random=Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    left = [by_item[item].n for item in by_item if item not in chosen and has_room(by_item[item], 5)]
    if chosen and left:
        assert max(by_item[item].n for item in chosen) <= min(left)


def test_the_same_seed_gives_the_same_choice_and_another_seed_another():
    pool = [Candidate(item, 0) for item in range(200)]
    first, again, other = (
        choose(pool, [], 20, stopping=fixed(3), gold_rate=0, random=Random(seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_gold_comes_at_its_rate_and_in_any_place():
    pool = [Candidate(item, 0) for item in range(1000)]
    gold = list(range(5000, 5500))
    places: set[int] = set()
    number = 0
    for seed in range(200):
        chosen = choose(pool, gold, 20, stopping=fixed(3), gold_rate=0.1, random=Random(seed))
        assert len(chosen) == 20
        shown = [place for place, item in enumerate(chosen) if item >= 5000]
        places.update(shown)
        number += len(shown)
    assert places == set(range(20))
    assert 300 < number < 500  # 400 expected of 4,000; five standard deviations are 95


def test_gold_never_keeps_a_person_busy_when_ordinary_items_are_out():
    assert choose([], [1, 2, 3], 10, stopping=fixed(3), gold_rate=0.5, random=Random(0)) == []


@pytest.mark.parametrize(
    ("rule", "most"),
    [({"rule": "fixed", "n": 3}, 3), ({"rule": "risk", "max_risk": 0.01, "max_n": 10}, 10)],
)
def test_the_most_judgments_follow_from_the_rule(rule, most):
    assert most_judgments(rule) == most
