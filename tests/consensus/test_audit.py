import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, Judgments, fit
from consensus.audit import (
    allocation,
    audited_error,
    constrained_shares,
    plan_audit,
    platt,
    recalibrated,
    score_interval,
    simple_error,
    strata_of,
)
from tests.consensus import plain_audit
from tests.data import shared_data


@st.composite
def strata(draw):
    H = draw(st.integers(1, 4))
    weight = np.array(draw(st.lists(st.floats(0.05, 1.0), min_size=H, max_size=H)))
    n = np.array(draw(st.lists(st.integers(2, 60), min_size=H, max_size=H)), dtype=float)
    wrong = n * np.array(draw(st.lists(st.floats(0.02, 0.9), min_size=H, max_size=H)))
    return weight / weight.sum(), wrong, n


@settings(max_examples=60, deadline=None)
@given(strata(), st.floats(-3, 3))
def test_the_likeliest_shares_are_those_of_bisection(given_strata, log_pull):
    weight, wrong, n = given_strata
    for pull in (np.exp(log_pull) * n.sum(), -np.exp(log_pull) * n.sum()):
        ours = constrained_shares(pull, weight, wrong, n)
        theirs = plain_audit.constrained(float(weight @ ours), weight, wrong, n)
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(strata())
def test_the_interval_is_what_the_score_test_accepts(given_strata):
    weight, wrong, n = given_strata
    estimate, factor = float(weight @ (wrong / n)), weight**2 / n
    low, high = score_interval(estimate, weight, wrong, n, factor)
    assert 0 <= low <= estimate <= high <= 1
    width = high - low
    for p0, inside in ((low + 0.02 * width, True), (high - 0.02 * width, True), (estimate, True)):
        assert plain_audit.accepted(p0, estimate, weight, wrong, n, factor) is inside
    for p0 in (low - 0.02 * width, high + 0.02 * width):
        if 0 < p0 < 1:
            assert not plain_audit.accepted(p0, estimate, weight, wrong, n, factor)


def test_one_stratum_gives_wilsons_interval():
    from scipy import stats

    for wrong, n in ((0.5, 20.0), (3.0, 50.0), (40.0, 80.0)):
        ours = score_interval(wrong / n, np.ones(1), np.array([wrong]), np.array([n]), np.array([1 / n]))
        z, p = 1.959963984540054, wrong / n
        half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        assert ours == pytest.approx((middle - half, middle + half), abs=1e-9)
    peer = stats.binomtest(40, 80).proportion_ci(method="wilson")
    assert ours == pytest.approx((peer.low, peer.high), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.5]), min_size=1, max_size=300))
def test_strata_rise_with_the_risk_and_none_is_empty(values):
    risk = np.array(values)
    stratum = strata_of(risk, 4)
    order = np.argsort(risk, kind="stable")
    assert (np.diff(stratum[order]) >= 0).all()
    sizes = np.bincount(stratum)
    assert (sizes > 0).all()
    assert len(sizes) == 1 or (sizes >= 2).all()
    for value in set(values):
        assert len(set(stratum[risk == value])) == 1


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 400), st.floats(0.01, 0.5)), min_size=1, max_size=5), st.integers(1, 900))
def test_a_sample_is_shared_out_whole_within_bounds_and_to_the_wavering(rows, n):
    size, spread = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    taken = allocation(size, spread, n)
    least = np.minimum(size, 5)
    assert (least <= taken).all()
    assert (taken <= size).all()
    assert taken.sum() == min(max(n, least.sum()), size.sum())
    free = (taken > least) & (taken < size)
    if free.sum() > 1:  # in proportion, but for rounding
        per = taken[free] / (size[free] * spread[free])
        slack = 1.0 / (size[free] * spread[free])
        assert per.max() - per.min() <= 2 * slack.max() + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(30, 200), st.integers(5, 25))
def test_without_assistance_the_estimate_is_the_plain_stratified_mean(seed, N, n):
    rng = np.random.default_rng(seed)
    stratum = rng.integers(3, size=N)
    stratum = np.unique(stratum, return_inverse=True)[1]
    risk = stratum / 10.0  # equal within a stratum: nothing to assist with
    judged = np.concatenate([np.flatnonzero(stratum == h)[:n] for h in range(stratum.max() + 1)])
    wrong = (rng.random(len(judged)) < 0.2).astype(float)
    found = audited_error(risk, stratum, judged, wrong)
    assert found.estimate == pytest.approx(
        plain_audit.stratified_mean(stratum, judged.tolist(), wrong.tolist()), abs=1e-9
    )
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.corrected == wrong.sum()


def test_risks_that_know_something_narrow_the_interval_and_worthless_ones_do_no_harm():
    rng = np.random.default_rng(0)
    widths = {"good": [], "worthless": []}
    for _ in range(40):
        risk = rng.beta(0.3, 2.0, 4000)
        for name, p in (("good", risk), ("worthless", rng.permutation(risk))):
            wrong = (rng.random(4000) < p).astype(float)
            stratum = strata_of(risk)
            judged = drawn(rng, stratum, plan_audit(risk, 0.06).per_stratum)
            found = audited_error(risk, stratum, judged, wrong[judged])
            widths[name].append(found.high - found.low)
            low, high = simple_error(len(judged), round(len(judged) * wrong.mean()), 4000)
            widths.setdefault("alone", []).append(high - low)
    assert np.mean(widths["good"]) < 0.8 * np.mean(widths["alone"])
    assert np.mean(widths["worthless"]) < 1.6 * np.mean(widths["alone"])


