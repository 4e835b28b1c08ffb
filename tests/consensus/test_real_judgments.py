import numpy as np
import pandas as pd
import pytest
from crowdkit.aggregation import classification

from consensus import Judgments, Prior, fit
from consensus.__main__ import consensus_of, parser
from tests.consensus.crowds import campaign
from tests.data import shared_data


def table(judged):
    return pd.DataFrame({"task": judged.item, "worker": judged.annotator, "label": judged.answer})


def test_with_vanishing_priors_it_is_crowd_kits_dawid_skene():
    judged, _ = campaign(np.random.default_rng(0), [0.9, 0.8, 0.7, 0.6, 0.75], n_items=300, n_classes=3, yes=0.4)
    judged = Judgments(judged.item, judged.annotator, judged.answer, 300, 5, 3, 3)
    peer = classification.DawidSkene(n_iter=15, tol=-1.0).fit(table(judged))
    tiny = Prior(strength=1e-12, own_strength=1e-12, error_strength=1e-12, anchor_weight=1e-12, class_items=1e-12)
    ours = fit(judged, prior=tiny, difficulty=False, max_iterations=15, tolerance=-1e300)
    theirs = peer.probas_.loc[np.arange(300), [0, 1, 2]].to_numpy()
    np.testing.assert_allclose(ours.posterior, theirs, atol=1e-6)


def test_majority_shares_are_crowd_kits():
    judged, _ = campaign(np.random.default_rng(1), [0.7] * 5, n_items=200, n_classes=4, yes=0.25)
    theirs = classification.MajorityVote().fit_predict_proba(table(judged)).loc[np.arange(200), [0, 1, 2, 3]]
    np.testing.assert_allclose(fit(judged, "majority").posterior, theirs.to_numpy(), atol=1e-12)


def test_bluebirds_by_default_is_at_least_crowd_kits_dawid_skene():
    data = shared_data()
    votes, truth = data / "bluebirds_labels.csv", data / "bluebirds_truth.csv"
    report = consensus_of(parser().parse_args([str(votes), "--truth", str(truth)]))
    labels = classification.DawidSkene(n_iter=100).fit_predict(pd.read_csv(votes))
    true = pd.read_csv(truth).set_index("task").truth
    assert report.accuracy >= (labels == true.loc[labels.index]).mean()
    assert report.accuracy == pytest.approx(0.898, abs=5e-4)
    majority = consensus_of(parser().parse_args([str(votes), "--truth", str(truth), "--method", "majority"]))
    assert majority.accuracy == pytest.approx(0.759, abs=5e-4)


def test_cifar10n_errs_no_more_than_the_majority():
    labels = pd.read_parquet(shared_data() / "cifar10n_labels.parquet")
    given = labels[["random1", "random2", "random3"]].to_numpy().astype(np.int64)
    judged = Judgments(np.repeat(np.arange(50_000), 3), np.tile(np.arange(3), 50_000), given.ravel(), 50_000, 3, 10, 10)
    clean = labels["clean"].to_numpy()

    def error(result):
        best = result.posterior >= result.posterior.max(axis=1, keepdims=True) - 1e-9
        return 1.0 - (best[np.arange(50_000), clean] / best.sum(axis=1)).mean()

    assert error(fit(judged)) <= error(fit(judged, "majority"))
