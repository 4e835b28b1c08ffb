"""API tokens: made with scopes, hashed at rest, ended one by one and with the password."""

import httpx
import pytest
from sqlalchemy import select

from annotate_app import create_campaign, find_person, set_password
from label_store.models import Event, LoginSession
from tests.annotate_app.material import add_pictures
from tests.annotate_app.server import PASSWORD


def with_token(app, name, **wanted):
    made = app.client(name).post("/api/v1/tokens", json=wanted)
    assert made.status_code == 201, made.text
    return made.json(), httpx.Client(base_url=app.url, headers={"Authorization": f"Bearer {made.json()['token']}"})


@pytest.fixture
def boats(stocked):
    add_pictures(stocked, "boat", 2)
    return create_campaign(stocked, "boats", "verify", ["boat"])


ASKED = {
    "judge": ("POST", "/api/v1/campaigns/boats/leases"),
    "export": ("GET", "/api/v1/campaigns/boats/export"),
    "watch": ("GET", "/api/v1/campaigns/boats/progress"),
    "review": ("GET", "/campaigns/boats/review"),
    "curate": ("PUT", "/api/v1/campaigns/boats/state"),
}


@pytest.mark.parametrize("scope", ASKED, ids=str)
def test_a_token_does_what_its_scope_names_and_nothing_else(app, boats, scope):
    _, narrow = with_token(app, "cora", scopes=[scope])
    for other, (method, path) in ASKED.items():
        body = {"state": "open"} if method == "PUT" else {} if method == "POST" else None
        answer = narrow.request(method, path, json=body)
        assert (answer.status_code == 403) == (other != scope), (other, answer.text)
    assert narrow.post("/api/v1/tokens", json={}).status_code == 403
    assert narrow.post("/campaigns/boats/import").status_code == 403  # it makes accounts, and speaks for others
    assert narrow.get("/api/v1/sessions/current").json()["name"] == "cora"


def test_a_scope_gives_nobody_more_than_the_role(app, boats):
    _, token = with_token(app, "ann", scopes=["export", "curate"])
    assert token.get("/api/v1/campaigns/boats/export").status_code == 403


def test_tokens_are_hashed_listed_and_ended_by_their_owner_alone(stocked, app, boats):
    made, token = with_token(app, "cora", scopes=["export"], days=2)
    with stocked.read() as session:
        assert made["token"] not in [row.token_hash for row in session.scalars(select(LoginSession))]
        assert made["token"] not in str([row.detail for row in session.scalars(select(Event))])
        deeds = session.scalars(select(Event.person_id).where(Event.action == "token.create")).all()
        assert deeds == [find_person(session, "cora").id]
    cora = app.client("cora")
    assert made["id"] in [row["id"] for row in cora.get("/api/v1/tokens").json()]
    assert app.client("ann").delete(f"/api/v1/tokens/{made['id']}").status_code == 404
    assert cora.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert token.get("/api/v1/campaigns/boats/export").status_code == 401


def test_tokens_end_by_time_and_with_a_new_password(stocked, app, boats):
    _, soon = with_token(app, "cora", days=1)
    _, later = with_token(app, "cora", days=9)
    app.clock.forward(days=2)
    assert (soon.get("/api/v1/sessions/current").status_code, later.get("/api/v1/sessions/current").status_code) == (
        401,
        200,
    )
    with stocked.write() as session:
        set_password(session, find_person(session, "cora"), PASSWORD)
    assert later.get("/api/v1/sessions/current").status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [{"scopes": ["everything"]}, {"days": 0}, {"days": 1e9}, {"name": "x"}],
    ids=["scope", "no", "long", "key"],
)
def test_a_wish_that_does_not_exist_is_refused(app, boats, wanted):
    assert app.client("cora").post("/api/v1/tokens", json=wanted).status_code == 422
