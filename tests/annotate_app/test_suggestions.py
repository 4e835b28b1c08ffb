"""A model's suggestions: taken from files, shown or hidden, kept with each judgment, and what they do to people."""

import json
import random
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from annotate_app import create_campaign
from annotate_app.holding import sees_no_suggestions
from annotate_app.importing import forget_suggestions, import_judgments, import_suggestions
from annotate_app.suggestion_bias import agreement, suggestion_bias
from cairn.cli import run
from consensus.clustered import clustered_share, difference, student_t95
from label_store import UsageError, find_campaign
from label_store.models import Campaign, Event, Item, Judgment, Lease, Person, now
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.test_import_objects import campaign_of
from tests.annotate_app.work import judge_all, judgment, lease, send


def suggested(workspace, pictures=None):
    """What is suggested of these pictures, else of all."""
    with workspace.read() as session:
        found = dict(map(tuple, session.execute(select(Item.image_sha256, Item.suggestion).order_by(Item.id))))
    return [found[sha256] for sha256 in pictures or found]


def given_with(workspace):
    """(answer, suggestion, shown) of active judgments, in the order of their items."""
    with workspace.read() as session:
        asked = select(Judgment.answer, Judgment.suggestion, Judgment.suggestion_shown).where(Judgment.active)
        rows = session.execute(asked.order_by(Judgment.item_id))
        return [(row[0]["value"], row[1] and row[1]["value"], row[2]) for row in rows]


@pytest.fixture
def which(any_stocked):
    """A classify campaign of four pictures."""
    pictures = add_pictures(any_stocked, "boat", 4)
    create_campaign(any_stocked, "which", "classify", ["boat", "car", "cup"], stopping={"rule": "fixed", "n": 40})
    return pictures


def predictions(folder, *rows):
    file = folder / "predictions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_words_of_a_model_are_suggested_and_another_file_replaces_them(any_stocked, which, tmp_path):
    file = predictions(
        tmp_path,
        {"item": which[0], "answer": "boat"},
        {"item": which[1], "answer": {"value": "Cup", "likely": ["Car", "boat"]}, "annotator": "net/4"},
        {"item": which[2], "answer": {"value": "cup", "likely": ["car", "zebra"]}},
        {"item": which[3], "answer": {"flag": "broken"}},
    )
    result = import_suggestions(any_stocked, "which", file, model="net/3")
    assert [bad.place for bad in result.bad] == ["line 2", "line 3", "line 4"]
    assert "'Cup' is not one of" in result.bad[0].reason  # an answer is a slug
    assert result.bad[2].reason == "a flag is no suggestion"
    assert suggested(any_stocked, which) == [{"value": "boat", "model": "net/3"}, None, None, None]
    better = predictions(
        tmp_path,
        {"item": which[0], "answer": "boat"},
        {"item": which[1], "answer": {"value": "cup", "likely": ["Car", "boat"]}, "annotator": "net/4"},
    )
    result = import_suggestions(any_stocked, "which", better, model="net/3")
    assert (result.accepted, result.duplicate, result.refused) == (1, 1, 0)
    assert suggested(any_stocked, which)[1] == {"value": "cup", "likely": ["car", "boat"], "model": "net/4"}
    assert forget_suggestions(any_stocked, "which") == 2
    assert suggested(any_stocked) == [None] * 4
    with any_stocked.read() as session:
        actions = session.scalars(select(Event.action).where(Event.action.like("campaign.%suggest"))).all()
    assert actions == ["campaign.suggest", "campaign.suggest", "campaign.unsuggest"]


@pytest.mark.parametrize("name", ["coco", "yolo", "voc"], ids=str)
def test_boxes_of_a_model_are_suggested(stocked, tmp_path, name):
    from tests.annotate_app.test_import_objects import written

    first, second = campaign_of(stocked, "boxes")
    box = {"category": "boat", "x": 10.0, "y": 20.0, "w": 30.0, "h": 40.0, "crowd": False}
    said = {(first, "net/3", "model"): {"boxes": [box]}, (second, "net/3", "model"): {"boxes": []}}
    assert import_suggestions(stocked, "where", written(name, said, tmp_path)).accepted == 2
    full, empty = suggested(stocked, (first, second))
    assert full["model"] == "net/3"
    assert full["boxes"] == [{**box, **{side: pytest.approx(box[side]) for side in "xywh"}}]
    assert empty == {"boxes": [], "model": "net/3"}


