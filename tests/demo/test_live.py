"""The live demo's pictures: what comes from Wikimedia Commons, and the one sentence where it cannot be reached."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from cairn.demo.live import CATEGORIES, NoInternet, gather
from label_store import CairnError, UsageError
from label_store.models import Candidate, Category, Fetch
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
        rows = select(Category.slug, Fetch.license, Fetch.author).select_from(Candidate).join(Fetch).join(Category)
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
