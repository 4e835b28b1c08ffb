"""What curators do: make campaigns, seed gold, watch, export, import."""

import csv
import io
import json

import httpx
import pytest
from sqlalchemy import select

from annotate_app import add_gold, create_campaign
from annotate_app.importing import import_judgments
from label_store import UsageError, Workspace
from label_store.models import Campaign, Consensus, Item
from tests.annotate_app.material import add_pictures
from tests.annotate_app.work import judge_all, judgment, lease, send


def items(workspace: Workspace) -> list[Item]:
    with workspace.read() as session:
        return list(session.scalars(select(Item).order_by(Item.id)))


def test_verify_asks_each_candidate_of_each_category_once(any_stocked):
    boats = add_pictures(any_stocked, "boat", 3)
    cups = add_pictures(any_stocked, "cup", 2)
    made = create_campaign(any_stocked, "both", "verify", ["boat", "cup"])
    assert made.items == 5
    assert {item.image_sha256 for item in items(any_stocked)} == {*boats, *cups}
    assert all(item.category_id for item in items(any_stocked))


def test_classify_asks_each_picture_once(stocked):
    add_pictures(stocked, "boat", 3)
    assert create_campaign(stocked, "what", "classify", ["boat", "cup"]).items == 3
    assert all(item.category_id is None for item in items(stocked))


def test_attributes_asks_what_was_settled_as_the_category(stocked):
    cars = add_pictures(stocked, "car", 3)
    create_campaign(stocked, "is-it", "verify", ["car"])
    with pytest.raises(UsageError, match="nothing to judge"):
        create_campaign(stocked, "details", "attributes", ["car"])
    with stocked.write() as session:
        session.scalars(select(Campaign)).one().consensus_version = 1
        for item, answer in zip(session.scalars(select(Item)), ("yes", "no", "yes"), strict=True):
            session.add(
                Consensus(
                    item_id=item.id, version=1, state="settled", answer={"value": answer},
                    posterior={answer: 0.99}, risk=0.01, n=3, method="test",
                )
            )  # fmt: skip
        yes = {item.image_sha256 for item in session.scalars(select(Item))} & {
            item.image_sha256 for item in session.scalars(select(Item)) if item.id != 2
        }
    assert create_campaign(stocked, "details", "attributes", ["car"]).items == 2
    with stocked.read() as session:
        asked = session.scalars(select(Item.image_sha256).join(Campaign).where(Campaign.slug == "details"))
        assert set(asked) == yes <= set(cars)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"slug": "Two Words"}, "cannot be the name"),
        ({"slug": "123"}, "cannot be the name"),
        ({"kind": "guess"}, "no campaign of kind"),
        ({"categories": ["whale"]}, "no category"),
        ({"categories": []}, "at least one"),
        ({"stopping": {"rule": "never"}}, "stopping rule"),
        ({"gold_rate": 1.5}, "gold rate"),
        ({"kind": "attributes"}, "no attributes"),
        ({"images": ["0" * 64]}, "no image"),
        ({"slug": "taken"}, "already"),
    ],
)
def test_a_campaign_that_cannot_be_is_refused_whole(stocked, changes, message):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "taken", "verify", ["boat"])
    wanted = {"slug": "new", "kind": "verify", "categories": ["boat"]} | changes
    with pytest.raises(UsageError, match=message):
        create_campaign(stocked, **wanted)
    with stocked.read() as session:
        assert list(session.scalars(select(Campaign.slug))) == ["taken"]


def test_gold_can_be_a_picture_that_was_no_item(stocked):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    (cup,) = add_pictures(stocked, "cup", 1)
    assert add_gold(stocked, "boats", {cup: {"value": "no"}}) == 1
    assert [item.gold for item in items(stocked)] == [None, {"value": "no"}]
    with pytest.raises(UsageError, match="not one of"):
        add_gold(stocked, "boats", {cup: {"value": "perhaps"}})


def test_the_progress_counts_what_was_done(stocked, app):
    hashes = add_pictures(stocked, "boat", 10)
    create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 2}, gold_rate=0.5)
    add_gold(stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes[:4]})
    judge_all(app.client("ann"), "boats")
    judge_all(app.client("bea"), "boats")
    progress = app.client("cora").get("/api/v1/campaigns/boats/progress").json()
    assert (progress["items"], progress["judged_enough"], progress["gold_items"]) == (6, 6, 4)
    assert progress["time_left_hours"] == 0
    assert [row["judgments"] for row in progress["categories"]] == [12]
    for row in progress["annotators"]:
        assert row["gold_misses"] == row["gold"]
        assert row["judgments"] == 6 + row["gold"]
        assert row["pace"] == pytest.approx(60_000 / 700)
    page = app.client("cora").get("/campaigns/boats", headers={"Accept": "text/html"}).text
    assert "6 judged, waiting for consensus" in page