def test_predictions_of_label_studio_are_suggestions_and_its_annotations_are_not(stocked, tmp_path):
    (first, second) = campaign_of(stocked, "boxes")
    value = {"x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["boat"]}
    region = {"type": "rectanglelabels", "from_name": "box", "value": value}
    tasks = [
        {"data": {"sha256": first}, "annotations": [{"completed_by": "ann", "result": []}],
         "predictions": [{"model_version": "net/3", "score": 0.9, "result": [region]}]},
        {"data": {"sha256": second}, "predictions": [{"model_version": "net/3", "result": [region | {
            "value": value | {"rotation": 30}}]}]},
    ]  # fmt: skip
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks))
    result = import_suggestions(stocked, "where", file)
    assert (result.accepted, [bad.place for bad in result.bad]) == (1, ["task 2, prediction 1"])
    assert "turned by 30 degrees" in result.bad[0].reason
    (found,) = suggested(stocked, [first])
    (box,) = found["boxes"]
    assert (box["x"], box["w"], found["model"]) == (32.0, 160.0, "net/3")
    assert import_judgments(stocked, "where", file).accepted == 1


def test_each_judgment_keeps_the_suggestion_it_was_given_with_or_without(any_stocked, which, tmp_path):
    from tests.annotate_app.server import serving

    with serving(any_stocked) as app:
        ann = app.client("ann")
        before = lease(ann, "which", 1)["items"]  # leased before there was a suggestion
        file = predictions(tmp_path, *({"item": sha256, "answer": "boat"} for sha256 in which))
        import_suggestions(any_stocked, "which", file, model="net/3")
        after = lease(ann, "which", 3)["items"]
        assert [item["suggestion"] for item in before + after] == [None, *[{"value": "boat", "model": "net/3"}] * 3]
        again = {item["id"]: item["suggestion"] for item in ann.get("/api/v1/campaigns/which/leases").json()["items"]}
        assert again == {item["id"]: item["suggestion"] for item in before + after}  # a page that was loaded again
        first = [judgment(item["id"], "boat") for item in before + after]
        assert {one["status"] for one in send(ann, first)} == {"accepted"}
        shown = dict(zip((item["id"] for item in before + after), [None, True, True, True], strict=True))
        expected = [("boat", "boat" if shown[item] else None, shown[item]) for item in sorted(shown)]
        assert given_with(any_stocked) == expected
        # A correction, and an answer after an undo, are given with what the first was given with.
        corrected = judgment(after[0]["id"], "cup", supersedes=first[1]["id"])
        assert send(ann, [corrected])[0]["status"] == "accepted"
        ann.post(f"/api/v1/judgments/{first[2]['id']}/undo?hold=true").raise_for_status()
        assert send(ann, [judgment(after[1]["id"], "car")])[0]["status"] == "accepted"
        values = {after[0]["id"]: "cup", after[1]["id"]: "car"}
        expected = [(values.get(item, "boat"), "boat" if shown[item] else None, shown[item]) for item in sorted(shown)]
        assert given_with(any_stocked) == expected
        past = ann.get("/api/v1/judgments", params={"campaign": "which"}).json()
        seen = {one["item"]["id"]: one["item"]["suggestion"] is not None for one in past}
        assert seen == {item: bool(was) for item, was in shown.items()}


def test_a_suggestion_that_changes_while_an_item_is_held_is_not_taken_for_what_was_shown(stocked, app, tmp_path):
    pictures = add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "which", "classify", ["boat", "car"])
    ann = app.client("ann")
    import_suggestions(stocked, "which", predictions(tmp_path, {"item": pictures[0], "answer": "boat"}))
    (item,) = lease(ann, "which")["items"]
    import_suggestions(stocked, "which", predictions(tmp_path, {"item": pictures[0], "answer": "car"}))
    with stocked.read() as session:
        assert session.scalars(select(Lease.suggestion_shown)).one() is None
    assert ann.get("/api/v1/campaigns/which/leases").json()["items"][0]["suggestion"] is None
    send(ann, [judgment(item["id"], "car")])
    assert given_with(stocked) == [("car", None, None)]