def drawn(rng, stratum, per_stratum):
    return np.concatenate(
        [rng.choice(np.flatnonzero(stratum == h), n, replace=False) for h, n in enumerate(per_stratum)]
    )


def cifar10n():
    labels = pd.read_parquet(shared_data() / "cifar10n_labels.parquet")
    given_ = labels[["random1", "random2", "random3"]].to_numpy().astype(np.int64)
    result = fit(
        Judgments(np.repeat(np.arange(50_000), 3), np.tile(np.arange(3), 50_000), given_.ravel(), 50_000, 3, 10, 10)
    )
    return result.risk, (result.answer != labels["clean"].to_numpy()).astype(float)


def test_on_cifar10n_the_audit_mends_what_the_assumption_of_independence_halves():
    risk, wrong = cifar10n()
    assert risk.mean() < 0.6 * wrong.mean()  # what the model says by itself
    stratum = strata_of(risk)
    taken = plan_audit(risk, 0.04).per_stratum
    rng = np.random.default_rng(0)
    inside, width, alone, called = 0, [], [], []
    for _ in range(200):
        judged = drawn(rng, stratum, taken)
        found = audited_error(risk, stratum, judged, wrong[judged])
        inside += found.low <= wrong.mean() <= found.high
        width.append(found.high - found.low)
        low, high = simple_error(
            len(judged), int(wrong[rng.choice(len(wrong), len(judged), replace=False)].sum()), 50_000
        )
        alone.append(high - low)
        corrected = recalibrated(risk, stratum, judged, wrong[judged])
        if (corrected <= 0.01).any():
            called.append(1.0 - wrong[corrected <= 0.01].mean())
    assert 0.90 <= inside / 200 <= 0.99
    assert np.mean(width) < 0.9 * np.mean(alone)
    assert np.mean(called) >= 0.99


def test_the_width_that_was_planned_is_the_width_that_comes():
    rng = np.random.default_rng(1)
    risk = rng.beta(0.3, 5.0, 10_000)
    wrong = (rng.random(10_000) < np.clip(2.0 * risk, 0, 1)).astype(float)
    for width in (0.02, 0.05):
        plan = plan_audit(risk, width)
        assert plan.width <= width
        assert plan.n == plan.per_stratum.sum()
        stratum = strata_of(risk)
        got = [
            (found.high - found.low)
            for found in (
                audited_error(risk, stratum, j, wrong[j])
                for j in (drawn(rng, stratum, plan.per_stratum) for _ in range(20))
            )
        ]
        assert np.mean(got) == pytest.approx(width, rel=0.2)
    assert plan_audit(risk, 0.02).n > plan_audit(risk, 0.05).n
    assert plan_audit(risk, 1e-6).n == 10_000


def test_platts_coefficients_are_scipys():
    from scipy import optimize

    rng = np.random.default_rng(2)
    x, weight = rng.normal(-3, 2, 200), rng.uniform(0.2, 3, 200)
    y = (rng.random(200) < 1 / (1 + np.exp(-(0.5 + 0.6 * x)))).astype(float)

    def loss(at):
        z = at[0] + at[1] * x
        return (weight * (np.logaddexp(0, z) - y * z)).sum() + 0.5 * (at[0] ** 2 + (at[1] - 1) ** 2)

    peer = optimize.minimize(
        loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    assert platt(x, y, weight) == pytest.approx(tuple(peer.x), abs=1e-5)


def test_everything_judged_leaves_no_doubt_and_nothing_found_is_not_zero():
    risk = np.linspace(0, 0.3, 300)
    stratum = strata_of(risk)
    wrong = (np.arange(300) % 20 == 0).astype(float)
    found = audited_error(risk, stratum, np.arange(300), wrong)
    assert found.low == found.estimate == found.high == pytest.approx(wrong.mean())
    judged = drawn(np.random.default_rng(0), stratum, allocation(np.bincount(stratum), np.full(4, 0.3), 60))
    found = audited_error(risk, stratum, judged, np.zeros(len(judged)))
    assert found.low == 0.0
    assert 0.02 < found.high < 0.2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=40), st.data())
def test_any_audit_has_an_interval_without_a_nan(values, data):
    risk = np.array(values)
    judged = np.array(sorted(data.draw(st.sets(st.integers(0, len(values) - 1), min_size=1))))
    wrong = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(judged), max_size=len(judged))))
    stratum = strata_of(risk, data.draw(st.integers(1, 4)))
    found = audited_error(risk, stratum, judged, wrong)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    corrected = recalibrated(risk, stratum, judged, wrong)
    assert ((corrected >= 0) & (corrected <= 1)).all()


def test_what_cannot_be_planned_or_estimated_is_a_sentence():
    for bad in (
        lambda: plan_audit(np.array([0.1]), 0.0),
        lambda: plan_audit(np.array([]), 0.1),
        lambda: audited_error(np.array([0.1]), np.array([0]), np.array([], dtype=int), np.array([])),
    ):
        with pytest.raises(ConsensusError):
            bad()