def test_exports_say_item_annotator_answer_and_leave_out_what_was_undone(stocked, app):
    create_campaign(stocked, "cars", "attributes", ["car"], images=add_pictures(stocked, "car", 3))
    ann = app.client("ann")
    leased = [item["id"] for item in lease(ann, "cars")["items"]]
    answer = {"values": {"type": "suv", "colour": ["red", "black"]}}
    batch = [judgment(item) | {"answer": answer} for item in leased]
    send(ann, batch)
    ann.post(f"/api/v1/judgments/{batch[0]['id']}/undo")
    cora = app.client("cora")
    lines = cora.get("/api/v1/campaigns/cars/export").text.splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["item"] for row in rows} == set(leased[1:])
    assert all(row["annotator"] == "ann" and row["answer"] == answer for row in rows)
    table = list(csv.DictReader(io.StringIO(cora.get("/api/v1/campaigns/cars/export?format=csv").text)))
    assert [json.loads(row["answer"]) for row in table] == [answer, answer]


def test_an_export_can_be_imported_again_once(stocked, app, tmp_path):
    add_pictures(stocked, "boat", 5)
    create_campaign(stocked, "boats", "verify", ["boat"])
    create_campaign(stocked, "again", "verify", ["boat"])
    judge_all(app.client("ann"), "boats")
    rows = app.client("cora").get("/api/v1/campaigns/boats/export").text.splitlines()
    file = tmp_path / "judgments.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["item", "annotator", "answer"])
        writer.writerows([row["image"], "an old hand", row["answer"]] for row in map(json.loads, rows))
        writer.writerow(["0" * 64, "an old hand", "yes"])
        writer.writerow([json.loads(rows[0])["image"], "an old hand", "maybe"])
    for accepted, duplicate in ((5, 0), (0, 5)):
        result = import_judgments(stocked, "again", file)
        assert (result.accepted, result.duplicate) == (accepted, duplicate)
        assert [bad.place for bad in result.bad] == ["line 7", "line 8"]
    with stocked.read() as session:
        assert set(session.scalars(select(Item.n).join(Campaign).where(Campaign.slug == "again"))) == {1}


def test_an_import_takes_crowd_kits_names_and_refuses_a_second_other_answer(stocked, tmp_path):
    (picture,) = add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / "judgments.csv"
    file.write_text(f"task,worker,label\n{picture},an old hand,yes\n{picture},an old hand,no\n")
    for accepted, duplicate in ((1, 0), (0, 1)):
        result = import_judgments(stocked, "boats", file)
        assert (result.accepted, result.duplicate) == (accepted, duplicate)
        (bad,) = result.bad
        assert bad.place == "line 3"
        assert "otherwise" in bad.reason


def test_an_import_without_its_columns_names_them(stocked, tmp_path):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / "wrong.csv"
    file.write_text("picture,who\n1,2\n")
    with pytest.raises(UsageError, match="no column 'item'"):
        import_judgments(stocked, "boats", file)


def test_campaigns_say_all_that_an_annotator_needs(stocked, app):
    cars = add_pictures(stocked, "car", 1)
    create_campaign(stocked, "cars", "attributes", ["car"], images=cars, guideline="Look twice.")
    (shown,) = app.client("ann").get("/api/v1/campaigns").json()
    assert (shown["slug"], shown["kind"], shown["guideline"]) == ("cars", "attributes", "Look twice.")
    (category,) = shown["categories"]
    assert category["attributes"][1] == {
        "name": "colour", "choices": ["red", "black", "white", "blue"], "multiple": True,
    }  # fmt: skip
    assert "gold" not in json.dumps(shown)


def test_health_readiness_and_counters(stocked, app):
    assert httpx.get(f"{app.url}/healthz").json() == {"status": "ok"}
    assert httpx.get(f"{app.url}/readyz").json() == {"status": "ready"}
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"])
    judge_all(app.client("ann"), "boats")
    text = httpx.get(f"{app.url}/metrics").text
    assert 'cairn_judgments_total{status="accepted"} 2' in text
    assert "cairn_request_seconds_count" in text
    assert "ann" not in [word.strip('"') for word in text.split()]
