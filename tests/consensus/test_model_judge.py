"""A model beside people, and labels that it disputes; a small softmax regression is the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, Judgments, fit
from consensus.label_issues import label_issues
from consensus.model_judge import join_model


def softmax(logits):
    out = np.exp(logits - logits.max(axis=1, keepdims=True))
    return out / out.sum(axis=1, keepdims=True)


def out_of_fold(features, labels, K, folds=5, steps=200):
    """Probabilities float64 [I, K] of softmax regressions that never saw the item they speak of."""
    fold, probabilities = np.arange(len(labels)) % folds, np.zeros((len(labels), K))
    x = np.column_stack([features, np.ones(len(labels))])
    for f in range(folds):
        train, weights = fold != f, np.zeros((x.shape[1], K))
        for _ in range(steps):
            error = softmax(x[train] @ weights) - np.eye(K)[labels[train]]
            weights -= 0.5 * (x[train].T @ error / train.sum() + 1e-3 * weights)
        probabilities[fold == f] = softmax(x[fold == f] @ weights)
    return probabilities


@pytest.fixture(scope="module")
def pictures():
    """(judgments of noisy people, truth, out-of-fold probabilities learned from the people's majority)."""
    rng = np.random.default_rng(0)
    n, K, per = 1500, 3, 3
    truth = rng.integers(K, size=n)
    features = 1.6 * np.eye(K)[truth] + rng.normal(0, 0.7, (n, K))
    who = np.concatenate([rng.choice(12, per, replace=False) for _ in range(n)])
    item = np.repeat(np.arange(n), per)
    right = rng.random(n * per) < np.linspace(0.5, 0.85, 12)[who]
    answer = np.where(right, truth[item], (truth[item] + rng.integers(1, K, n * per)) % K)
    judged = Judgments(item, who, answer, n, 12, K, K)
    return judged, truth, out_of_fold(features, fit(judged, "majority").answer, K)


def test_people_and_a_model_are_better_than_either(pictures):
    judged, truth, model = pictures
    people = fit(judged)
    both = join_model(people, judged, model)
    right = (both.posterior.argmax(axis=1) == truth).mean()
    assert right > (people.answer == truth).mean() + 0.03
    assert right > (model.argmax(axis=1) == truth).mean()
    assert both.weight > 0.3
    np.testing.assert_allclose(both.posterior.sum(axis=1), 1.0, atol=1e-12)


def test_a_model_that_knows_nothing_changes_next_to_nothing(pictures):
    judged, truth, model = pictures
    people = fit(judged)
    shuffled = model[np.random.default_rng(1).permutation(len(model))]
    both = join_model(people, judged, shuffled)
    assert (both.posterior.argmax(axis=1) == truth).mean() > (people.answer == truth).mean() - 0.01


def test_gold_stays_and_wrong_shapes_are_refused(pictures):
    judged, truth, model = pictures
    people = fit(judged, gold={0: int(truth[0]), 1: 2})
    both = join_model(people, judged, model)
    assert both.posterior[1, 2] == 1.0
    with pytest.raises(ConsensusError, match="probabilities"):
        join_model(people, judged, model[:10])
    with pytest.raises(ConsensusError, match="sum to 1"):
        join_model(people, judged, model * 2)


@pytest.fixture(scope="module")
def many_pictures():
    """(judgments, truth, probabilities) of 150 classes: people right 60 times in 100, a model 80 times."""
    rng = np.random.default_rng(4)
    n, K, per = 1200, 150, 3
    truth = rng.integers(K, size=n)
    item, who = np.repeat(np.arange(n), per), np.concatenate([rng.choice(12, per, replace=False) for _ in range(n)])
    right = rng.random(n * per) < 0.6
    answer = np.where(right, truth[item], (truth[item] + rng.integers(1, K, n * per)) % K)
    seen = np.where(rng.random(n) < 0.8, truth, rng.integers(K, size=n))
    model = np.full((n, K), 0.3 / (K - 1))
    model[np.arange(n), seen] = 0.7
    return Judgments(item, who, answer, n, 12, K, K), truth, model


def test_with_very_many_classes_both_are_better_than_either_and_stay_lists(many_pictures):
    judged, truth, model = many_pictures
    people = fit(judged, gold={0: int(truth[0]), 1: 7})
    covered = np.arange(len(truth)) != 2
    both = join_model(people, judged, model, covered=covered)
    assert people.method == "many-classes"
    assert both.weight > 0.3
    right = (both.posterior.answer() == truth).mean()
    assert right > max((people.answer == truth).mean(), (model.argmax(axis=1) == truth).mean()) + 0.03
    assert both.posterior[1][7] == 1.0
    assert np.array_equal(both.posterior[2], people.posterior[2])
    assert len(both.posterior.item) < 15 * len(truth)


def test_a_joined_list_is_the_plain_product_and_a_model_that_guesses_changes_no_answer(many_pictures):
    judged, _, model = many_pictures
    people = fit(judged)
    both = join_model(people, judged, model)
    for i in (3, 50, 1100):
        h, m, p = people.posterior[i], model[i], people.class_prior
        logs = np.log(h) + both.weight * both.inverse_temperature * (np.log(m) - np.log(p))
        # Each factor is m^b made to sum to 1, which the normalisation of the product takes off again.
        plain = softmax(logs[None])[0]
        named = both.posterior.label[both.posterior.item == i]
        np.testing.assert_allclose(both.posterior[i][named], plain[named], rtol=1e-9)
        assert both.posterior[i].sum() == pytest.approx(1)
    guesses = np.random.default_rng(0).dirichlet(np.ones(model.shape[1]), len(model))
    assert (join_model(people, judged, guesses).posterior.answer() == people.answer).mean() > 0.99


def test_labels_that_were_changed_are_found(pictures):
    _, truth, model = pictures
    rng = np.random.default_rng(2)
    labels = truth.copy()
    changed = rng.choice(len(truth), 100, replace=False)
    labels[changed] = (labels[changed] + 1) % 3
    for score in ("self-confidence", "margin"):
        found = label_issues(labels, model, score)
        assert np.isin(found.order[:100], changed).mean() > 0.6
        assert found.is_issue[changed].mean() > 0.5
    assert found.joint.sum() <= len(labels)


def plain_issues(labels, p):
    n, K = p.shape
    t = [np.mean([p[i, k] for i in range(n) if labels[i] == k]) if k in labels else np.inf for k in range(K)]
    out = []
    for i in range(n):
        over = [k for k in range(K) if p[i, k] >= t[k] - 1e-12]
        out.append(max(over, key=lambda k: p[i, k]) if over else labels[i])
    return out


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 4))
def test_confident_learning_is_the_plain_one(seed, n, K):
    rng = np.random.default_rng(seed)
    p, labels = rng.dirichlet(np.ones(K), n), rng.integers(K, size=n)
    found = label_issues(labels, p)
    assert found.suggested.tolist() == plain_issues(labels.tolist(), p)
    assert (found.is_issue == (found.suggested != labels)).all()
    assert (np.diff(found.score[found.order]) >= 0).all()


def test_cleanlab_scores_and_counts_the_same(pictures):
    from cleanlab import count, rank

    _, truth, model = pictures
    labels = truth.copy()
    labels[:60] = (labels[:60] + 1) % 3
    np.testing.assert_allclose(
        label_issues(labels, model).score, rank.get_self_confidence_for_each_label(labels, model)
    )
    np.testing.assert_allclose(
        label_issues(labels, model, "margin").score, rank.get_normalized_margin_for_each_label(labels, model)
    )
    theirs = count.compute_confident_joint(labels, model, calibrate=False)
    ours = label_issues(labels, model).joint
    off = ~np.eye(3, dtype=bool)
    assert (ours[off] == theirs[off]).all()


def test_labels_that_are_none_are_refused():
    p = np.array([[0.5, 0.5]])
    with pytest.raises(ConsensusError, match="label 2"):
        label_issues(np.array([2]), p)
    with pytest.raises(ConsensusError, match="1 items"):
        label_issues(np.array([0, 1]), p)
    empty = label_issues(np.array([], dtype=np.int64), np.zeros((0, 2)))
    assert empty.order.tolist() == []
