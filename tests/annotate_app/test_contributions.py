"""People give pictures over HTTP: what is taken, what is refused and why, and what is written down of it."""

import hashlib
import io
import socket
import uuid
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
from PIL import Image as PILImage
from sqlalchemy import func, select

from annotate_app.consent import CONSENT_VERSION, statement
from annotate_app.languages import words_of
from annotate_app.moderation import REASONS
from label_store import Origin, Workspace, ingest, take_down
from label_store.models import Candidate, Contribution, Event, Fetch, Image, Submission
from tests.annotate_app.giving import SECRET, form, give, given, photo
from tests.annotate_app.material import add_people, draw
from tests.annotate_app.server import AppProcess, RunningApp, client, serving
from tests.collector.test_hostile import progressive, with_scans


def opened(workspace: Workspace, **settings: object) -> Workspace:
    """The same workspace with other settings."""
    return Workspace.open(workspace.folder, database_url=workspace.settings.database_url, **settings)


@pytest.fixture
def giving(stocked: Workspace) -> Iterator[RunningApp]:
    """The app, where anybody may give pictures."""
    with serving(opened(stocked, contributions="open")) as running:
        yield running


def count(workspace: Workspace, table: type) -> int:
    with workspace.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_given_picture_is_kept_as_it_was_given_with_licence_consent_and_giver(any_stocked):
    with serving(opened(any_stocked, contributions="signed-in")) as app:
        answer = given(app.client("ann"), [photo(1)], author="  Ann   Example ")
    assert [one["status"] for one in answer["pictures"]] == ["taken"]
    sha256 = hashlib.sha256(photo(1)).hexdigest()
    assert any_stocked.blobs.get(sha256) == photo(1)
    with any_stocked.read() as session:
        submission = session.scalars(select(Submission)).one()
        assert (submission.license, submission.author) == ("CC-BY-4.0", "Ann Example")
        assert (submission.consent_version, submission.consent_text) == (CONSENT_VERSION, statement("en").text)
        assert answer["link"].rsplit("/", 1)[1] not in submission.token_hash
        fetch = session.scalars(select(Fetch)).one()
        assert (fetch.source, fetch.license, fetch.author) == ("contribution", "CC-BY-4.0", "Ann Example")
        assert fetch.contributor_id == submission.person_id is not None
        candidate = session.scalars(select(Candidate)).one()
        assert (candidate.image_sha256, candidate.approved) == (sha256, False)
        assert session.scalars(select(Contribution)).one().state == "waiting"
        event = session.scalars(select(Event).where(Event.action == "contribution.give")).one()
        assert (event.person_id, event.detail["category"]) == (submission.person_id, "boat")


def test_who_may_give_is_a_setting(stocked):
    add_people(stocked, ["con"], "contributor")
    add_people(stocked, ["vic"], "viewer")
    seen = {}
    for who in ("off", "signed-in", "open"):
        with serving(opened(stocked, contributions=who)) as app:
            people = {"stranger": client(app.url), **{name: app.client(name) for name in ("con", "ann", "vic")}}
            seen[who] = {name: one.get("/api/v1/contributions/terms").status_code for name, one in people.items()}
    assert seen == {
        "off": {"stranger": 401, "con": 404, "ann": 404, "vic": 403},
        "signed-in": {"stranger": 401, "con": 200, "ann": 200, "vic": 403},
        "open": {"stranger": 200, "con": 200, "ann": 200, "vic": 200},
    }


@pytest.mark.parametrize("name", [None, "ann"])
def test_sending_twice_is_once(stocked, giving, name):
    giver = giving.client(name)
    first = given(giver, [photo(1), photo(2)], receipt=SECRET)
    again = give(giver, [photo(1), photo(2)], receipt=SECRET)
    assert again.status_code == 200
    assert [one["status"] for one in again.json()["pictures"]] == ["known", "known"]
    assert again.json()["link"] == first["link"] == f"/contributions/{SECRET}"
    assert [one["id"] for one in again.json()["pictures"]] == [one["id"] for one in first["pictures"]]
    assert (count(stocked, Contribution), count(stocked, Fetch), count(stocked, Submission)) == (2, 2, 1)


def test_a_person_with_an_account_needs_no_receipt_to_send_twice(stocked, giving):
    ann = giving.client("ann")
    given(ann, [photo(1)])
    again = give(ann, [photo(1)])
    assert (again.status_code, again.json()["pictures"][0]["status"]) == (200, "known")
    assert count(stocked, Contribution) == 1


