"""From judgments and an audit to what a release says of its own labels, through the real store and builder."""

import json
from itertools import count
from uuid import UUID

import numpy as np
import pyarrow.parquet as pq
from sqlalchemy import select
from typer.testing import CliRunner

import shards
from cairn.cli import app
from consensus import strata_of
from dataset_builder import build, recipe_from
from dataset_builder.label_error import corrected
from label_store import find_campaign, settle
from label_store.audit import AuditedLabels, audit_campaign
from label_store.models import Category, Item, Judgment, Person
from tests.dataset_builder.scenes import AT, Store, photo

_ids = count(10_000)


class Judged(Store):
    """A store whose items were judged by three people who err, alike on every tenth picture."""

    def items(self, campaign, names, category="car"):
        with self.workspace.write() as session:
            number = session.scalar(select(Category.id).where(Category.slug == category)) if category else None
            session.add_all(
                Item(campaign_id=self.campaigns[campaign], image_sha256=name, category_id=number) for name in names
            )
            if session.scalar(select(Person.id)) is None:
                session.add_all(Person(name=f"p{n}", role="reviewer" if n == 3 else "annotator") for n in range(4))
            session.flush()
            rows = session.execute(
                select(Item.image_sha256, Item.id).where(Item.campaign_id == self.campaigns[campaign])
            )
            return dict(rows.all()), list(session.scalars(select(Person.id).order_by(Person.id)))

    def judge(self, item, person, answer, role="annotator"):
        with self.workspace.write() as session:
            session.add(
                Judgment(
                    id=UUID(int=next(_ids)), item_id=item, person_id=person, role=role, answer=answer, answered_at=AT,
                    received_at=AT,
                )
            )  # fmt: skip


def test_a_release_says_what_the_audit_found_and_not_what_the_judgments_believe(workspace):
    store = Judged(workspace)
    names = [store.collect(photo(n)) for n in range(60)]
    items, people = store.items("vehicles", names)
    wrong = set(names[::10])  # everybody says yes; six of them show no car
    for name in names:
        for person in people[:3]:
            store.judge(items[name], person, {"value": "yes"})
    settle(workspace, "vehicles")
    recipe = recipe_from({"pixels": {"size": 48}, "categories": ["car"]})
    before = shards.open_release(build(workspace, "before", recipe, workers=1).path).manifest.label_error
    assert before.method == "posterior-risk"
    assert before.high < 0.05

    with workspace.read() as session:
        asked = audit_campaign(session, find_campaign(session, "vehicles"), 0.25).to_judge
    assert 10 <= len(asked) < 60
    by_item = {item: name for name, item in items.items()}
    for item in asked:
        value = "no" if by_item[item] in wrong else "yes"
        store.judge(item, people[3], {"value": value}, role="reviewer")
    cautioned = settle(workspace, "vehicles").cautions
    report = build(workspace, "after", recipe, workers=1)
    after = shards.open_release(report.path).manifest.label_error
    left = [name for name in names if items[name] not in asked]
    true = sum(name in wrong for name in left) / sum(report.splits.values())
    assert after.method == "audit"
    assert after.low <= true <= after.high
    assert after.estimate > before.high
    shown = CliRunner().invoke(app, ["audit", "before", "--json", "-w", str(workspace.folder)])
    told = json.loads(shown.output)
    assert (told["release"], told["judged"], told["now"]["method"]) == ("before/1", len(asked), "audit")
    # The first release was built before: all of its wrong labels are still in it.
    assert told["label_error"]["method"] == "posterior-risk"
    assert told["now"]["low"] <= len(wrong) / 60 <= told["now"]["high"]
    assert told["now"]["estimate"] >= sum(by_item[item] in wrong for item in asked) / 60
    words = CliRunner().invoke(app, ["audit", "after/1", "-w", str(workspace.folder)]).output
    assert "when it was built" in words
    assert f"{after.estimate:.2%}" in words
    for card in ("card.md", "card.html"):
        text = (report.path / card).read_text()
        assert ("Caution" in text) == bool(cautioned)
        assert "Reviewers judged a random sample" in text
        assert "err independently" not in text


def test_boxes_go_from_judgments_into_the_samples_with_their_probability(workspace):
    store = Judged(workspace)
    store.campaign("boxes", "boxes")
    names = [store.collect(photo(n)) for n in range(12)]
    items, people = store.items("boxes", names, category=None)
    box = {"category": "car", "x": 10.0, "y": 10.0, "w": 30.0, "h": 20.0, "crowd": False}
    for name in names:
        for person in people[:3]:
            store.judge(items[name], person, {"boxes": [box | {"x": 10.0 + people.index(person)}]})
    assert settle(workspace, "boxes").states["settled"] == 12
    recipe = recipe_from({"pixels": {"size": 48}, "task": "detect", "campaigns": ["boxes"]})
    report = build(workspace, "found", recipe, workers=1)
    rows = pq.read_table(report.path / "samples.parquet").to_pylist()
    assert len(rows) == 12
    (drawn,) = json.loads(rows[0]["boxes"])
    assert (drawn["category"], drawn["x"], drawn["y"], drawn["w"], drawn["h"]) == ("car", 11.0, 10.0, 30.0, 20.0)
    assert 0.9 < drawn["p"] <= 1
    # A list is wrong where reviewers see an object more: the release says so as one of categories does.
    believed = shards.open_release(report.path).manifest.label_error
    assert (believed.method, believed.high < 0.3) == ("posterior-risk", True)
    with workspace.read() as session:
        asked = audit_campaign(session, find_campaign(session, "boxes"), 0.3).to_judge
    assert len(asked) >= 6
    for n, item in enumerate(asked):
        more = [box | {"x": 40.0}] if n % 2 else []
        store.judge(item, people[3], {"boxes": [box, *more]}, role="reviewer")
    told = json.loads(CliRunner().invoke(app, ["audit", "found", "--json", "-w", str(workspace.folder)]).output)
    assert (told["judged"], told["now"]["method"]) == (len(asked), "audit")
    assert told["now"]["estimate"] > believed.high
    settle(workspace, "boxes")
    mended = shards.open_release(build(workspace, "mended", recipe, workers=1).path).manifest.label_error
    assert mended.method == "audit"
    assert mended.estimate < told["now"]["estimate"]  # what reviewers found is mended; of the rest half is wrong


def test_the_interval_holds_the_error_that_is_left_when_posteriors_are_far_too_sure():
    rng = np.random.default_rng(0)
    risk = rng.beta(0.3, 9.0, 1500)
    chance = np.clip(3.0 * risk + 0.02, 0, 1)
    stratum = strata_of(risk)
    held, estimates, truths = 0, [], []
    for _ in range(200):
        wrong = (rng.random(1500) < chance).astype(float)
        order = rng.permutation(1500)
        sampled = np.zeros(1500, dtype=bool)
        for h in range(int(stratum.max()) + 1):
            mine = order[stratum[order] == h]
            sampled[mine[: max(20, len(mine) // 6)]] = True
        ids = np.arange(1500)
        audit = AuditedLabels(
            ids, ("car",) * 1500, risk, sampled, stratum, sampled, wrong * sampled, frozenset(ids[sampled].tolist())
        )
        found = corrected([audit], {int(i): (str(i), None) for i in ids}, {"car"}, 0.0)
        true = wrong[~sampled].mean()
        held += found.low <= true <= found.high
        estimates.append(found.rate)
        truths.append(true)
    assert held >= 180
    assert abs(np.mean(estimates) - np.mean(truths)) < 0.004
