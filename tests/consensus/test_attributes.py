from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, Judgments, fit
from consensus.attributes import beliefs, chi_square_quantile, fit_jointly, forest, pair_gain
from consensus.ordinal import LEANINGS, SPREADS, fit_ratings, log_rows
from tests.consensus.crowds import with_gold


def ratings(rng, truth, people, per_item, K):
    """Judgments by people (leaning, spread), rounded and cut at the ends."""
    N, A = len(truth), len(people)
    item = np.repeat(np.arange(N), per_item)
    who = np.concatenate([rng.choice(A, per_item, replace=False) for _ in range(N)])
    lean, spread = np.array(people).T
    answer = np.clip(np.rint(truth[item] + lean[who] + spread[who] * rng.standard_normal(len(item))), 0, K - 1)
    return Judgments(item, who, answer.astype(np.int64), N, A, K, K)


def test_leanings_and_spreads_are_found_and_ratings_are_closer_than_the_plain_median():
    rng = np.random.default_rng(0)
    truth = rng.integers(7, size=600)
    people = [(0.0, 0.5), (0.0, 0.8), (1.0, 0.6), (-1.0, 0.6), (0.0, 2.5), (0.3, 0.7)]
    judged = ratings(rng, truth, people, 4, 7)
    found = fit_ratings(judged)
    assert found.leaning == pytest.approx([p[0] for p in people], abs=0.4)
    assert found.spread.argmax() == 4
    plain = np.array([np.median(judged.answer[judged.item == i]) for i in range(600)])
    ours = np.abs(found.answer - truth).mean()
    assert ours < 0.85 * np.abs(plain - truth).mean()
    assert found.risk.mean() == pytest.approx(ours, abs=0.08)
    categorical = np.abs(fit(judged).answer - truth).mean()
    assert ours < categorical


def plain_ratings(judged, gold, rounds):
    """The EM of the docstring with loops over judgments, annotators and the grid."""
    K, A, N = judged.n_classes, judged.n_annotators, judged.n_items
    table = log_rows(K)
    weight = [1.0] * len(judged) if judged.weight is None else judged.weight.tolist()
    rows = [
        (i, j, a, w)
        for i, j, a, w in zip(
            judged.item.tolist(), judged.annotator.tolist(), judged.answer.tolist(), weight, strict=True
        )
        if a < K and w > 0
    ]
    q = []
    for i in range(N):
        mine = [(a, w) for ii, _, a, w in rows if ii == i]
        mean = sum(a * w for a, w in mine) / sum(w for _, w in mine) if mine else None
        q.append([1 / K] * K if mean is None else [np.exp(-0.5 * (k - mean) ** 2) for k in range(K)])
        q[i] = [x / sum(q[i]) for x in q[i]]
    middle = int(np.abs(SPREADS - 0.7).argmin())
    for _ in range(rounds):
        for i, k in gold.items():
            q[i] = [float(x == k) for x in range(K)]
        free = [i for i in range(N) if i not in gold and any(r[0] == i for r in rows)]
        mass = [1 + sum(q[i][k] for i in free) for k in range(K)]
        best = []
        for j in range(A):
            scores = {}
            for b, s in product(range(len(LEANINGS)), range(len(SPREADS))):
                value = -0.5 * (LEANINGS[b] / 0.5) ** 2 - 0.5 * (np.log(SPREADS[s] / SPREADS[middle]) / 0.5) ** 2
                for i, jj, a, w in rows:
                    if jj == j:
                        value += w * sum(q[i][k] * table[b, s, k, a] for k in range(K))
                scores[b, s] = value
            best.append(max(scores, key=lambda place: (round(scores[place], 9), -place[0], -place[1])))
        middle = int(np.abs(np.log(SPREADS) - np.mean([np.log(SPREADS[s]) for _, s in best])).argmin())
        for i in range(N):
            logs = [np.log(mass[k] / sum(mass)) for k in range(K)]
            for ii, j, a, w in rows:
                if ii == i:
                    logs = [x + w * table[(*best[j], k, a)] for k, x in enumerate(logs)]
            top = max(logs)
            q[i] = [np.exp(x - top) for x in logs]
            q[i] = [x / sum(q[i]) for x in q[i]]
    for i, k in gold.items():
        q[i] = [float(x == k) for x in range(K)]
    return q


@settings(max_examples=12, deadline=None)
@given(with_gold(most=8))
def test_ratings_are_those_of_the_plain_equations(case):
    judged, gold = case
    ours = fit_ratings(judged, gold, max_iterations=2, tolerance=-np.inf)
    np.testing.assert_allclose(ours.posterior, plain_ratings(judged, gold, 2), atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(with_gold(most=30))
def test_any_ratings_have_posteriors_and_the_objective_never_falls(case):
    judged, gold = case
    found = fit_ratings(judged, gold)
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1.0)
    # Where the crowd's middle spread moves by a step of its grid, the penalty may give back a little.
    assert (np.diff(found.objective) >= -1e-6 - 0.5 * judged.n_annotators * 0.02).all()
    assert np.isfinite(found.risk).all()
    for i, k in gold.items():
        assert found.answer[i] == k


def attributes(rng, N, coupled):
    """Truth of three attributes (2, 3, 2 classes): the second follows the first when coupled; the third never does."""
    first = rng.integers(2, size=N)
    second = np.where(rng.random(N) < 0.9, first, 2) if coupled else rng.integers(3, size=N)
    return [first, second, rng.integers(2, size=N)]


