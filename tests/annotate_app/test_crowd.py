"""Workers of Prolific and Mechanical Turk: their id comes in with the link, a completion code goes out."""

import httpx
import pytest
from sqlalchemy import select

from annotate_app import create_campaign, disable, find_person
from annotate_app.crowd import close_to_crowd, open_to_crowd
from label_store import UsageError, find_campaign
from label_store.models import Campaign, Judgment, Person
from tests.annotate_app.material import add_pictures
from tests.annotate_app.work import judgment, lease, send

WORKER = {
    "prolific": "PROLIFIC_PID=5f1c3d0a3f0e4b0e9a553a2f&STUDY_ID=s&SESSION_ID=t",
    "mturk": "workerId=A1B2C3&hitId=h",
}


def opened(workspace, platform="prolific", items=4):
    add_pictures(workspace, "boat", 6)
    create_campaign(workspace, "boats", "verify", ["boat"], open_to_all=False)
    with workspace.write() as session:
        return open_to_crowd(session, find_campaign(session, "boats"), platform, items, "C0DE-1")


@pytest.mark.parametrize("platform", ["prolific", "mturk"], ids=str)
def test_a_worker_comes_by_the_link_judges_their_share_and_reads_the_code(stocked, app, platform):
    link = f"/crowd/{opened(stocked, platform)}?{WORKER[platform]}"
    with httpx.Client(base_url=app.url) as worker:
        first = worker.get(link)
        assert first.status_code == 200
        assert "C0DE-1" not in first.text
        assert worker.get("/label/boats", headers={"Accept": "text/html"}).status_code == 200
        items = lease(worker, "boats")["items"]
        assert len(items) == 4
        send(worker, [judgment(item["id"]) for item in items])
        assert lease(worker, "boats")["items"] == []
        last = worker.get(link).text
        assert "C0DE-1" in last
        assert ("app.prolific.com/submissions/complete?cc=C0DE-1" in last) == (platform == "prolific")
        assert worker.get("/api/v1/campaigns/boats/progress").status_code == 403
    with httpx.Client(base_url=app.url) as again:  # the same worker in another browser is the same account
        assert "C0DE-1" in again.get(link).text
        assert lease(again, "boats")["items"] == []
    with stocked.read() as session:
        person = session.scalars(select(Person).where(Person.name.startswith(f"{platform}:"))).one()
        assert person.password_hash is None
        assert len(session.scalars(select(Judgment).where(Judgment.person_id == person.id)).all()) == 4


@pytest.mark.parametrize(
    "query",
    ["", "PROLIFIC_PID=", "PROLIFIC_PID=a b", "PROLIFIC_PID=" + "x" * 65, "workerId=A1",
     "PROLIFIC_PID=a&assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE"],
    ids=["none", "empty", "blank", "long", "of-another", "preview"],
)  # fmt: skip
def test_without_a_workers_id_the_page_is_a_preview_and_makes_nobody(stocked, app, query):
    answer = httpx.get(f"{app.url}/crowd/{opened(stocked)}?{query}")
    assert answer.status_code == 200
    assert "preview" in answer.text
    assert "set-cookie" not in answer.headers
    with stocked.read() as session:
        assert session.scalars(select(Person).where(Person.name.contains(":"))).all() == []


def test_a_link_that_was_replaced_ended_or_guessed_is_not_there_and_guessing_is_slow(stocked, app):
    old = opened(stocked)
    with stocked.write() as session:
        new = open_to_crowd(session, find_campaign(session, "boats"), "prolific", 4)
    query = WORKER["prolific"]
    assert httpx.get(f"{app.url}/crowd/{old}?{query}").status_code == 404
    assert httpx.get(f"{app.url}/crowd/{new}?{query}").status_code == 200
    with stocked.write() as session:
        close_to_crowd(session, find_campaign(session, "boats"))
    codes = [httpx.get(f"{app.url}/crowd/{new}?{query}").status_code for _ in range(12)]
    assert codes[0] == 404
    assert codes[-1] == 429


def test_a_worker_who_was_shut_out_stays_out_and_no_other_account_can_be_claimed(stocked, app):
    link = f"{app.url}/crowd/{opened(stocked)}?{WORKER['prolific']}"
    assert httpx.get(link).status_code == 200
    with stocked.write() as session:
        disable(session, find_person(session, "prolific:5f1c3d0a3f0e4b0e9a553a2f"))
    assert httpx.get(link).status_code == 403


def test_the_secret_of_the_link_is_not_kept(stocked):
    secret = opened(stocked)
    with stocked.read() as session:
        assert secret not in str(session.scalars(select(Campaign.crowd)).one())


@pytest.mark.parametrize(
    ("platform", "items", "code"),
    [("crowdflower", 4, None), ("mturk", 0, None), ("mturk", 4, "<b>")],
    ids=["platform", "items", "code"],
)
def test_what_cannot_be_is_refused(stocked, platform, items, code):
    opened(stocked)
    with pytest.raises(UsageError), stocked.write() as session:
        open_to_crowd(session, find_campaign(session, "boats"), platform, items, code)
