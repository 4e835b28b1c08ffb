"""Who may call what, and what a stranger cannot do."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select
from starlette.routing import Mount

from annotate_app import create_campaign, disable, find_person, invite, set_password, set_role
from annotate_app.app import create_app
from annotate_app.security.passwords import hash_password, password_matches
from annotate_app.security.roles import Public, Require
from label_store import UsageError, Workspace
from label_store.models import Invitation, LoginSession, Person
from tests.annotate_app.material import add_pictures
from tests.annotate_app.server import PASSWORD, serving
from tests.annotate_app.work import judgment, lease


def every_route(routes: list[Any]) -> Iterator[Any]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from every_route(included.routes)
        else:
            yield route


def declared_role(route: APIRoute) -> list[Any]:
    found, left = [], list(route.dependant.dependencies)
    while left:
        dependency = left.pop()
        left += dependency.dependencies
        if isinstance(dependency.call, (Public, Require)):
            found.append(dependency.call)
    return found


def test_every_route_declares_exactly_one_role(workspace):
    app = create_app(workspace)
    seen = []
    for route in every_route(app.routes):
        if isinstance(route, APIRoute):
            assert len(declared_role(route)) == 1, f"{route.methods} {route.path} declares no role"
            seen.append(route.path)
        else:
            assert route.path in ("/static", "/api/openapi.json"), f"{route.path} is open to everybody"
            assert isinstance(route, Mount) or route.path == "/api/openapi.json"
    assert len(seen) > 20


def test_every_route_that_is_not_public_refuses_strangers(app):
    public = {"/", "/healthz", "/readyz", "/metrics", "/api/docs", "/login"}
    with httpx.Client(base_url=app.url) as stranger:
        document = stranger.get("/api/openapi.json").json()
        asked = 0
        for path, methods in document["paths"].items():
            for method in methods:
                if path in public or (path, method) == ("/api/v1/sessions", "post"):
                    continue
                url = path.replace("{campaign}", "boats").replace("{judgment}", "6f1c3d0a-3f0e-4b0e-9a55-3a2f5d1f7c11")
                url = url.replace("{sha256}", "0" * 64)
                answer = stranger.request(method, url, json={} if method in ("post", "put") else None)
                assert answer.status_code == 401, f"{method} {url}: {answer.status_code}"
                assert answer.headers["content-type"] == "application/problem+json"
                asked += 1
        assert asked >= 10


def test_an_annotator_cannot_do_what_curators_do(stocked, app):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    ann = app.client("ann")
    assert ann.get("/api/v1/campaigns/boats/export").status_code == 403
    assert ann.get("/api/v1/campaigns/boats/progress").status_code == 403
    assert ann.put("/api/v1/campaigns/boats/state", json={"state": "closed"}).status_code == 403
    assert app.client("cora").get("/api/v1/campaigns/boats/progress").status_code == 200


def test_a_campaign_one_is_not_invited_to_does_not_exist(stocked, app):
    add_pictures(stocked, "boat", 1)
    made = create_campaign(stocked, "secret", "verify", ["boat"], open_to_all=False)
    with stocked.write() as session:
        link = invite(session, campaign_id=made.id)
    ann = app.client("ann")
    assert ann.get("/api/v1/campaigns").json() == []
    for url in ("/api/v1/campaigns/secret", f"/api/v1/campaigns/{made.id}"):
        assert ann.get(url).status_code == 404
    assert ann.post("/api/v1/campaigns/secret/leases", json={}).status_code == 404
    item = lease(app.client("cora"), "secret")["items"][0]["id"]
    assert ann.post("/api/v1/judgments", json=[judgment(item)]).json()[0]["status"] == "refused"
    with httpx.Client(base_url=app.url, follow_redirects=True) as guest:
        joined = guest.post(f"/invitations/{link}", data={"name": "gus", "password": PASSWORD})
        assert joined.status_code == 200
        assert "secret" in joined.text
        assert [one["slug"] for one in guest.get("/api/v1/campaigns").json()] == ["secret"]


def test_an_invitation_makes_one_account_with_its_role_once(stocked, app):
    with stocked.write() as session:
        secret = invite(session, "reviewer")
    with httpx.Client(base_url=app.url, follow_redirects=True) as guest:
        assert "reviewer" in guest.get(f"/invitations/{secret}").text
        assert guest.post(f"/invitations/{secret}", data={"name": "rob", "password": "short"}).status_code == 400
        assert guest.post(f"/invitations/{secret}", data={"name": "ann", "password": PASSWORD}).status_code == 400
        assert guest.post(f"/invitations/{secret}", data={"name": "rob", "password": PASSWORD}).status_code == 200
        assert guest.get("/api/v1/sessions/current").json()["role"] == "reviewer"
        assert guest.post(f"/invitations/{secret}", data={"name": "bob", "password": PASSWORD}).status_code == 404
    with stocked.read() as session:
        assert session.scalar(select(Person.id).where(Person.name == "bob")) is None
        kept = session.scalars(select(Invitation)).one()
        assert secret not in (kept.token_hash, "")


def test_an_invitation_runs_out(stocked, app):
    with stocked.write() as session:
        secret = invite(session)
    app.clock.forward(days=15)
    assert httpx.get(f"{app.url}/invitations/{secret}").status_code == 404


def test_nobody_signs_up_without_an_invitation_unless_the_workspace_is_open(app):
    with httpx.Client(base_url=app.url) as stranger:
        assert stranger.get("/signup").status_code == 404
        form = {"name": "stranger", "password": PASSWORD}
        assert stranger.post("/signup", data=form).status_code == 404
        assert "/signup" not in stranger.get("/login").text


def test_an_open_workspace_lets_anybody_be_an_annotator_but_not_ten_people_at_once(tmp_path):
    workspace = Workspace.init(tmp_path / "open", open_signup=True)
    with serving(workspace) as running, httpx.Client(base_url=running.url) as stranger:
        assert "/signup" in stranger.get("/login").text
        assert stranger.post("/signup", data={"name": "sid", "password": "short"}).status_code == 400
        joined = stranger.post("/signup", data={"name": "sid", "password": PASSWORD})
        assert joined.status_code == 303
        assert stranger.get("/api/v1/sessions/current").json()["role"] == "annotator"
        answers = [
            stranger.post("/signup", data={"name": f"sid{n}", "password": PASSWORD}).status_code for n in range(10)
        ]
        assert answers[-1] == 429
    workspace.close()


def test_secrets_are_hashed_at_rest_and_cookies_are_out_of_reach_of_scripts(stocked, app):
    answer = httpx.post(f"{app.url}/login", data={"name": "ann", "password": PASSWORD, "next": "/"})
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    secret = answer.cookies["cairn_session"]
    with stocked.read() as session:
        assert secret not in [row.token_hash for row in session.scalars(select(LoginSession))]
        kept = session.scalars(select(Person).where(Person.name == "ann")).one().password_hash
    assert kept is not None
    assert kept.startswith("$argon2id$")


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_to_another_site(stocked, app, target):
    answer = httpx.post(f"{app.url}/login", data={"name": "ann", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


def test_sessions_end_by_time_by_signing_out_by_a_new_password_and_when_disabled(stocked, app):
    def works(client: httpx.Client) -> bool:
        return client.get("/api/v1/campaigns").status_code == 200

    ann = app.client("ann")
    assert works(ann)
    assert ann.delete("/api/v1/sessions/current").status_code == 204
    assert not works(ann)
    ann = app.client("ann")
    with stocked.write() as session:
        set_password(session, find_person(session, "ann"), PASSWORD)
    assert not works(ann)
    ann, bea = app.client("ann"), app.client("bea")
    with stocked.write() as session:
        disable(session, find_person(session, "ann"))
        set_role(session, find_person(session, "bea"), "viewer")
    assert not works(ann)
    assert not works(bea)
    carl = app.client("carl")
    app.clock.forward(days=31)
    assert not works(carl)


def test_guessing_passwords_is_slowed_down_and_ends_after_the_window(stocked, app):
    for _ in range(10):
        wrong = httpx.post(f"{app.url}/api/v1/sessions", json={"name": "ann", "password": "a wrong guess"})
        assert wrong.status_code == 401
    right = {"name": "ann", "password": PASSWORD}
    limited = httpx.post(f"{app.url}/api/v1/sessions", json=right)
    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) > 0
    app.clock.forward(minutes=6)
    assert httpx.post(f"{app.url}/api/v1/sessions", json=right).status_code == 201


def test_nothing_tells_whether_a_name_exists(app):
    answers = [
        httpx.post(f"{app.url}/api/v1/sessions", json={"name": name, "password": "a wrong guess"}).json()
        for name in ("ann", "nobody at all")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 200),
    ],
)
def test_requests_of_another_site_are_refused(stocked, app, headers, status):
    ann = app.client("ann")
    assert ann.post("/api/v1/judgments", json=[], headers=headers).status_code == status
    assert ann.get("/api/v1/campaigns", headers=headers).status_code == 200


def test_every_answer_forbids_inline_script_framing_and_sniffing(stocked, app):
    for path in ("/login", "/healthz", "/nope", "/static/cairn.css"):
        headers = httpx.get(f"{app.url}{path}").headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_no_page_holds_inline_script_or_style(stocked, app):
    add_pictures(stocked, "boat", 2)
    guideline = "# Rules\n\n<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    create_campaign(stocked, "boats", "verify", ["boat"], title="<b>Boats</b>", guideline=guideline)
    cora = app.client("cora")
    for path in ("/", "/campaigns", "/campaigns/boats", "/label/boats", "/api/docs"):
        text = cora.get(path, headers={"Accept": "text/html"}).text
        assert "<script>" not in text
        assert " style=" not in text
        assert "<b>Boats" not in text
        assert 'href="javascript:' not in text
        assert "<img src=x" not in text


def test_pictures_are_reencoded_cacheable_and_sandboxed(stocked, app):
    (sha256,) = add_pictures(stocked, "boat", 1)
    ann = app.client("ann")
    for variant in ("thumb", "view", "full"):
        answer = ann.get(f"/images/{sha256}", params={"variant": variant})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.content[:2] == b"\xff\xd8"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        again = ann.get(
            f"/images/{sha256}", params={"variant": variant}, headers={"If-None-Match": answer.headers["etag"]}
        )
        assert (again.status_code, again.content) == (304, b"")
    assert ann.get("/images/nonsense").status_code == 422
    assert ann.get(f"/images/{'0' * 64}").status_code == 404


def test_a_password_has_a_least_length():
    with pytest.raises(UsageError, match="8 to 200"):
        hash_password("1234567")
    kept = hash_password("12345678")
    assert password_matches("12345678", kept)
    assert not password_matches("12345679", kept)
    assert not password_matches("12345678", None)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nope", None, 404),
        ("PATCH", "/api/v1/campaigns", None, 405),
        ("POST", "/api/v1/campaigns/nope/leases", {}, 404),
        ("POST", "/api/v1/campaigns/boats/leases", {"n": 0}, 422),
        ("POST", "/api/v1/campaigns/boats/leases", {"category": "whale"}, 422),
        ("POST", "/api/v1/judgments", {"not": "a list"}, 422),
        ("POST", "/api/v1/judgments/no-uuid/undo", {}, 422),
        ("GET", "/api/v1/campaigns/99999999999999999999", None, 404),
    ],
)
def test_every_error_is_a_problem_document(stocked, app, method, path, body, status):
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    answer = app.client("ann").request(method, path, json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
