"""Accounts in the browser: inviting, roles, disabling, one's own password."""

import html
import re

import pytest
from sqlalchemy import select

from annotate_app.security.sessions import COOKIE
from label_store.models import Event, Person
from tests.annotate_app.material import add_people
from tests.annotate_app.server import PASSWORD

PAGE = {"Accept": "text/html"}


@pytest.fixture
def olga(stocked, app):
    """An owner, signed in."""
    add_people(stocked, ["olga"], "owner")
    return app.client("olga")


def role_of(workspace, name):
    with workspace.read() as session:
        return session.scalars(select(Person.role).where(Person.name == name)).one()


def test_a_link_is_made_in_the_browser_and_makes_one_account(stocked, app, olga):
    told = olga.post("/people/invitations", data={"role": "reviewer"}, headers=PAGE).text
    path = re.search(r'value="http://[^/"]+(/invitations/[^"]+)"', html.unescape(told))[1]
    joined = app.client().post(path, data={"name": "rita", "password": PASSWORD})
    assert joined.status_code == 303
    assert role_of(stocked, "rita") == "reviewer"
    assert app.client().post(path, data={"name": "again", "password": PASSWORD}).status_code != 303
    assert path not in olga.get("/people", headers=PAGE).text


def test_a_curator_invites_people_to_work_but_makes_nobody_a_curator(stocked, app, olga):
    cora = app.client("cora")
    assert cora.post("/people/invitations", data={"role": "annotator"}).status_code == 200
    for role in ("owner", "curator"):
        assert cora.post("/people/invitations", data={"role": role}).status_code == 403
        assert olga.post("/people/invitations", data={"role": role}).status_code == 200
    assert cora.post("/people/role", data={"name": "ann", "role": "owner"}).status_code == 403
    assert cora.post("/people/disable", data={"name": "ann"}).status_code == 403
    assert app.client("ann").get("/people").status_code == 403
    assert cora.post("/people/invitations", data={"role": "king"}).status_code == 400


def test_a_token_for_curating_makes_nobody_an_account_or_a_role(stocked, app, olga):
    token = olga.post("/api/v1/tokens", json={"scopes": ["curate"]}).json()["token"]
    narrow = app.client()
    narrow.headers["Authorization"] = f"Bearer {token}"
    assert narrow.post("/people/invitations", data={"role": "owner"}).status_code == 403
    assert narrow.post("/people/role", data={"name": "ann", "role": "owner"}).status_code == 403
    assert narrow.post("/people/disable", data={"name": "ann"}).status_code == 403
    assert role_of(stocked, "ann") == "annotator"


def test_many_people_are_shown_some_at_a_time_and_found_by_a_part_of_their_name(stocked, app, olga, monkeypatch):
    add_people(stocked, ["dora 50 %", "dora_50"])
    monkeypatch.setattr("annotate_app.routes.people.PAGE", 4)
    shown, path = [], "/people"
    while path:
        page = html.unescape(olga.get(path, headers=PAGE).text)
        shown += re.findall(r'<th scope="row">([^<]+)</th>', page)
        more = re.search(r'class="button" href="([^"]+)">Next page', page)
        path = more[1] if more else None
    assert shown == ["ann", "bea", "carl", "cora", "dora 50 %", "dora_50", "olga"]
    found = olga.get("/people", params={"q": "A_5"}, headers=PAGE).text
    assert re.findall(r'<th scope="row">([^<]+)</th>', found) == ["dora_50"]
    assert "1 person" in found


def test_an_owner_changes_roles_and_shuts_people_out_but_not_themselves(stocked, app, olga):
    ann = app.client("ann")
    assert olga.post("/people/role", data={"name": "ann", "role": "reviewer"}).status_code == 303
    assert role_of(stocked, "ann") == "reviewer"
    assert olga.post("/people/disable", data={"name": "ann"}).status_code == 303
    assert ann.get("/api/v1/campaigns").status_code == 401
    assert "disabled" in olga.get("/people", headers=PAGE).text
    for path in ("role", "disable"):
        assert olga.post(f"/people/{path}", data={"name": "olga", "role": "viewer"}).status_code == 400
    with stocked.read() as session:
        events = session.execute(
            select(Event.action, Event.person_id).where(Event.action.in_(["person.role", "person.disable"]))
        )
        assert all(row.person_id is not None for row in events)


def test_one_s_own_password_is_changed_with_the_present_one_and_signs_out_everywhere_else(stocked, app):
    ann, elsewhere = app.client("ann"), app.client("ann")
    change = {"password": "not this one", "new": "another long password"}
    wrong = ann.post("/account/password", data=change)
    assert wrong.status_code == 401
    short = ann.post("/account/password", data={"password": PASSWORD, "new": "short"})
    assert short.status_code == 400
    assert elsewhere.get("/api/v1/sessions/current").status_code == 200
    done = ann.post("/account/password", data=change | {"password": PASSWORD})
    assert done.status_code == 303
    assert COOKIE in done.cookies
    assert elsewhere.get("/api/v1/sessions/current").status_code == 401
    signed_in = app.client().post("/api/v1/sessions", json={"name": "ann", "password": "another long password"})
    assert signed_in.status_code == 201
    assert "您的账号" in app.client("bea").get("/account", headers=PAGE | {"Accept-Language": "zh"}).text