def test_who_is_not_shown_suggestions_does_not_see_them_on_going_back_either(stocked, app, tmp_path):
    pictures = add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "which", "classify", ["boat", "car"], suggestions_hidden=1.0)
    import_suggestions(stocked, "which", predictions(tmp_path, *({"item": one, "answer": "boat"} for one in pictures)))
    ann = app.client("ann")
    judge_all(ann, "which", "car")
    assert given_with(stocked) == [("car", "boat", False)] * 2
    past = ann.get("/api/v1/judgments", params={"campaign": "which"}).json()
    assert [one["item"]["suggestion"] for one in past] == [None, None]


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.floats(0, 1), st.floats(0, 1))
def test_who_is_hidden_from_at_a_share_is_so_at_every_larger_one(campaign, person, share, more):
    assert not sees_no_suggestions(campaign, person, 0.0)
    assert sees_no_suggestions(campaign, person, 1.0)
    if sees_no_suggestions(campaign, person, share):
        assert sees_no_suggestions(campaign, person, share + (1 - share) * more)


def test_a_share_is_that_share_of_people_and_differs_between_campaigns():
    hidden = np.array([[sees_no_suggestions(c, p, 0.2) for p in range(2000)] for c in range(5)])
    assert abs(hidden.mean(axis=1) - 0.2).max() < 0.04
    together = (hidden[0] & hidden[1]).mean()
    assert abs(together - 0.04) < 0.02


# ---- Bias.


def crowd(workspace, tmp_path, sway, people=24, pictures=12):
    """People who know boats from cars, half of whom see suggestions that are mostly wrong and follow some of them."""
    shas = add_pictures(workspace, "boat", pictures)
    names = [f"p{k}" for k in range(people)]
    create_campaign(
        workspace, "which", "classify", ["boat", "car"], stopping={"rule": "fixed", "n": people}, suggestions_hidden=0.5
    )
    add_people(workspace, names)
    file = predictions(tmp_path, *({"item": sha256, "answer": "car", "annotator": "net/3"} for sha256 in shas))
    import_suggestions(workspace, "which", file)
    dice = random.Random(8)

    def answer(item):
        follows = item["suggestion"] is not None and dice.random() < sway
        return "car" if follows or dice.random() < 0.1 else "boat"

    return names, answer


def judge_as(app, names, answer):
    for name in names:
        client = app.client(name)
        batch = [judgment(item["id"], answer(item)) for item in lease(client, "which", 100)["items"]]
        assert {one["status"] for one in send(client, batch)} == {"accepted"}


def test_people_who_follow_what_they_are_shown_are_found_out(stocked, app, tmp_path, capsys):
    judge_as(app, *crowd(stocked, tmp_path, sway=0.5))
    with stocked.read() as session:
        bias = suggestion_bias(session, find_campaign(session, "which"))
    assert bias.shown.people + bias.hidden.people == 24
    assert bias.shown.judgments + bias.hidden.judgments == 24 * 12
    assert bias.models == (("net/3", 12),)
    assert bias.hidden.agreement < 0.25 < 0.4 < bias.shown.agreement
    assert 0 < bias.low < bias.difference < bias.high < 1
    assert bias.sways
    cora = app.client("cora")
    assert cora.get("/api/v1/campaigns/which/suggestions").json() == json.loads(json.dumps(bias.as_json()))
    assert run(["campaign", "bias", "which", "--json", "--workspace", str(stocked.folder)]) == 0
    assert json.loads(capsys.readouterr().out)["difference"] == bias.difference
    assert run(["campaign", "bias", "which", "--workspace", str(stocked.folder)]) == 0
    assert f"by {100 * bias.difference:+.1f} points" in capsys.readouterr().out
    page = cora.get("/campaigns/which/suggestions").text
    assert "People agree more with what they are shown" in page
    assert f"{bias.shown.judgments} judgments" in page
    for wanted, number in (("any", 12), ("shown", 12), ("hidden", 12), ("shown&annotator=nobody", 0)):
        assert cora.get(f"/campaigns/which/items?suggestion={wanted}").text.count("<li><a") == number


def test_people_who_do_not_follow_give_no_sign_of_it(stocked, app, tmp_path):
    judge_as(app, *crowd(stocked, tmp_path, sway=0.0))
    with stocked.read() as session:
        bias = suggestion_bias(session, find_campaign(session, "which"))
    assert bias.low < 0 < bias.high
    assert bias.sways is False


