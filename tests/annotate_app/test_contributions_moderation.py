"""Given pictures wait for a curator; what is decided, what a giver sees of it, and who judges what."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from annotate_app import create_campaign
from annotate_app.gold import add_gold
from label_store import Origin, UsageError, Workspace, ingest
from label_store.models import Candidate, Contribution, Event, Fetch, Item, Release, ReleaseImage, Submission, Takedown
from tests.annotate_app.giving import SECRET, approve, decide, decline, give, given, photo
from tests.annotate_app.material import add_pictures
from tests.annotate_app.server import RunningApp, serving
from tests.annotate_app.test_contributions import opened
from tests.annotate_app.work import judge_all, lease


@pytest.fixture
def giving(stocked: Workspace) -> Iterator[RunningApp]:
    with serving(opened(stocked, contributions="open")) as running:
        yield running


def sha(number: int) -> str:
    return hashlib.sha256(photo(number)).hexdigest()


def word(client: httpx.Client, link: str) -> str:
    """What the page of a link says of its (first) picture."""
    page = client.get(link, headers={"Accept": "text/html"})
    assert page.status_code == 200
    return page.text.split('sentence"><span aria-hidden="true">')[1].split("</span> ")[1].split("</p>")[0]


def test_a_given_picture_is_in_no_campaign_before_it_is_approved(any_stocked):
    with serving(opened(any_stocked, contributions="open")) as app:
        number = given(app.client(), [photo(1)])["pictures"][0]["id"]
        with pytest.raises(UsageError, match="nothing to judge"):
            create_campaign(any_stocked, "boats", "verify", ["boat"])
        with pytest.raises(UsageError, match="not approved"):
            create_campaign(any_stocked, "boats", "verify", ["boat"], images=[sha(1)])
        add_pictures(any_stocked, "boat", 1)
        create_campaign(any_stocked, "others", "verify", ["boat"])
        with pytest.raises(UsageError, match="not approved"):
            add_gold(any_stocked, "others", {sha(1): {"value": "yes"}})
        assert decide(app.client("cora"), approve(number))[0]["status"] == "accepted"
        assert create_campaign(any_stocked, "boats", "verify", ["boat"]).items == 2


def test_deciding_is_recorded_and_twice_is_once(any_stocked):
    with serving(opened(any_stocked, contributions="open")) as app:
        first, second = [one["id"] for one in given(app.client(), [photo(1), photo(2)])["pictures"]]
        cora = app.client("cora")
        assert [one["status"] for one in decide(cora, approve(first), decline(second, "quality"))] == ["accepted"] * 2
        assert [one["status"] for one in decide(cora, approve(first), decline(second, "quality"))] == ["duplicate"] * 2
        refused = decide(cora, decline(first), approve(second), approve(999))
    assert [one["status"] for one in refused] == ["refused"] * 3
    assert "approved already" in refused[0]["reason"]
    with any_stocked.read() as session:
        rows = {row.id: row for row in session.scalars(select(Contribution))}
        assert (rows[first].state, rows[second].state, rows[second].reason) == ("approved", "declined", "quality")
        assert rows[first].decided_by_id == rows[second].decided_by_id is not None
        assert {row.approved for row in session.scalars(select(Candidate))} == {True, False}
        events = session.scalars(
            select(Event).where(Event.action.in_(("contribution.approve", "contribution.decline")))
        )
        assert sorted((event.action, event.subject) for event in events) == [
            ("contribution.approve", f"contributions:{first}"),
            ("contribution.decline", f"contributions:{second}"),
        ]


def test_a_decline_says_why(giving):
    number = given(giving.client(), [photo(1)])["pictures"][0]["id"]
    cora = giving.client("cora")
    assert "has a reason" in decide(cora, {"id": number, "decision": "decline"})[0]["reason"]
    assert "needs a comment" in decide(cora, decline(number, "other", "  "))[0]["reason"]
    wrong = cora.post("/api/v1/contributions/decisions", json=[decline(number, "ugly")])
    assert wrong.status_code == 422
    assert decide(cora, decline(number, "other", "it is a drawing"))[0]["status"] == "accepted"


def test_only_curators_moderate_and_see_what_waits(stocked, giving):
    given(giving.client("ann"), [photo(1)])
    for name in ("ann", "bea"):
        other = giving.client(name)
        assert other.get("/api/v1/contributions").status_code == 403
        assert other.get("/moderate").status_code == 403
        assert other.post("/api/v1/contributions/decisions", json=[approve(1)]).status_code == 403
        assert other.get(f"/images/{sha(1)}").status_code == 404
    cora = giving.client("cora")
    (row,) = cora.get("/api/v1/contributions").json()
    assert (row["giver"], row["category"], row["sha256"]) == ("ann", "boat", sha(1))
    assert cora.get("/api/v1/contributions", params={"category": "cup"}).json() == []
    assert cora.get("/api/v1/contributions", params={"after": row["id"]}).json() == []
    assert cora.get(f"/images/{sha(1)}").status_code == 200
    decide(cora, approve(row["id"]))
    assert giving.client("bea").get(f"/images/{sha(1)}").status_code == 200
    assert cora.get("/api/v1/contributions").json() == []


def test_a_declined_picture_is_forgotten_and_its_record_is_kept(stocked, giving):
    giver, cora = giving.client(), giving.client("cora")
    answer = given(giver, [photo(1)])
    number = answer["pictures"][0]["id"]
    assert cora.get(f"/images/{sha(1)}", params={"variant": "thumb"}).status_code == 200
    decide(cora, decline(number, "rights"))
    assert not stocked.blobs.has(sha(1))
    assert list((stocked.folder / "cache").rglob(f"{sha(1)}*")) == []
    assert giver.get(f"{answer['link']}/pictures/{number}").status_code == 404
    assert word(giver, answer["link"]).startswith("declined: its rights are unclear")
    with stocked.read() as session:
        assert session.scalars(select(Submission.license)).all() == ["CC-BY-4.0"]
    again = give(giving.client("ann"), [photo(1)], "cup")
    assert again.json()["pictures"][0]["reason"] == "exactly this picture was given before and declined"
    assert not stocked.blobs.has(sha(1))


def test_declining_again_removes_what_a_killed_app_left(stocked, giving):
    number = given(giving.client(), [photo(1)])["pictures"][0]["id"]
    decide(giving.client("cora"), decline(number))
    stocked.blobs.put(photo(1))  # as if the app had died between its commit and the removal
    assert decide(giving.client("cora"), decline(number))[0]["status"] == "duplicate"
    assert not stocked.blobs.has(sha(1))


def test_the_bytes_of_a_declined_picture_stay_where_something_else_refers_to_them(stocked, giving):
    ingest(stocked, photo(1), Origin("test", "file:///boat.jpg", category="car"))
    number = given(giving.client(), [photo(1)])["pictures"][0]["id"]
    decide(giving.client("cora"), decline(number))
    assert stocked.blobs.has(sha(1))
    two = given(giving.client(), [photo(2)])["pictures"][0]["id"]
    other = given(giving.client("ann"), [photo(2)], "cup")["pictures"][0]["id"]
    decide(giving.client("cora"), decline(two))
    assert stocked.blobs.has(sha(2))
    decide(giving.client("cora"), decline(other))
    assert not stocked.blobs.has(sha(2))


def test_nobody_judges_what_they_gave(any_stocked):
    with serving(opened(any_stocked, contributions="signed-in")) as app:
        ann, bea = app.client("ann"), app.client("bea")
        number = given(ann, [photo(1)])["pictures"][0]["id"]
        decide(app.client("cora"), approve(number))
        add_pictures(any_stocked, "boat", 2)
        create_campaign(any_stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 2})
        with any_stocked.read() as session:
            own = session.scalars(select(Item.id).where(Item.image_sha256 == sha(1))).one()
        shown = lease(ann, "boats")
        assert own not in [item["id"] for item in shown["items"]]
        assert len(shown["items"]) == 2
        ann.post("/api/v1/campaigns/boats/leases/release", json={"items": [item["id"] for item in shown["items"]]})
        assert judge_all(ann, "boats") == 2
        assert lease(ann, "boats")["outlook"] == "done"
        assert own in [item["id"] for item in lease(bea, "boats")["items"]]


def test_nobody_is_shown_their_own_picture_as_gold(stocked, giving):
    ann = giving.client("ann")
    decide(giving.client("cora"), approve(given(ann, [photo(1)])["pictures"][0]["id"]))
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "boats", "verify", ["boat"], gold_rate=0.99)
    add_gold(stocked, "boats", {sha(1): {"value": "yes"}})
    assert sha(1) not in [item["sha256"] for item in lease(ann, "boats")["items"]]


def test_the_link_tells_what_became_of_a_picture(stocked, giving):
    giver, cora = giving.client(), giving.client("cora")
    answer = given(giver, [photo(1)], author="Zoë & Co")
    link, number = answer["link"], answer["pictures"][0]["id"]
    assert word(giver, link) == "waiting for a curator to look at it"
    assert "Zoë &amp; Co" in giver.get(link).text
    decide(cora, approve(number))
    assert word(giver, link) == "approved; people will judge it in the next campaign"
    create_campaign(stocked, "boats", "verify", ["boat"])
    assert word(giver, link) == "being judged by people"
    with stocked.write() as session:
        item = session.scalars(select(Item)).one()
        item.state = "settled"
    assert word(giver, link) == "judged; the next release will say whether it is in"
    with stocked.write() as session:
        release = Release(name="boats", version=2, manifest_sha256="b" * 64, path="releases/boats/2", recipe={})
        session.add(release)
        session.flush()
        session.add(
            ReleaseImage(release_id=release.id, image_sha256=sha(1), key="k", split="train", label=0, group=sha(1))
        )
    assert word(giver, link) == "in release boats/2"
    assert giver.get(f"{link}/pictures/{number}").headers["content-type"] == "image/jpeg"


def test_a_link_is_hashed_at_rest_and_cannot_be_guessed(stocked, giving):
    stranger = giving.client()
    link = given(stranger, [photo(1)])["link"]
    assert len(link.rsplit("/", 1)[1]) >= 43
    with stocked.read() as session:
        assert link.rsplit("/", 1)[1] not in str([vars(row) for row in session.scalars(select(Submission))])
    assert stranger.get(link).status_code == 200
    for _ in range(10):
        assert stranger.get("/contributions/" + "x" * 43).status_code == 404
    assert stranger.get(link).status_code == 429
    giving.clock.forward(minutes=6)
    assert stranger.get(link).status_code == 200


def test_a_person_with_an_account_sees_all_they_gave(giving):
    ann = giving.client("ann")
    given(ann, [photo(1)])
    given(ann, [photo(2)], "cup")
    page = ann.get("/contributions/mine").text
    assert page.count("waiting for a curator") == 2
    assert giving.client().get("/contributions/mine").status_code == 401
    number = given(giving.client("bea"), [photo(3)])["pictures"][0]["id"]
    assert ann.get(f"/contributions/mine/pictures/{number}").status_code == 404
    assert ann.post(f"/contributions/mine/pictures/{number}/remove").status_code == 404


def test_a_giver_takes_a_picture_back_and_it_is_taken_down(stocked, giving):
    giver = giving.client()
    answer = given(giver, [photo(1)], receipt=SECRET)
    number = answer["pictures"][0]["id"]
    decide(giving.client("cora"), approve(number))
    create_campaign(stocked, "boats", "verify", ["boat"])
    gone = giver.post(f"{answer['link']}/pictures/{number}/remove")
    assert (gone.status_code, gone.headers["location"]) == (303, answer["link"])
    assert giver.post(f"{answer['link']}/pictures/{number}/remove").status_code == 303
    assert word(giver, answer["link"]) == "taken back: it is in no later release"
    assert not stocked.blobs.has(sha(1))
    assert lease(giving.client("ann"), "boats")["items"] == []
    again = give(giver, [photo(1)], receipt=SECRET)
    assert "taken back before" in again.json()["pictures"][0]["reason"]
    assert "taken down" in give(giving.client("bea"), [photo(1)]).json()["pictures"][0]["reason"]
    with stocked.read() as session:
        assert sha(1) in session.scalars(select(Takedown.sha256)).all()
        assert session.scalars(select(Contribution.state)).one() == "withdrawn"
        assert session.scalars(select(Event).where(Event.action == "contribution.withdraw")).one()


def test_taking_back_a_picture_that_is_here_otherwise_takes_nothing_from_others(stocked, giving):
    ingest(stocked, photo(1), Origin("test", "file:///boat.jpg", category="car"))
    answer = given(giving.client(), [photo(1)])
    giving.client().post(f"{answer['link']}/pictures/{answer['pictures'][0]['id']}/remove")
    assert stocked.blobs.has(sha(1))
    with stocked.read() as session:
        assert session.scalars(select(Takedown)).all() == []
    assert create_campaign(stocked, "cars", "verify", ["car"]).items == 1
    with pytest.raises(UsageError, match="nothing to judge"):
        create_campaign(stocked, "boats", "verify", ["boat"])


def test_what_was_taken_down_waits_for_nobody(stocked, giving):
    from label_store import take_down

    answer = given(giving.client(), [photo(1)])
    take_down(stocked, sha256=sha(1), reason="asked to")
    cora = giving.client("cora")
    assert cora.get("/api/v1/contributions").json() == []
    assert decide(cora, approve(answer["pictures"][0]["id"]))[0]["reason"] == "this picture was taken down"
    assert word(giving.client(), answer["link"]) == "taken down: it is in no later release"


NOW = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "lost"},
        {"state": "approved"},
        {"state": "approved", "decided_at": NOW},
        {"state": "waiting", "decided_at": NOW},
        {"state": "waiting", "reason": "quality"},
        {"state": "waiting", "decided_by_id": 1},
        {"state": "declined", "decided_at": NOW, "decided_by_id": 1},
        {"state": "declined", "decided_at": NOW, "decided_by_id": 1, "reason": "ugly"},
        {"state": "declined", "decided_at": NOW, "decided_by_id": 1, "reason": "other"},
        {"state": "approved", "decided_at": NOW, "decided_by_id": 1, "comment": "nice"},
        {"candidate_id": 999},
        {"submission_id": 999},
    ],
)
def test_the_database_refuses_decisions_that_cannot_be(any_stocked, values):
    ids = a_submission(any_stocked)
    with pytest.raises(IntegrityError), any_stocked.write() as session:
        session.add(Contribution(**{**ids, **values}))


@pytest.mark.parametrize(
    "values", [{"token_hash": "short"}, {"license": ""}, {"author": ""}, {"consent_text": ""}, {"consent_version": ""}]
)
def test_the_database_refuses_submissions_without_terms(any_stocked, values):
    proper = {"token_hash": "c" * 64, "license": "CC0-1.0", "consent_version": "1", "consent_text": "Yes."}
    with pytest.raises(IntegrityError), any_stocked.write() as session:
        session.add(Submission(**{**proper, **values}))


def test_a_candidate_is_given_once(any_stocked):
    ids = a_submission(any_stocked)
    with any_stocked.write() as session:
        session.add(Contribution(**ids))
    with pytest.raises(IntegrityError), any_stocked.write() as session:
        session.add(Contribution(**ids))


def a_submission(workspace: Workspace) -> dict[str, int]:
    ingest(workspace, photo(1), Origin("contribution", "urn:uuid:1", category="boat", approved=False))
    with workspace.write() as session:
        fetch = session.scalars(select(Fetch)).one()
        candidate = session.scalars(select(Candidate).where(Candidate.fetch_id == fetch.id)).one()
        submission = Submission(token_hash="c" * 64, license="CC0-1.0", consent_version="1", consent_text="Yes.")
        session.add(submission)
        session.flush()
        return {"submission_id": submission.id, "candidate_id": candidate.id}