def test_the_same_picture_twice_in_one_request_is_taken_once(stocked, giving):
    answer = given(giving.client(), [photo(1), photo(1)])
    assert [one["status"] for one in answer["pictures"]] == ["taken", "known"]


def test_an_app_killed_between_commit_and_answer_has_the_picture_once(stocked, monkeypatch):
    monkeypatch.setenv("CAIRN_CONTRIBUTIONS", "open")
    dying = AppProcess(stocked.folder, die_after_commit=True)
    with pytest.raises(httpx.HTTPError):
        give(client(dying.url), [photo(1)], receipt=SECRET)
    dying.wait_until_dead()
    assert count(stocked, Contribution) == 1
    alive = AppProcess(stocked.folder)
    try:
        again = give(client(alive.url), [photo(1)], receipt=SECRET)
    finally:
        alive.kill()
    assert again.json()["pictures"][0]["status"] == "known"
    assert again.json()["link"] == f"/contributions/{SECRET}"
    assert count(stocked, Contribution) == 1


def test_an_app_killed_between_keeping_and_writing_down_goes_on_where_it_was(stocked, giving):
    given(giving.client(), [photo(1)], receipt=SECRET)
    with stocked.write() as session:
        session.delete(session.scalars(select(Contribution)).one())
        session.flush()
        session.delete(session.scalars(select(Submission)).one())
    other = given(giving.client(), [photo(1)])  # what was left stands in nobody's way
    again = given(giving.client(), [photo(2), photo(1)], receipt=SECRET)
    assert other["pictures"][0]["status"] == "taken"
    assert [one["status"] for one in again["pictures"]] == ["taken", "refused"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>no picture</html>", "not a picture"),
        (photo(1)[:3000], "cannot be decoded"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC"),
        (with_scans(progressive(), 150), "scans"),
        (b"", "empty"),
    ],
    ids=["html", "cut off", "heic", "endless scans", "empty"],
)
def test_what_is_no_picture_is_refused_by_its_content_whatever_it_is_called(stocked, giving, data, reason):
    answer = give(giving.client(), [data])
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()["pictures"][0]
    assert told["status"] == "refused"
    assert reason in told["reason"]
    assert (count(stocked, Image), count(stocked, Contribution)) == (0, 0)
    assert list(stocked.blobs.names()) == []


def test_a_picture_is_known_by_its_content_not_by_its_name_or_header(stocked, giving):
    files = [("pictures", ("holiday.txt", draw("boat", 1), "text/plain"))]
    assert giving.client().post("/api/v1/contributions", data=form(), files=files).status_code == 201
    with stocked.read() as session:
        assert session.scalars(select(Image.format)).all() == ["PNG"]


def test_one_bad_file_holds_up_no_other(giving):
    answer = given(giving.client(), [photo(1), b"nothing", photo(2)])
    assert [one["status"] for one in answer["pictures"]] == ["taken", "refused", "taken"]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(stocked):
    with serving(opened(stocked, contributions="open", max_image_pixels=1000)) as app:
        answer = give(app.client(), [photo(1)])
    assert "320 x 240" in answer.json()["pictures"][0]["reason"]


def test_exact_duplicates_are_refused_with_a_sentence(stocked, giving):
    ingest(stocked, photo(1), Origin("test", "file:///boat.jpg", category="boat"))
    given(giving.client("ann"), [photo(2)])
    answer = give(giving.client("bea"), [photo(1), photo(2)])
    assert answer.status_code == 422
    assert {one["reason"] for one in answer.json()["pictures"]} == {"exactly this picture is here already for Boat"}
    assert given(giving.client("bea"), [photo(2)], "cup")["pictures"][0]["status"] == "taken"  # it may show both


