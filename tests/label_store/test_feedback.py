"""A run's out-of-fold predictions as one more judge of a campaign, and what the model disputes given back to people."""

import json

import numpy as np
import pytest
from sqlalchemy import select

from label_store import UsageError, settle
from label_store.feedback import give_feedback, read_run
from label_store.models import Campaign, Consensus, Event, Item, Prediction
from label_store.returning import EXTRA, give_back
from tests.label_store.test_settle import Made, sha

N = 60


def write_run(workspace, probabilities, categories=("car", "bus"), name="net", pictures=range(N)):
    folder = workspace.folder / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps({"categories": list(categories)}))
    np.savez(
        folder / "predictions.npz",
        sha256=np.array([sha(n) for n in pictures]),
        probabilities=np.asarray(probabilities, dtype=np.float32),
        fold=np.zeros(len(probabilities), dtype=np.int64),
    )
    return name


@pytest.fixture
def judged(workspace):
    """Sixty pictures, half of them cars, by five people who err on every fifth; and a network that is right on all."""
    made = Made(workspace, "classify", {"rule": "fixed", "n": 5}, ("car", "bus"), N, people=5)
    rng = np.random.default_rng(3)
    truth = np.arange(N) % 2
    for item in range(N):
        for person in range(5):
            said = truth[item] if rng.random() > 0.2 else 1 - truth[item]
            made.judge(item, person, {"value": ("car", "bus")[said]})
    model = np.where(truth[:, None] == np.arange(2), 0.97, 0.03)
    return made, truth, model


def answers(workspace):
    with workspace.read() as session:
        version = session.scalars(select(Campaign.consensus_version)).one()
        rows = session.execute(
            select(Consensus.item_id, Consensus.answer).where(Consensus.version == version).order_by(Consensus.item_id)
        )
        return [row.answer["value"] for row in rows]


def test_a_good_model_makes_labels_better_in_a_version_of_its_own(judged):
    made, truth, model = judged
    workspace = made.workspace
    settle(workspace, "c")
    before = answers(workspace)
    write_run(workspace, model)
    found = give_feedback(workspace, "net", "c")
    after = answers(workspace)
    right = ["car" if t == 0 else "bus" for t in truth]
    assert sum(a == b for a, b in zip(after, right, strict=True)) > sum(
        a == b for a, b in zip(before, right, strict=True)
    )
    assert (found.predicted, found.without, found.elsewhere) == (N, 0, 0)
    with workspace.read() as session:
        campaign = session.scalars(select(Campaign)).one()
        assert campaign.consensus_method.startswith("map-dawid-skene+net/")
        assert campaign.consensus_version == 2
        assert session.scalars(select(Event).where(Event.action == "feedback")).one().detail["run"] == "net"
    # The app settles by the campaign's own method, with the model; people alone are a method like any other.
    assert settle(workspace, "c", method=None).method == campaign.consensus_method
    assert settle(workspace, "c").version == 1
    assert answers(workspace) == before


def test_what_the_model_disputes_goes_back_to_people_once_and_first(judged):
    made, _, model = judged
    workspace = made.workspace
    model[:4] = model[:4, ::-1] * 0.7 + 0.15  # it errs, not very surely, on four that people know
    write_run(workspace, model)
    found = give_feedback(workspace, "net", "c")
    assert found.returned
    with workspace.read() as session:
        rows = {item.id: (item.state, item.extra) for item in session.scalars(select(Item))}
        first = session.scalars(select(Item.id).order_by(Item.priority.desc(), Item.id).limit(1)).one()
    assert {rows[item_id] for item_id in found.returned} == {("open", EXTRA - 5)}  # none is counted as judged
    assert first in found.returned
    give_feedback(workspace, "net", "c")
    settle(workspace, "c", method=None)  # they stay with people, whatever consensus says meanwhile
    with workspace.read() as session:
        returned = session.scalars(select(Item).where(Item.id.in_(found.returned))).all()
        assert {(item.state, item.extra) for item in returned} == {("open", EXTRA - 5)}
        assert len(session.scalars(select(Prediction)).all()) == N
    assert len(give_feedback(workspace, "net", "c", most=1).returned) == 1


def test_a_model_that_knows_nothing_changes_nothing(judged):
    made, _, _ = judged
    settle(made.workspace, "c")
    before = answers(made.workspace)
    write_run(made.workspace, np.random.default_rng(0).dirichlet((1, 1), N))
    give_feedback(made.workspace, "net", "c")
    assert answers(made.workspace) == before


def test_items_the_run_never_saw_keep_what_people_said(judged):
    made, _, model = judged
    workspace = made.workspace
    alone = settle(workspace, "c")
    write_run(workspace, model[:30], pictures=range(30))
    found = give_feedback(workspace, "net", "c")
    assert (found.predicted, found.without) == (30, 30)
    people = {item.item_id: item.posterior for item in alone.items}
    both = {item.item_id: item.posterior for item in found.assessment.items}
    assert all(both[i] == people[i] for i in made.items[30:])


