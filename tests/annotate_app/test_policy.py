"""Who gets what next, decided without a database."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate_app.policy import Candidate, Gold, Page, Rules, choose, has_room, may_be_given, most_judgments

candidates = st.lists(
    st.builds(Candidate, item=st.integers(1, 10_000), n=st.integers(0, 5), leased=st.integers(0, 5)),
    max_size=60,
    unique_by=lambda candidate: candidate.item,
)
golds = st.lists(st.integers(20_000, 30_000), max_size=20, unique=True).map(
    lambda items: [Gold(item, bool(item % 2)) for item in items]
)


def fixed(n):
    return {"rule": "fixed", "n": n}


@given(candidates, golds, st.integers(1, 50), st.integers(1, 5), st.floats(0, 0.9), st.integers(0, 1000))
def test_nothing_is_given_beyond_what_the_stopping_rule_asks(pool, gold, wanted, most, rate, seed):
    chosen = choose(pool, gold, wanted, Rules(fixed(most), gold_rate=rate), Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    assert len(chosen) == len(set(chosen)) <= wanted
    for item in chosen:
        assert item >= 20_000 or by_item[item].n + by_item[item].leased < most


@given(candidates, st.integers(1, 50), st.integers(0, 1000))
def test_items_near_settling_come_first(pool, wanted, seed):
    chosen = choose(pool, [], wanted, Rules(fixed(5)), Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    left = [by_item[item].n for item in by_item if item not in chosen and has_room(by_item[item], 5)]
    if chosen and left:
        assert min(by_item[item].n for item in chosen) >= max(left)
    assert len(chosen) == min(wanted, sum(has_room(candidate, 5) for candidate in pool))


@given(candidates, st.integers(1, 50), st.integers(0, 1000))
def test_under_a_risk_rule_the_least_judged_come_first_because_each_may_be_sure_early(pool, wanted, seed):
    rule = {"rule": "risk", "max_risk": 0.05, "max_n": 5}
    chosen = choose(pool, [], wanted, Rules(rule), Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    left = [by_item[item].n for item in by_item if item not in chosen and has_room(by_item[item], 5)]
    if chosen and left:
        assert max(by_item[item].n for item in chosen) <= min(left)


def test_the_same_seed_gives_the_same_choice_and_another_seed_another():
    pool = [Candidate(item, 0) for item in range(200)]
    first, again, other = (choose(pool, [], 20, Rules(fixed(3)), Random(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_gold_comes_at_its_rate_and_in_any_place():
    pool = [Candidate(item, 0) for item in range(1000)]
    gold = [Gold(item) for item in range(5000, 5500)]
    places: set[int] = set()
    number = 0
    for seed in range(200):
        chosen = choose(pool, gold, 20, Rules(fixed(3), gold_rate=0.1), Random(seed))
        assert len(chosen) == 20
        shown = [place for place, item in enumerate(chosen) if item >= 5000]
        places.update(shown)
        number += len(shown)
    assert places == set(range(20))
    assert 300 < number < 500  # 400 expected of 4,000; five standard deviations are 95


def test_gold_never_keeps_a_person_busy_when_ordinary_items_are_out():
    known = [Gold(item, True) for item in (1, 2, 3)]
    assert choose([], known, 10, Rules(fixed(3), gold_rate=0.5), Random(0)) == []
    assert choose([], known, 48, Rules(fixed(3), page=Page(48, 3, 3)), Random(0)) == []


@given(candidates, st.integers(1, 50), st.integers(0, 1000), st.sampled_from(["near_first", "near_last"]))
def test_a_curator_chooses_whether_items_near_settling_come_first_or_last(pool, wanted, seed, order):
    chosen = choose(pool, [], wanted, Rules(fixed(5), order=order), Random(seed))
    by_item = {candidate.item: candidate for candidate in pool}
    left = [by_item[item].n for item in by_item if item not in chosen and has_room(by_item[item], 5)]
    given_counts = [by_item[item].n for item in chosen]
    if chosen and left:
        assert min(given_counts) >= max(left) if order == "near_first" else max(given_counts) <= min(left)


@pytest.mark.parametrize("why", ["judged", "held", "given"])
def test_nobody_gets_what_they_judged_hold_or_contributed(why):
    pool = [Candidate(1, 0), Candidate(2, 2, **{why: True}), Candidate(3, 0)]
    assert not may_be_given(pool[1], 3)
    assert set(choose(pool, [], 10, Rules(fixed(3)), Random(0))) == {1, 3}


def test_what_a_model_disputes_comes_before_everything_the_most_disputed_first():
    pool = [Candidate(item, item % 3, priority=item if item > 95 else 0) for item in range(1, 100)]
    for seed in range(20):
        assert set(choose(pool, [], 4, Rules(fixed(3)), Random(seed))) == {96, 97, 98, 99}
        assert set(choose(pool, [], 2, Rules(fixed(3)), Random(seed))) == {98, 99}


@given(candidates, st.integers(1, 50), st.integers(0, 4), st.integers(0, 1000))
def test_a_person_gets_no_more_of_a_category_than_the_limit_leaves(pool, wanted, left, seed):
    pool = [Candidate(c.item, c.n, c.leased, category=1 + c.item % 2) for c in pool]
    by_item = {candidate.item: candidate for candidate in pool}
    chosen = choose(pool, [], wanted, Rules(fixed(5), left={1: left}), Random(seed))
    assert sum(by_item[item].category == 1 for item in chosen) <= left
    free = sum(has_room(candidate, 5) and candidate.category == 2 for candidate in pool)
    assert len(chosen) >= min(wanted, free)


def test_a_page_of_fixed_make_up_holds_so_many_known_right_and_known_wrong():
    pool = [Candidate(item, 0) for item in range(100)]
    gold = [Gold(item, item % 2 == 0) for item in range(5000, 5020)]
    places: set[int] = set()
    for seed in range(100):
        chosen = choose(pool, gold, 48, Rules(fixed(10), page=Page(48, 3, 3)), Random(seed))
        assert len(chosen) == 48
        known = [item for item in chosen if item >= 5000]
        assert sorted(item % 2 for item in known) == [0, 0, 0, 1, 1, 1]
        places |= {place for place, item in enumerate(chosen) if item >= 5000}
    assert places == set(range(48))


@pytest.mark.parametrize(
    ("rule", "most"),
    [({"rule": "fixed", "n": 3}, 3), ({"rule": "risk", "max_risk": 0.01, "max_n": 10}, 10)],
)
def test_the_most_judgments_follow_from_the_rule(rule, most):
    assert most_judgments(rule) == most
