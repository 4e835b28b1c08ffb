"""What each judgment weighed: factors that multiply to the posterior's odds, and what `cairn explain` tells of them."""

import numpy as np
import pytest
from typer.testing import CliRunner

from cairn.cli import app
from consensus import Judgments, fit
from consensus.evidence import factors_of_item
from consensus.simulate import Items, honest_crowd, simulate
from label_store import settle
from tests.label_store.test_settle import Made


def crowd(n_classes, seed=0):
    return simulate(honest_crowd(12, seed), Items(200, n_classes), per_item=4, seed=seed).judgments


@pytest.mark.parametrize("seed", range(3))
def test_with_two_classes_prior_odds_times_factors_are_the_posterior_odds(seed):
    judged = crowd(2, seed)
    # Factors are of the confusions that the fit returns, which are those its last posteriors were made with.
    result = fit(judged, difficulty=False)
    for item in range(0, 200, 20):
        rows, factors = factors_of_item(result, judged, item)
        k = result.answer[item]
        odds = result.class_prior[k] / result.class_prior[1 - k] * factors.prod()
        assert judged.item[rows].tolist() == [item] * 4
        assert odds == pytest.approx(result.posterior[item, k] / result.posterior[item, 1 - k], rel=1e-6)


def test_very_many_classes_are_told_by_accuracies():
    judged = crowd(150)
    result = fit(judged)
    rows, factors = factors_of_item(result, judged, 3)
    said = judged.answer[rows] == result.answer[3]
    assert (factors[said] > 1).all()
    assert (factors[~said] < 1).all()


def test_an_item_without_judgments_has_none():
    judged = Judgments(np.array([0]), np.array([0]), np.array([1]), 2, 1, 3, 3)
    rows, factors = factors_of_item(fit(judged), judged, 1)
    assert len(rows) == len(factors) == 0


def test_explain_tells_what_each_judgment_weighed(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 3}, n_items=40)
    rng = np.random.default_rng(0)
    for item in range(40):
        for person in range(3):
            right = ("yes", "no")[item % 2]
            made.judge(item, person, {"value": right if rng.random() < 0.9 else "yes"})
    settle(workspace, "c")
    shown = CliRunner().invoke(app, ["explain", f"{0:064x}", "-w", str(workspace.folder)])
    assert shown.exit_code == 0, shown.output
    assert shown.output.count("times as likely") == 3
    assert "made yes" in shown.output
