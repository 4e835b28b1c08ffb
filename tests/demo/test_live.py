"""The live demo's pictures: what comes from Wikimedia Commons, and the one sentence where it cannot be reached."""

import re
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from cairn.demo.labour import AppClient
from cairn.demo.live import CATEGORIES, NoInternet, gather, run_live
from label_store import CairnError, UsageError, Workspace
from label_store.models import Candidate, Category, Fetch, Release
from tests.collector.apis import FakeCommons, File, maxlag, sends
from tests.collector.site import Site

TOLD = {"LicenseShortName": "CC BY-SA 4.0", "Artist": '<a href="//x">Ann <b>Lee</b></a>'}
FILES = [File(number, f"File:A {name}.jpg", told=TOLD) for number, name in enumerate(CATEGORIES, 1)]
CONTACT = "you@example.org"


@pytest.fixture
def commons() -> Iterator[FakeCommons]:
    with Site() as site:
        yield FakeCommons(site, FILES)


def pictures(folder: Path, commons: FakeCommons) -> set[tuple[str, str | None, str | None]]:
    workspace, _ = gather(folder, contact=CONTACT, api=commons.api, allow_hosts=(commons.site.netloc,))
    with workspace.read() as session:
        rows = (
            select(Category.slug, Fetch.license, Fetch.author)
            .select_from(Candidate)
            .join(Fetch)
            .join(Category, Category.id == Candidate.category_id)
        )
        found = {(slug, licence, author) for slug, licence, author in session.execute(rows)}
    workspace.close()
    return found


def test_each_category_gets_pictures_with_licence_and_author(tmp_path: Path, commons: FakeCommons) -> None:
    assert pictures(tmp_path / "live", commons) == {(name, "CC-BY-SA-4.0", "Ann Lee") for name in CATEGORIES}
    assert {asked["gsrlimit"] for asked in commons.asked} == {"40"}
    assert all(CONTACT in headers["User-Agent"] for headers in commons.headers)


def test_the_same_command_goes_on_where_it_was(tmp_path: Path, commons: FakeCommons) -> None:
    first = pictures(tmp_path / "live", commons)
    assert pictures(tmp_path / "live", commons) == first
    assert {n for path, n in commons.site.asked.items() if path.startswith("/pictures/")} == {1}


@pytest.mark.parametrize(("status", "body"), [(502, "busy"), (200, "<html>a captive portal</html>")])
def test_what_is_not_the_api_counts_as_no_internet(
    tmp_path: Path, commons: FakeCommons, status: int, body: str
) -> None:
    commons.troubles.extend([sends(body, "text/html", status)] * 3)
    with pytest.raises(NoInternet, match="cannot be reached from here"):
        pictures(tmp_path / "live", commons)


def test_no_server_at_all_is_one_sentence(tmp_path: Path, commons: FakeCommons) -> None:
    commons.api = "http://127.0.0.1:9/w/api.php"
    with pytest.raises(NoInternet, match="cannot be reached from here") as nothing:
        pictures(tmp_path / "live", commons)
    assert "without --live" in nothing.value.hint


def test_where_no_name_has_an_address_nothing_is_made(tmp_path: Path, commons: FakeCommons) -> None:
    commons.api = "https://commons.invalid/w/api.php"
    with pytest.raises(NoInternet, match=r"cannot be reached from here \(commons.invalid"):
        pictures(tmp_path / "live", commons)
    assert not (tmp_path / "live").exists()


def test_a_lagging_server_is_a_sentence(tmp_path: Path, commons: FakeCommons) -> None:
    commons.troubles.append(maxlag(600))
    with pytest.raises(CairnError, match="lagged"):
        pictures(tmp_path / "live", commons)


def test_nothing_found_is_a_sentence(tmp_path: Path, commons: FakeCommons) -> None:
    commons.files = []
    with pytest.raises(CairnError, match="no pictures came from Wikimedia Commons"):
        pictures(tmp_path / "live", commons)


def test_without_a_contact_commons_is_not_asked(tmp_path: Path, commons: FakeCommons) -> None:
    with pytest.raises(UsageError, match="whoever runs it") as refused:
        gather(tmp_path / "live", contact=" ", api=commons.api)
    assert "--contact" in refused.value.hint
    assert not commons.asked


class Judge(threading.Thread):
    """The person in the browser: reads the address and the password off the terminal and judges over HTTP."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.lines: list[str] = []
        self.told = threading.Event()

    def tell(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("sign in"):
            self.told.set()

    def run(self) -> None:
        self.told.wait(120)
        address = urlsplit(next(line.split()[-1] for line in self.lines if line.startswith("judge the pictures")))
        name, password = re.findall(r"'([^']+)'", next(line for line in self.lines if line.startswith("sign in")))
        client = AppClient(f"{address.scheme}://{address.netloc}")
        client.token = client.ask("POST", "/api/v1/sessions", {"name": name, "password": password})["token"]
        leases = f"/api/v1/campaigns/{client.ask('GET', '/api/v1/campaigns')[0]['id']}/leases"
        while items := client.ask("POST", leases, {"n": 40})["items"]:
            now = datetime.now(UTC).isoformat()
            client.ask(
                "POST",
                "/api/v1/judgments",
                [
                    {
                        "id": str(uuid.uuid4()),
                        "item": item["id"],
                        "answer": {"value": "yes"},
                        "shown_at": now,
                        "answered_at": now,
                        "active_ms": 900,
                    }
                    for item in items
                ],
            )


def told_by_a_run(folder: Path, commons: FakeCommons) -> list[str]:
    judge = Judge()
    judge.start()
    run_live(
        folder,
        judge.tell,
        contact=CONTACT,
        api=commons.api,
        allow_hosts=(commons.site.netloc,),
        minutes=0.01,
    )
    return judge.lines


@pytest.mark.timeout(300)
def test_the_whole_chain_makes_one_release_and_one_run_however_often_it_is_given(
    tmp_path: Path, commons: FakeCommons, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    commons.files = [
        File(100 * k + n, f"File:A {name} {n}.jpg", told=TOLD)
        for k, name in enumerate(CATEGORIES, 1)
        for n in range(12)
    ]
    folder = tmp_path / "live"
    first = told_by_a_run(folder, commons)
    assert any(line.startswith("48 pictures") for line in first)
    run = folder / "runs" / "live"
    made = (run / "metrics.json").read_bytes()

    again = told_by_a_run(folder, commons)
    assert again[-2:] == first[-2:]
    assert not any(line.startswith("sign in") for line in again), "everything is judged"
    assert (run / "metrics.json").read_bytes() == made, "not trained again"

    (run / "metrics.json").unlink()  # as if killed in training: the next run ends the same one
    (run / "report.html").unlink()
    assert told_by_a_run(folder, commons)[-2:] == first[-2:]
    assert (run / "report.html").is_file()

    assert [path.name for path in (folder / "releases" / "live").iterdir()] == ["1"]
    assert [path.name for path in (folder / "runs").iterdir()] == ["live"]
    workspace = Workspace.init(folder)
    with workspace.read() as session:
        assert session.scalars(select(Release.version)).all() == [1]
    workspace.close()
