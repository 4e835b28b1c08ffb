"""What each judgment weighed: factors that multiply to the posterior's odds, and what `cairn explain` tells of them."""

import numpy as np
import pytest
from typer.testing import CliRunner

from cairn.cli import app
from consensus import Judgments, fit
from consensus.evidence import factors_of_item, odds_ratio
from consensus.simulate import Items, honest_crowd, simulate
from label_store import settle, url_hash
from label_store.feedback import give_feedback
from label_store.models import Fetch
from tests.label_store.test_feedback import write_run
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
    assert "0.0 s" not in shown.output  # nobody took the time
    # The same picture by its item's number, and by the name of the file that it was fetched as.
    with workspace.write() as session:
        url = "https://photos.example/cars/a%20car.jpg"
        session.add(Fetch(url=url, url_hash=url_hash(url), source="urls", status="ok", image_sha256=f"{0:064x}"))
    for named in (str(made.items[0]), "a car.jpg"):
        again = CliRunner().invoke(app, ["explain", named, "-w", str(workspace.folder)])
        assert again.output.count("times as likely") == 3
    for named in ("999999", "b.jpg", "."):
        assert CliRunner().invoke(app, ["explain", named, "-w", str(workspace.folder)]).exit_code != 0


def test_explain_tells_what_an_items_other_attributes_said(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 3}, n_items=90)
    rng = np.random.default_rng(1)
    for item in range(90):
        suv = item % 2
        for person in range(3):
            # Who sees a van well sees badly that it is black; all vans are.
            kind = suv if rng.random() < 0.95 else 1 - suv
            red = suv if rng.random() < 0.7 else 1 - suv
            values = {"type": ("van", "suv")[kind], "colour": [("black", "red")[red]]}
            made.judge(item, person, {"values": values})
    settle(workspace, "c")
    shown = CliRunner().invoke(app, ["explain", f"{3:064x}", "-w", str(workspace.folder)])
    assert shown.exit_code == 0, shown.output
    assert "colour: red: its other attributes made" in shown.output


def test_explain_tells_what_the_model_said(workspace):
    made = Made(workspace, "classify", {"rule": "fixed", "n": 3}, ("car", "bus"), 60, people=3)
    rng = np.random.default_rng(3)
    truth = np.arange(60) % 2
    for item in range(60):
        for person in range(3):
            said = truth[item] if rng.random() < 0.75 else 1 - truth[item]
            made.judge(item, person, {"value": ("car", "bus")[said]})
    write_run(workspace, np.where(truth[:, None] == np.arange(2), 0.97, 0.03))
    give_feedback(workspace, "net", "c")
    shown = CliRunner().invoke(app, ["explain", f"{3:064x}", "-w", str(workspace.folder)])
    assert shown.exit_code == 0, shown.output
    told = next(line for line in shown.output.splitlines() if "the run net made" in line)
    assert "made bus" in told


def test_an_odds_ratio_is_how_many_times_likelier():
    assert odds_ratio(0.5, 0.8) == pytest.approx(4)
    assert odds_ratio(0.8, 0.8) == pytest.approx(1)
    assert np.isfinite(odds_ratio(0.0, 1.0))
