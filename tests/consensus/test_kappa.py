import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, Judgments, agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha
from tests.consensus import plain_agreement
from tests.consensus.crowds import campaign, judgments

# Krippendorff 2011, section C: four observers, twelve units, missing data.
KRIPPENDORFF = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# Fleiss 1971's form: ten subjects, fourteen raters, five categories (kappa 0.210).
FLEISS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def of_rows(rows, K):
    """Judgments of a table with a row an annotator, None where there is no answer."""
    told = np.array([(i, j, a) for j, row in enumerate(rows) for i, a in enumerate(row) if a is not None])
    return Judgments(told[:, 0], told[:, 1], told[:, 2], len(rows[0]), len(rows), K, K)


def of_counts(table):
    """Judgments of a table with a row an item and a column a class."""
    rows = [(i, j, a) for i, row in enumerate(table) for j, a in enumerate(np.repeat(np.arange(len(row)), row))]
    told = np.array(rows)
    return Judgments(told[:, 0], told[:, 1], told[:, 2], len(table), max(map(sum, table)), len(table[0]), len(table[0]))


@settings(max_examples=150, deadline=None)
@given(judgments(most=40), st.sampled_from(["nominal", "ordinal", "interval"]), st.data())
def test_alpha_of_every_level_is_that_of_the_coincidence_matrix(judged, level, data):
    number = st.integers(-50, 50).map(lambda n: n / 4)
    values = data.draw(st.lists(number, min_size=judged.n_classes, max_size=judged.n_classes))
    theirs = plain_agreement.krippendorff(judged, level, values)
    ours = krippendorff_alpha(judged, 20, level=level, values=values if level == "interval" else None)
    if theirs is None:
        assert ours.alpha is ours.low is ours.high is None
    else:
        assert ours.alpha == pytest.approx(theirs, abs=1e-9)
        assert np.isfinite([ours.low, ours.high]).all()


@settings(max_examples=150, deadline=None)
@given(judgments(most=40))
def test_fleiss_kappa_is_that_of_the_pairs(judged):
    ours, theirs = fleiss_kappa(judged, 20), plain_agreement.fleiss(judged)
    assert ours.kappa == (None if theirs is None else pytest.approx(theirs, abs=1e-9))


@settings(max_examples=150, deadline=None)
@given(judgments(most=40), st.sampled_from([("nominal", 0), ("linear", 1), ("quadratic", 2)]))
def test_cohens_kappa_is_that_of_the_pairs(judged, weighting):
    if judged.n_annotators < 2:
        return
    ours = cohen_kappa(judged, 0, 1, weighting[0], resamples=20)
    theirs = plain_agreement.cohen(judged, 0, 1, weighting[1])
    assert ours.kappa == (None if theirs is None else pytest.approx(theirs, abs=1e-9))


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example(level, published):
    judged = of_rows([[a and a - 1 for a in row] for row in KRIPPENDORFF], 5)
    found = krippendorff_alpha(judged, level=level)
    assert found.alpha == pytest.approx(published, abs=5e-4)
    assert found.low < found.alpha < found.high


def test_the_textbook_example_of_fleiss_gives_0_210():
    found = fleiss_kappa(of_counts(FLEISS))
    from statsmodels.stats import inter_rater

    assert found.kappa == pytest.approx(inter_rater.fleiss_kappa(np.array(FLEISS)), abs=1e-12)
    assert found.kappa == pytest.approx(0.210, abs=5e-4)
    assert found.items == 10


def test_the_textbook_example_of_cohen_gives_0_4_with_the_interval_of_the_normal_one():
    # Fifty proposals: both yes 20, only the first 5, only the second 10, neither 15.
    first = [1] * 25 + [0] * 25
    second = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    found = cohen_kappa(of_rows([first, second], 2), 0, 1, resamples=5000)
    assert found.kappa == pytest.approx(0.4, abs=1e-12)
    from statsmodels.stats import inter_rater

    peer = inter_rater.cohens_kappa(np.array([[20, 5], [10, 15]]))
    assert found.kappa == pytest.approx(peer.kappa, abs=1e-12)
    # Theirs is the asymptotic 95 % interval, ours a bootstrap.
    assert (found.low, found.high) == pytest.approx((peer.kappa_low, peer.kappa_upp), abs=0.03)


@pytest.mark.parametrize(("ours", "theirs"), [("nominal", None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_cohens_weights_are_scikit_learns(ours, theirs):
    from sklearn import metrics

    judged, _ = campaign(np.random.default_rng(0), [0.7, 0.6], n_items=200, per_item=2, n_classes=5, yes=0.2)
    both = np.zeros((200, 2), dtype=int)
    both[judged.item, judged.annotator] = judged.answer
    peer = metrics.cohen_kappa_score(both[:, 0], both[:, 1], weights=theirs)
    assert cohen_kappa(judged, 0, 1, ours).kappa == pytest.approx(peer, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(judgments(most=40))
def test_without_a_table_of_items_and_classes_alpha_is_the_same(judged):
    ours, theirs = agreement._many_classes(judged), krippendorff_alpha(judged, 20)
    assert ours.items == theirs.items
    assert ours.alpha == (None if theirs.alpha is None else pytest.approx(theirs.alpha, abs=1e-9))


def test_the_delta_methods_interval_is_the_bootstraps_where_there_are_many_items():
    judged, _ = campaign(np.random.default_rng(3), [0.7, 0.8, 0.9] * 3, n_items=3000, n_classes=6, yes=0.3)
    ours, theirs = agreement._many_classes(judged), krippendorff_alpha(judged)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_ratings_a_step_apart_agree_more_than_names_do():
    rng = np.random.default_rng(1)
    truth = rng.integers(7, size=300)
    answer = np.clip(truth[:, None] + rng.integers(-1, 2, (300, 3)), 0, 6)
    judged = Judgments(np.repeat(np.arange(300), 3), np.tile(np.arange(3), 300), answer.ravel(), 300, 3, 7, 7)
    nominal, ordinal, interval = (krippendorff_alpha(judged, level=v).alpha for v in ("nominal", "ordinal", "interval"))
    assert nominal < 0.5 < 0.8 < min(ordinal, interval)


def test_the_bootstrap_intervals_cover_what_many_items_show():
    wide, _ = campaign(np.random.default_rng(2), [0.8] * 6, n_items=20_000, per_item=3)
    truth = fleiss_kappa(wide, 10).kappa
    inside = 0
    for seed in range(100):
        judged, _ = campaign(np.random.default_rng(seed), [0.8] * 6, n_items=150, per_item=3)
        found = fleiss_kappa(judged, 400)
        inside += found.low <= truth <= found.high
    assert inside >= 88


def test_what_cannot_be_compared_is_none_or_a_sentence():
    same = Judgments(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, dtype=np.int64), 2, 2, 2, 2)
    assert fleiss_kappa(same).kappa is None
    assert cohen_kappa(same, 0, 1).kappa is None
    nothing = Judgments(*np.zeros((3, 0), dtype=np.int64), 2, 2, 2, 2)
    assert fleiss_kappa(nothing).items == cohen_kappa(nothing, 0, 1).items == 0
    for bad in (
        lambda: cohen_kappa(same, 0, 0),
        lambda: cohen_kappa(same, 0, 2),
        lambda: cohen_kappa(same, 0, 1, "cubic"),
        lambda: krippendorff_alpha(same, level="ratio"),
        lambda: krippendorff_alpha(same, level="interval", values=[1.0]),
    ):
        with pytest.raises(ConsensusError):
            bad()