def test_with_fewer_than_two_people_on_a_side_nothing_is_told(stocked, app, tmp_path):
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "which", "classify", ["boat", "car"])
    cora = app.client("cora")
    assert "Nothing is suggested" in cora.get("/campaigns/which/suggestions").text
    with stocked.write() as session:
        for item in session.scalars(select(Item)):
            item.suggestion = {"value": "boat"}
    judge_all(app.client("ann"), "which", "boat")
    found = cora.get("/api/v1/campaigns/which/suggestions").json()
    assert found["shown"] == {"people": 1, "judgments": 2, "agreement": 1.0, "low": None, "high": None}
    assert found["hidden"]["agreement"] is None
    assert found["difference"] is None
    assert "needs two people" in cora.get("/campaigns/which/suggestions").text


def test_the_share_is_set_on_the_page_and_by_the_command(stocked, app):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "which", "classify", ["boat", "car"])

    def share():
        with stocked.read() as session:
            return session.scalars(select(Campaign.suggestions_hidden)).one()

    cora = app.client("cora")
    assert cora.post("/campaigns/which/suggestions", data={"hidden_percent": "25"}).status_code == 303
    assert share() == 0.25
    for wrong in ("much", "120", "-1", "nan"):
        assert cora.post("/campaigns/which/suggestions", data={"hidden_percent": wrong}).status_code == 400
    assert app.client("ann").post("/campaigns/which/suggestions", data={"hidden_percent": "5"}).status_code == 403
    at = ["--workspace", str(stocked.folder)]
    assert run(["campaign", "suggest", "which", "--hidden", "0.5", *at]) == 0
    assert share() == 0.5
    assert run(["campaign", "suggest", "which", "--hidden", "5", *at]) == 2
    assert run(["campaign", "suggest", "which", *at]) == 2
    assert run(["campaign", "suggest", "which", "x.csv", "--clear", *at]) == 2
    assert run(["campaign", "suggest", "which", "--clear", *at]) == 0


def test_a_file_of_suggestions_by_the_command(stocked, tmp_path, capsys):
    pictures = add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"])
    file = tmp_path / "predictions.csv"
    file.write_text(f"item,answer\n{pictures[0]},yes\n{pictures[1]},maybe\n")
    at = ["--workspace", str(stocked.folder)]
    assert run(["campaign", "suggest", "boats", str(file), "--model", "net/3", *at]) == 3
    assert "1 items have a new suggestion" in capsys.readouterr().out
    assert suggested(stocked, pictures) == [{"value": "yes", "model": "net/3"}, None]
    with pytest.raises(UsageError, match="no column 'item'"):
        (tmp_path / "wrong.csv").write_text("picture\n1\n")
        import_suggestions(stocked, "boats", tmp_path / "wrong.csv")


def test_agreement_is_of_words_of_questions_and_of_objects():
    assert agreement({"value": "boat", "comment": "big"}, {"value": "boat", "model": "net/3"}) == 1
    assert agreement({"value": "unsure"}, {"value": "boat"}) == 0
    values = {"values": {"type": "suv", "colour": ["red"]}}
    assert agreement({"values": {"type": "suv", "colour": ["red", "black"]}}, values) == 0.5
    box = {"category": "car", "x": 0.0, "y": 0.0, "w": 10.0, "h": 10.0}
    assert agreement({"boxes": []}, {"boxes": []}) == 1
    assert agreement({"boxes": [box]}, {"boxes": []}) == 0
    near, far = box | {"x": 2.0}, box | {"x": 8.0}
    assert agreement({"boxes": [near, far]}, {"boxes": [box]}) == pytest.approx(2 / 3)
    assert agreement({"boxes": [near | {"category": "boat"}]}, {"boxes": [box]}) == 0
    ring = [[0, 0], [10, 0], [10, 10], [0, 10]]
    shape = {"category": "car", "rings": [ring]}
    assert agreement({"shapes": [shape]}, {"shapes": [shape]}) == 1


def test_students_t_is_scipys():
    from scipy import stats

    for degrees in (1, 1.5, 2, 3.7, 10, 50, 1000):
        assert student_t95(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=0.01)