def test_of_a_hundred_and_twenty_classes_a_run_judges_as_of_two(workspace):
    slugs = tuple(f"c{k:03d}" for k in range(120))
    made = Made(workspace, "classify", {"rule": "fixed", "n": 2}, slugs, N, people=3)
    rng = np.random.default_rng(3)
    truth = rng.integers(120, size=N)
    for item in range(N):
        for person in range(3):
            said = truth[item] if rng.random() > 0.4 else rng.integers(120)
            made.judge(item, person, {"value": slugs[said]})
    settle(workspace, "c")
    before = answers(workspace)
    model = np.full((N, 120), 0.1 / 119)
    model[np.arange(N), truth] = 0.9
    write_run(workspace, model, slugs)
    found = give_feedback(workspace, "net", "c")
    right = [slugs[k] for k in truth]
    told = sum(a == b for a, b in zip(answers(workspace), right, strict=True))
    assert told > sum(a == b for a, b in zip(before, right, strict=True))
    assert found.predicted == N
    with workspace.read() as session:
        kept = session.scalars(select(Prediction)).all()
    assert {len(row.probabilities) for row in kept} == {30}  # of 121: a table of a million pictures stays small


def test_verify_asks_the_model_for_the_item_s_own_category(workspace):
    made = Made(workspace, "verify", {"rule": "fixed", "n": 2}, n_items=2)
    for item in range(2):
        for person in range(2):
            made.judge(item, person, {"value": "yes"})
    write_run(workspace, [[0.9, 0.1], [0.2, 0.8]], pictures=range(2))
    give_feedback(workspace, "net", "c")
    with workspace.read() as session:
        told = [row.probabilities["yes"] for row in session.scalars(select(Prediction).order_by(Prediction.item_id))]
    assert told == pytest.approx([0.9, 0.2], abs=1e-6)


def test_categories_that_the_campaign_does_not_ask_for_are_none(workspace):
    made = Made(workspace, "classify", {"rule": "fixed", "n": 1}, ("car",), 1)
    made.judge(0, 0, {"value": "car"})
    write_run(workspace, [[0.6, 0.4]], pictures=range(1))
    give_feedback(workspace, "net", "c")
    with workspace.read() as session:
        told = session.scalars(select(Prediction)).one().probabilities
    assert told == pytest.approx({"car": 0.6, "none": 0.4}, abs=1e-6)


@pytest.mark.parametrize(
    ("breaks", "sentence"),
    [
        (lambda folder: (folder / "metrics.json").unlink(), "no finished run"),
        (lambda folder: (folder / "metrics.json").rename(folder / "config.toml"), "'net' is not finished"),
        (lambda folder: (folder / "predictions.npz").unlink(), "no predictions.npz"),
        (lambda folder: (folder / "predictions.npz").write_bytes(b"PK"), "cannot be read"),
        (lambda folder: (folder / "metrics.json").write_text('{"categories": ["car"]}'), "does not hold probabilities"),
        (lambda folder: folder.rename(folder.with_name("a+b")), "cannot be the name"),
    ],
    ids=["no run", "unfinished", "no folds", "broken", "other categories", "name"],
)
def test_a_run_that_cannot_judge_is_refused_with_a_sentence(workspace, breaks, sentence):
    Made(workspace, "classify", {"rule": "fixed", "n": 1}, ("car", "bus"), 1)
    write_run(workspace, [[0.6, 0.4]], pictures=range(1))
    folder = workspace.folder / "runs" / "net"
    breaks(folder)
    with pytest.raises(UsageError, match=sentence):
        read_run(workspace, "a+b" if "name" in sentence else "net")


def test_a_campaign_without_these_pictures_or_of_another_kind_is_refused(workspace):
    made = Made(workspace, "attributes", {"rule": "fixed", "n": 1})
    write_run(workspace, [[0.6, 0.4]], pictures=range(1))
    with pytest.raises(UsageError, match="does not predict"):
        give_feedback(workspace, "net", "c")
    with workspace.write() as session:
        session.scalars(select(Campaign)).one().kind = "verify"
    write_run(workspace, [[0.6, 0.4]], pictures=[made.items[0] + 900])
    with pytest.raises(UsageError, match="no picture of the run"):
        give_feedback(workspace, "net", "c")
    with pytest.raises(UsageError, match="has said nothing"):
        settle(workspace, "c", "map-dawid-skene+net")


@pytest.mark.parametrize(
    "stopping", [{"rule": "fixed", "n": 3}, {"rule": "risk", "max_risk": 0.2, "max_n": 9}], ids=["fixed", "risk"]
)
def test_what_was_given_back_stays_with_people_until_two_more_have_answered(workspace, stopping):
    made = Made(workspace, "verify", stopping, people=6)
    for person in range(3):
        made.judge(0, person, {"value": "yes"})
    with workspace.write() as session:
        item = session.get_one(Item, made.items[0])
        item.n = 3
        give_back(item, stopping)
    for n in (3, 4, 5):
        with workspace.write() as session:
            session.get_one(Item, made.items[0]).n = n
        settle(workspace, "c")
        assert made.state() == ("settled" if n == 5 else "open")
    with workspace.read() as session:
        assert (session.get_one(Item, made.items[0]).priority, session.get_one(Item, made.items[0]).extra) == (0, 0)