def test_what_was_taken_down_is_refused_by_hash_and_by_likeness(stocked, giving):
    same = ingest(stocked, photo(1), Origin("test", "file:///boat.jpg", category="boat")).sha256
    take_down(stocked, sha256=same, reason="asked to")
    near = io.BytesIO()
    PILImage.open(io.BytesIO(photo(1))).convert("RGB").save(
        near, "JPEG", quality=70
    )  # the same pixels but for its losses
    for data in (photo(1), near.getvalue()):
        answer = give(giving.client(), [data])
        assert answer.status_code == 422
        assert "taken down" in answer.json()["pictures"][0]["reason"]
        assert not stocked.blobs.has(hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    ("changes", "status", "sentence"),
    [
        ({"license": "MIT"}, 422, "not a licence"),
        ({"license": ""}, 422, "no licence"),
        ({"consent": ""}, 422, "not agreed"),
        ({"consent": "0"}, 409, "changed since"),
        ({"category": "whale"}, 404, "no category"),
        ({"author": "x" * 201}, 422, "at most 200"),
        ({"author": "a\x07b"}, 422, "printable"),
        ({"receipt": "short"}, 422, "32 to 100"),
        ({"receipt": "../../" + "x" * 40}, 422, "32 to 100"),
    ],
)
def test_nothing_is_kept_without_proper_terms(stocked, giving, changes, status, sentence):
    answer = give(giving.client(), [photo(1)], **{"category": "boat", **changes})
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert (count(stocked, Image), count(stocked, Submission)) == (0, 0)


def test_licences_are_a_short_list_and_a_setting(stocked, giving):
    offered = giving.client().get("/api/v1/contributions/terms").json()["licenses"]
    assert [one["spdx"] for one in offered] == ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"]
    with serving(opened(stocked, contributions="open", contribution_licenses=["ODbL-1.0"])) as app:
        assert give(app.client(), [photo(1)]).status_code == 422
        assert given(app.client(), [photo(1)], license="ODbL-1.0")["link"]


def test_a_receipt_is_good_for_one_giver_and_one_set_of_terms(giving):
    given(giving.client("ann"), [photo(1)], receipt=SECRET)
    assert give(giving.client("ann"), [photo(2)], receipt=SECRET, license="CC0-1.0").status_code == 409
    assert give(giving.client("bea"), [photo(2)], receipt=SECRET).status_code == 409
    assert given(giving.client("ann"), [photo(2)], receipt=SECRET)["link"] == f"/contributions/{SECRET}"


class Endless:
    """A multipart body of one file that does not end; counts what was read of it."""

    boundary = "frontier"

    def __init__(self, most: int) -> None:
        self.read = 0
        self.most = most

    def __iter__(self) -> Iterator[bytes]:
        yield (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="pictures"; filename="a.jpg"\r\n\r\n'
        ).encode()
        while self.read < self.most:
            self.read += 65536
            yield bytes(65536)


def test_a_file_that_is_too_large_is_refused_while_it_arrives(stocked):
    limit = 200_000
    with serving(opened(stocked, contributions="open", max_image_bytes=limit)) as app:
        exact = give(app.client(), [bytes(limit)])  # refused for what it is, not for its size
        assert (exact.status_code, "not a picture" in exact.text) == (422, True)
        assert give(app.client(), [bytes(limit + 1)]).status_code == 413
        body = Endless(1 << 30)
        headers = {"Content-Type": f"multipart/form-data; boundary={Endless.boundary}"}
        with suppress(httpx.TransportError):  # without a length; the app answers and closes before the end
            assert app.client().post("/api/v1/contributions", content=iter(body), headers=headers).status_code == 413
        assert body.read < 1 << 28
        host, port = app.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 20) as raw:  # the length alone is enough
            raw.sendall(
                f"POST /api/v1/contributions HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10**12}\r\n"
                f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
            )
            assert raw.recv(100).startswith(b"HTTP/1.1 413")
    assert count(stocked, Image) == 0


def test_a_request_holds_at_most_so_many_pictures(stocked):
    with serving(opened(stocked, contributions="open", contribution_batch=2)) as app:
        answer = give(app.client(), [photo(1), photo(2), photo(3)])
        assert answer.status_code == 413
        assert "at most 2 files" in answer.json()["hint"]
    assert count(stocked, Image) == 0


def test_a_body_that_is_no_form_is_refused(giving):
    assert giving.client().post("/api/v1/contributions", json={}).status_code == 415
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert giving.client().post("/api/v1/contributions", content=b"nonsense", headers=headers).status_code == 422
    assert giving.client().post("/api/v1/contributions", data=form(), files=[("x", b"")]).status_code == 422


def test_a_person_gives_so_many_in_a_day_and_again_the_next(stocked):
    with serving(opened(stocked, contributions="open", contributions_per_person=2)) as app:
        for giver in (app.client("ann"), app.client()):
            start = 1 if giver.headers.get("authorization") else 11
            answer = given(giver, [photo(n) for n in range(start, start + 3)])
            assert [one["status"] for one in answer["pictures"]] == ["taken", "taken", "refused"]
            limited = give(giver, [photo(start + 4)])
            assert limited.status_code == 429
            assert int(limited.headers["retry-after"]) > 0
        app.clock.forward(hours=25)
        assert give(app.client(), [photo(20)]).status_code == 201
        assert give(app.client("ann"), [photo(21)]).status_code == 201