def test_intervals_hold_the_truth_in_about_95_of_100_crowds_whose_people_differ():
    """Two groups of people, each person with an inclination of their own; true difference 0.2."""
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(400):
        arms = []
        for mean, people in ((0.6, 12), (0.4, 7)):
            own = rng.beta(6 * mean, 6 * (1 - mean), people)
            n = rng.integers(5, 60, people)
            arms.append(clustered_share(rng.binomial(n, own).astype(float), n.astype(float)))
        found = difference(*arms)
        inside += found[1] <= 0.2 <= found[2]
    assert 0.91 <= inside / 400 <= 0.985


def test_all_alike_is_not_certain():
    all_right = clustered_share(np.array([3.0, 3.0]), np.array([3.0, 3.0]))
    low, high = all_right.interval
    assert low < 0.9
    assert high == 1
    assert clustered_share(np.array([]), np.array([])) is None
    assert clustered_share(np.array([2.0]), np.array([3.0])).interval is None


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"], ids=str)
def test_what_was_suggested_and_whether_it_was_shown_is_exported_and_comes_back(any_stocked, which, tmp_path, ending):
    from annotate_app.exporting import FORMATS

    shown = {"value": "cup", "likely": ["car"], "model": "net/4"}
    with any_stocked.write() as session:
        campaign = session.scalars(select(Campaign)).one()
        people = session.execute(select(Person.name, Person.id)).all()
        ann = dict(map(tuple, people))["ann"]
        items = session.scalars(select(Item).order_by(Item.id)).all()
        for item, suggestion, seen in zip(items, (shown, {"value": "boat"}, None), (True, False, None), strict=False):
            more = {"suggestion": suggestion, "suggestion_shown": seen, "answered_at": now()}
            session.add(Judgment(id=uuid4(), item_id=item.id, person_id=ann, answer={"value": "boat"}, **more))
    file = tmp_path / f"old.{ending}"
    written = FORMATS[ending].write(any_stocked.read, campaign.id)
    file.write_bytes(b"".join(part if isinstance(part, bytes) else part.encode() for part in written))
    if ending == "jsonl":
        told = [json.loads(line) for line in file.read_text().splitlines()]
        assert [(row["suggestion"], row["suggestion_shown"]) for row in told] == [
            (shown, True),
            ("boat", False),
            (None, None),
        ]
    with any_stocked.write() as session:
        for item in session.scalars(select(Item).where(Item.campaign_id == campaign.id)):
            session.execute(delete(Judgment).where(Judgment.item_id == item.id))
    assert import_judgments(any_stocked, "which", file).accepted == 3
    with any_stocked.read() as session:
        asked = select(Judgment.suggestion, Judgment.suggestion_shown).order_by(Judgment.item_id)
        assert [tuple(row) for row in session.execute(asked)] == [
            (shown, True),
            ({"value": "boat"}, False),
            (None, None),
        ]


def test_a_suggestion_that_a_campaign_cannot_have_makes_a_bad_row(any_stocked, which, tmp_path):
    file = predictions(
        tmp_path,
        {"item": which[0], "annotator": "ann", "answer": "boat", "suggestion": "zebra", "suggestion_shown": True},
        {"item": which[1], "annotator": "ann", "answer": "boat", "suggestion": "zebra", "suggestion_shown": "perhaps"},
    )
    result = import_judgments(any_stocked, "which", file)
    assert (result.accepted, [bad.reason.split("'")[0] for bad in result.bad]) == (1, ["its suggestion: value "])


def test_a_model_s_name_that_cannot_be_kept_makes_a_bad_row(any_stocked, which, tmp_path):
    row = {"annotator": "ann", "answer": "boat", "suggestion_shown": True}
    models = ("net\0", "\ud800", " net  4 ")
    file = predictions(
        tmp_path,
        *(
            row | {"item": item, "suggestion": {"value": "boat", "model": model}}
            for item, model in zip(which, models, strict=False)
        ),
    )
    result = import_judgments(any_stocked, "which", file)
    assert [bad.reason for bad in result.bad] == ["its suggestion: the model's name is not printable"] * 2
    with any_stocked.read() as session:
        assert session.scalars(select(Judgment.suggestion)).all() == [{"value": "boat", "model": "net 4"}]