def judged_alone(rng, truth, K, accuracy, per_item=2, A=6):
    N = len(truth)
    item = np.repeat(np.arange(N), per_item)
    who = np.concatenate([rng.choice(A, per_item, replace=False) for _ in range(N)])
    right = rng.random(len(item)) < accuracy
    answer = np.where(right, truth[item], (truth[item] + rng.integers(1, K, len(item))) % K)
    return fit(Judgments(item, who, answer, N, A, K, K))


def test_attributes_that_correlate_help_each_other_and_others_stay_alone():
    rng = np.random.default_rng(0)
    truth = attributes(rng, 1500, coupled=True)
    results = [judged_alone(rng, z, K, 0.7) for z, K in zip(truth, (2, 3, 2), strict=True)]
    found = fit_jointly([r.posterior for r in results], [r.class_prior for r in results])
    assert found.edges == ((0, 1),)

    def loss(posteriors, q):
        return -np.log(posteriors[q][np.arange(1500), truth[q]]).mean()

    for q in (0, 1):
        alone = (results[q].answer == truth[q]).mean()
        assert (found.posterior[q].argmax(axis=1) == truth[q]).mean() > alone + 0.02
        assert loss(found.posterior, q) < loss([r.posterior for r in results], q)
    np.testing.assert_allclose(found.posterior[2], results[2].posterior, atol=0.02)
    apart = attributes(rng, 1500, coupled=False)
    results = [judged_alone(rng, z, K, 0.7) for z, K in zip(apart, (2, 3, 2), strict=True)]
    assert fit_jointly([r.posterior for r in results], [r.class_prior for r in results]).edges == ()


def test_several_labels_at_once_are_attributes_of_two_classes():
    rng = np.random.default_rng(1)
    sky = rng.random(1000) < 0.5
    labels = [sky, np.where(rng.random(1000) < 0.9, sky, ~sky), rng.random(1000) < 0.3]
    results = [judged_alone(rng, z.astype(np.int64), 2, 0.75) for z in labels]
    found = fit_jointly([r.posterior for r in results], [r.class_prior for r in results])
    assert (0, 1) in found.edges
    assert all(2 not in edge for edge in found.edges)
    # An item on which only the first label was judged learns of the second from it.
    alone = [results[0].posterior.copy(), results[1].posterior.copy()]
    alone[1][:] = results[1].class_prior
    alone[1][200:] = results[1].posterior[200:]
    told = fit_jointly(alone, [r.class_prior for r in results[:2]])
    assert (told.posterior[1][:200].argmax(axis=1) == labels[1][:200]).mean() > 0.7


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_beliefs_are_those_of_all_joint_states(seed):
    rng = np.random.default_rng(seed)
    sizes = [int(k) for k in rng.integers(1, 4, size=4)]
    edges, roots = [(0, 1), (0, 2)], [0, 3]
    evidence = [rng.uniform(0.05, 1.0, (3, k)) for k in sizes]
    tables = {r: rng.dirichlet(np.ones(sizes[r])) for r in roots}
    tables |= {c: rng.dirichlet(np.ones(sizes[c]), size=sizes[p]) for p, c in edges}
    ours, pairs, likelihood = beliefs(evidence, tables, roots, edges)
    plain = [np.zeros((3, k)) for k in sizes]
    joint = np.zeros((sizes[0], sizes[1]))
    logs = 0.0
    for i in range(3):
        chance = {}
        for z in product(*(range(k) for k in sizes)):
            value = np.prod([evidence[q][i, z[q]] for q in range(4)]) * np.prod([tables[r][z[r]] for r in roots])
            chance[z] = value * np.prod([tables[c][z[p], z[c]] for p, c in edges])
        total = sum(chance.values())
        logs += np.log(total)
        for z, value in chance.items():
            joint[z[0], z[1]] += value / total
            for q in range(4):
                plain[q][i, z[q]] += value / total
    for q in range(4):
        np.testing.assert_allclose(ours[q], plain[q], atol=1e-9)
    np.testing.assert_allclose(pairs[0, 1], joint, atol=1e-9)
    assert likelihood == pytest.approx(logs, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 30))
def test_any_attributes_have_posteriors_and_the_objective_never_falls(seed, Q, N):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, size=Q)
    posteriors = [rng.dirichlet(np.full(k, 0.3), size=N) for k in sizes]
    posteriors[0][0] = np.eye(sizes[0])[0]  # gold
    found = fit_jointly(posteriors, [np.full(k, 1 / k) for k in sizes])
    assert (np.diff(found.objective) >= -1e-9).all()
    for p in found.posterior:
        np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_what_does_not_fit_together_is_a_sentence_and_nothing_is_nothing():
    with pytest.raises(ConsensusError):
        fit_jointly([np.ones((2, 1)), np.ones((3, 1))], [np.ones(1), np.ones(1)])
    assert fit_jointly([], []).posterior == ()
    assert forest([np.ones((4, 1)), np.ones((4, 2)) / 2], [np.ones(1), np.ones(2) / 2]) == []
    sure = np.eye(2)[[0, 0, 1, 1]]
    # Known values: the gain is the mutual information times the number of items.
    assert pair_gain(sure, sure, np.ones(2) / 2, np.ones(2) / 2) == pytest.approx(4 * np.log(2), abs=1e-6)


def test_the_quantile_of_chi_square_is_scipys():
    from scipy import stats

    for freedom in (1, 2, 4, 9, 20):
        assert chi_square_quantile(0.999, freedom) == pytest.approx(stats.chi2.ppf(0.999, freedom), rel=0.035)