def test_everybody_together_gives_so_many_in_a_day(stocked):
    with serving(opened(stocked, contributions="open", contributions_per_day=2)) as app:
        given(app.client("ann"), [photo(1)])
        given(app.client("bea"), [photo(2)])
        assert give(app.client("carl"), [photo(3)]).status_code == 429


def test_whoever_sends_rubbish_has_to_wait(giving):
    stranger = giving.client()
    for _ in range(3):
        assert give(stranger, [uuid.uuid4().bytes for _ in range(10)]).status_code == 422
    assert give(stranger, [photo(1)]).status_code == 429
    assert give(giving.client("ann"), [photo(1)]).status_code == 201
    giving.clock.forward(minutes=6)
    assert give(stranger, [photo(2)]).status_code == 201


def test_another_site_cannot_give_in_a_visitors_name(giving):
    files = [("pictures", ("a.jpg", photo(1), "image/jpeg"))]
    for path in ("/api/v1/contributions", "/contribute/boat"):
        answer = giving.client().post(path, data=form(), files=files, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403


def test_the_form_works_without_scripts_and_leads_to_the_page_of_thanks(stocked, giving):
    page = giving.client().get("/contribute/boat", headers={"Accept": "text/html"}).text
    receipt = page.split('name="receipt" value="')[1].split('"')[0]
    assert "exactly as you give it" in page
    assert statement("en").text[:40] in page
    browser = httpx.Client(base_url=giving.url, headers={"Accept": "text/html"}, timeout=60)
    files = [("pictures", ("a.jpg", photo(1), "image/jpeg"))]
    answer = browser.post("/contribute/boat", data=form(receipt=receipt), files=files)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/contributions/{receipt}")
    assert "waiting for a curator" in browser.get(answer.headers["location"]).text
    wrong = browser.post("/contribute/boat", data=form(license="MIT", author="Zoë", receipt=receipt), files=files)
    assert wrong.status_code == 422
    assert "not a licence" in wrong.text
    assert 'value="Zoë"' in wrong.text
    nothing = browser.post("/contribute/boat", data=form(), files=[("pictures", ("", b"", "image/jpeg"))])
    assert "no picture was chosen" in nothing.text


def test_categories_are_found_by_name(giving):
    stranger = giving.client()
    assert "/contribute/car" in stranger.get("/contribute").text
    found = stranger.get("/contribute", params={"q": "bo%"}).text
    assert "There is no category like" in found
    found = stranger.get("/contribute", params={"q": "Boa"}).text
    assert "/contribute/boat" in found
    assert "/contribute/car" not in found
    assert stranger.get("/contribute/whale").status_code == 404


def test_pages_of_giving_hold_no_inline_script_or_style(stocked, giving):
    link = given(giving.client(), [photo(1)], author="<b>Bob</b>")["link"]
    for path in ("/contribute", "/contribute/boat", link):
        answer = giving.client().get(path, headers={"Accept": "text/html"})
        assert "<script>" not in answer.text
        assert " style=" not in answer.text
        assert "<b>Bob" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"


# ---- In the giver's language.


def test_the_words_that_were_shown_are_the_words_that_are_kept(stocked, giving):
    headers = {"accept-language": "zh", "accept": "text/html"}
    agreed = statement("zh")
    page = giving.client().get("/contribute/boat", headers=headers).text
    assert agreed.text in page
    assert f'value="{agreed.version}"' in page
    assert giving.client().get("/api/v1/contributions/terms", headers=headers).json()["consent_text"] == agreed.text
    answer = give(giving.client(), [draw("boat", 1)], consent=agreed.version)
    assert answer.status_code == 201, answer.text
    with stocked.read() as session:
        submission = session.scalars(select(Submission)).one()
        assert (submission.consent_version, submission.consent_text) == ("1-zh", agreed.text)
    assert "等待管理员查看" in giving.client().get(answer.json()["link"], headers=headers).text


def test_a_giver_and_a_curator_read_the_same_reasons():
    assert {name: words_of("en")(f"give.reason_{name}") for name in REASONS} == REASONS
