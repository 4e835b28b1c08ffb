import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, Judgments, Prior, fit, item_posterior
from tests.consensus import plain
from tests.consensus.crowds import campaign, judgments, with_gold


@settings(max_examples=120, deadline=None)
@given(with_gold(), st.integers(1, 6))
def test_the_fast_fit_is_the_plain_one_to_1e_9(case, iterations):
    judged, gold = case
    prior = Prior(strength=3.0, own_strength=2.0)
    result = fit(judged, gold=gold, prior=prior, difficulty=False, max_iterations=iterations, tolerance=-1e300)
    posterior, objective = plain.dawid_skene(judged, gold, iterations, prior)
    np.testing.assert_allclose(result.log_objective, objective, rtol=1e-9, atol=1e-9)
    judged_items = result.n > 0
    np.testing.assert_allclose(result.posterior[judged_items], np.array(posterior)[judged_items], rtol=0, atol=1e-9)
    assert result.iterations == iterations


@settings(max_examples=150, deadline=None)
@given(with_gold(most=40))
def test_the_objective_never_falls_and_nothing_is_nan(case):
    judged, gold = case
    result = fit(judged, gold=gold)
    steps = np.diff(result.log_objective)
    assert (steps >= -1e-9 * np.maximum(1.0, np.abs(result.log_objective[:-1]))).all()
    for numbers in (result.posterior, result.risk, result.confusion, result.pooled, result.class_prior):
        assert np.isfinite(numbers).all()
    np.testing.assert_allclose(result.posterior.sum(axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(result.confusion.sum(axis=2), 1.0, atol=1e-12)
    quality = result.annotator
    assert ((quality.low >= 0) & (quality.low <= quality.accuracy)).all()
    assert ((quality.accuracy <= quality.high) & (quality.high <= 1)).all()
    for item, answer in gold.items():
        assert result.posterior[item, answer] == 1.0
        assert result.answer[item] == answer


@settings(max_examples=60, deadline=None)
@given(judgments(most=40), st.randoms(use_true_random=False), st.sampled_from(["majority", "map-dawid-skene"]))
def test_the_order_of_rows_changes_no_bit(judged, random, method):
    order = list(range(len(judged)))
    random.shuffle(order)
    weight = None if judged.weight is None else judged.weight[order]
    shuffled = Judgments(
        judged.item[order],
        judged.annotator[order],
        judged.answer[order],
        judged.n_items,
        judged.n_annotators,
        judged.n_classes,
        judged.n_answers,
        weight,
    )
    one, two = fit(judged, method), fit(shuffled, method)
    assert one.posterior.tobytes() == two.posterior.tobytes()
    assert one.confusion.tobytes() == two.confusion.tobytes()
    assert one.annotator.low.tobytes() == two.annotator.low.tobytes()
    assert one.log_objective == two.log_objective


@settings(max_examples=60, deadline=None)
@given(with_gold(weights=False))
def test_weight_two_is_the_same_answer_twice_and_weight_zero_is_none(case):
    judged, gold = case
    M = len(judged)
    shape = (judged.n_items, judged.n_annotators, judged.n_classes, judged.n_answers)
    times = np.arange(M) % 3
    weighted = Judgments(judged.item, judged.annotator, judged.answer, *shape, times.astype(float))
    again = np.repeat(np.arange(M), times)
    repeated = Judgments(judged.item[again], judged.annotator[again], judged.answer[again], *shape)
    one = fit(weighted, gold=gold, max_iterations=5, tolerance=-1e300)
    two = fit(repeated, gold=gold, max_iterations=5, tolerance=-1e300)
    np.testing.assert_allclose(one.posterior, two.posterior, atol=1e-9)


def test_unsure_is_an_answer_of_its_own_that_no_item_has():
    # Annotator 2 says "unsure" on class 1 only: that is evidence for class 1, and never an answer.
    item = np.repeat(np.arange(40), 3)
    annotator = np.tile(np.arange(3), 40)
    truth = np.arange(40) % 2
    answer = np.where(annotator == 2, np.where(truth[item] == 1, 2, 0), truth[item])
    kept = ~((item == 1) & (annotator < 2))
    judged = Judgments(item[kept], annotator[kept], answer[kept], 40, 3, 2, 3)
    result = fit(judged)
    assert result.posterior.shape == (40, 2)
    assert result.posterior[1, 1] > 0.9
    assert result.n[1] == 1


def test_an_item_nobody_judged_has_the_prior_and_no_answer():
    judged, _ = campaign(np.random.default_rng(1), [0.9] * 5, n_items=50, yes=0.8)
    wider = Judgments(judged.item, judged.annotator, judged.answer, 51, 5, 2, 3)
    result = fit(wider)
    assert result.answer[50] == -1
    assert result.n[50] == 0
    np.testing.assert_allclose(result.posterior[50], result.class_prior, atol=1e-12)


def test_two_judgments_do_not_make_a_sure_annotator():
    rng = np.random.default_rng(2)
    judged, truth = campaign(rng, [0.8] * 10, n_items=200)
    newcomer = Judgments(
        np.append(judged.item, [0, 1]),
        np.append(judged.annotator, [10, 10]),
        np.append(judged.answer, truth[:2]),
        200,
        11,
        2,
        3,
    )
    result = fit(newcomer)
    assert result.confusion[10].max() < 0.95
    assert result.annotator.high[10] - result.annotator.low[10] > 0.25
    assert result.annotator.low[10] < result.annotator.accuracy[:10].mean() < result.annotator.high[10]


def test_gold_teaches_who_is_good_where_the_crowd_is_split():
    # Two against two on every item: only gold can tell which pair is right.
    item = np.repeat(np.arange(60), 4)
    annotator = np.tile(np.arange(4), 60)
    truth = np.arange(60) % 2
    answer = np.where(annotator < 2, truth[item], 1 - truth[item])
    judged = Judgments(item, annotator, answer, 60, 4, 2, 2)
    result = fit(judged, gold={i: int(truth[i]) for i in range(20)})
    assert (result.answer == truth).all()
    assert (result.annotator.low[:2] > 0.8).all()
    assert (result.annotator.high[2:] < 0.2).all()


def test_gold_items_do_not_bend_the_shares_of_classes():
    judged, truth = campaign(np.random.default_rng(3), [0.95] * 6, n_items=400, yes=0.5)
    only_yes = {int(i): 0 for i in np.flatnonzero(truth == 0)[:150]}
    result = fit(judged, gold=only_yes)
    left = np.setdiff1d(np.arange(400), list(only_yes))
    assert abs(result.class_prior[0] - (truth[left] == 0).mean()) < 0.03


def test_a_tie_is_stated_and_goes_to_the_first_answer():
    judged = Judgments(np.array([0, 0]), np.array([0, 1]), np.array([1, 0]), 1, 2, 2, 2)
    for method in ("majority", "map-dawid-skene"):
        result = fit(judged, method)
        assert result.tied[0]
        assert result.answer[0] == 0
        assert result.risk[0] == pytest.approx(0.5)


def test_bad_annotators_are_weighted_down():
    rng = np.random.default_rng(4)
    skills = [0.9, 0.85, 0.8, 0.75, 0.95, 0.5, 0.5, 0.5]
    judged, truth = campaign(rng, skills, n_items=600, per_item=5, random=(5, 6), constant=(7,))
    ours, votes = fit(judged), fit(judged, "majority")
    assert (ours.answer == truth).mean() > (votes.answer == truth).mean()
    assert ours.annotator.high[5:].max() < ours.annotator.low[:5].max()


def test_majority_is_the_plain_one():
    rng = np.random.default_rng(5)
    judged, _ = campaign(rng, [0.7] * 6, n_items=80, n_classes=4, yes=0.25, unsure=0.1)
    gold = {3: 2, 9: 0}
    np.testing.assert_allclose(fit(judged, "majority", gold).posterior, plain.majority(judged, gold), atol=1e-12)


def test_one_item_is_updated_as_a_fit_with_the_same_confusions_would():
    judged, _ = campaign(np.random.default_rng(6), [0.9, 0.8, 0.7, 0.85], n_items=60, per_item=3, unsure=0.1)
    result = fit(judged, max_iterations=400, tolerance=0.0)
    for i in range(60):
        mine = judged.item == i
        row = item_posterior(result, judged.annotator[mine], judged.answer[mine])
        np.testing.assert_allclose(row, result.posterior[i], atol=1e-9)
    stranger = item_posterior(result, np.array([-1]), np.array([0]))
    assert stranger[0] > result.class_prior[0]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (lambda: Judgments(np.array([0]), np.array([0]), np.array([2]), 1, 1, 2, 2), "answer 2"),
        (lambda: Judgments(np.array([-1]), np.array([0]), np.array([0]), 1, 1, 2, 2), "item -1"),
        (lambda: Judgments(np.array([0, 0]), np.array([0]), np.array([0]), 1, 1, 2, 2), "equally long"),
        (lambda: Judgments(np.array([0.5]), np.array([0]), np.array([0]), 1, 1, 2, 2), "integers"),
        (lambda: Judgments(np.array([0]), np.array([0]), np.array([0]), 1, 1, 0, 2), "at least one class"),
        (
            lambda: Judgments(np.array([0]), np.array([0]), np.array([0]), 1, 1, 2, 2, np.array([np.nan])),
            "finite",
        ),
        (lambda: fit(ONE, gold={4: 0}), "gold names item 4"),
        (lambda: fit(ONE, gold={0: 7}), "gold says 7"),
        (lambda: fit(ONE, "guess"), "no method 'guess'"),
        (lambda: fit(ONE, prior=Prior(strength=0.0)), "above 0"),
        (lambda: fit(ONE, max_iterations=0), "one iteration"),
        (lambda: fit(Judgments(*([np.array([0])] * 3), 1, 10_000, 1_000, 1_000), "dawid-skene"), "memory"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(case, words):
    with pytest.raises(ConsensusError, match=words):
        case()


ONE = Judgments(np.array([0]), np.array([0]), np.array([1]), 1, 1, 2, 2)


def test_one_judgment_and_none_at_all_have_defined_results():
    none = np.array([], dtype=np.int64)
    for method in ("majority", "map-dawid-skene"):
        one = fit(ONE, method)
        assert one.answer[0] == 1
        empty = fit(Judgments(none, none, none, 2, 1, 2, 3), method)
        assert (empty.answer == -1).all()
        assert np.isfinite(empty.posterior).all()
        assert np.isfinite(empty.annotator.accuracy).all()
        nothing = fit(Judgments(none, none, none, 0, 0, 2, 2), method)
        assert nothing.posterior.shape == (0, 2)
