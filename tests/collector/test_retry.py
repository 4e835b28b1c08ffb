"""What was left out for good is asked for again when the curator takes its reason back, and never by itself."""

import csv
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from cairn.cli import run as cairn
from collector import CollectReport, Columns, Crawl, First, Folder, UrlList, collect
from collector.licenses import is_spdx, spdx
from collector.progress import KeptProgress, run_states
from collector.report import Tally
from collector.status import write_left_out
from label_store import UsageError, Workspace
from label_store.models import Fetch, Image, Takedown, now
from tests.collector.conftest import FAST
from tests.collector.site import Site, jpeg


def run(store: Workspace, folder: Path, *urls: str, **more: object) -> CollectReport:
    (folder / "list.txt").write_text("\n".join(urls))
    options = replace(FAST, **more)  # type: ignore[arg-type]
    return collect(store, UrlList(folder / "list.txt"), category="car", options=options)


def test_a_refusal_stays_until_its_reason_is_named(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", b"no picture", "image/jpeg")
    assert run(store, tmp_path, url).failed == {"not_image": 1}
    site.put("/a.jpg", jpeg(1))
    again = run(store, tmp_path, url)
    assert (again.nothing_left, again.already_left_out) == (True, {"not_image": 1})
    assert run(store, tmp_path, url, retry=frozenset({"undecodable"})).nothing_left
    assert run(store, tmp_path, url, retry=frozenset({"not_image"})).new_images == 1
    assert run(store, tmp_path, url, retry=frozenset({"not_image"})).already_left_out == {}


@pytest.mark.parametrize("name", ["noai", "robots"])
def test_an_opt_out_that_is_turned_off_later_counts_for_what_it_kept_out(
    store: Workspace, site: Site, tmp_path: Path, name: str
) -> None:
    url = site.put("/a.jpg", jpeg(1), **({"X-Robots-Tag": "noai"} if name == "noai" else {}))
    if name == "robots":
        site.put("/robots.txt", "User-agent: *\nDisallow: /", "text/plain")
    assert sum(run(store, tmp_path, url).refused.values()) == 1
    assert run(store, tmp_path, url, overrides=frozenset({"noindex"})).nothing_left
    assert run(store, tmp_path, url, overrides=frozenset({name})).new_images == 1


def test_what_was_taken_down_cannot_be_asked_for_again(store: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'takedown' is no reason to try again"):
        run(store, tmp_path, "http://127.0.0.1/a.jpg", retry=frozenset({"takedown"}))


def test_every_address_that_brought_nothing_is_written_with_its_reason(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    run(store, tmp_path, site.put("/a.jpg", jpeg(1)), site.put("/b.jpg", b"no"), site.url("/c.jpg"))
    assert write_left_out(store, tmp_path / "all.csv") == 2
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((row["url"], row["reason"], row["category"]) for row in rows) == [
        (site.url("/b.jpg"), "not_image", "car"),
        (site.url("/c.jpg"), "http_4xx", "car"),
    ]
    assert all(row["detail"] and row["tried_at"] for row in rows)
    assert write_left_out(store, tmp_path / "one.csv", "http_4xx") == 1
    with pytest.raises(UsageError, match="'nothing' is no reason"):
        write_left_out(store, tmp_path / "none.csv", "nothing")


def test_a_crawl_names_what_its_pattern_found_and_nobody_knows(store: Workspace, site: Site) -> None:
    for name in ("car", "hovercraft"):
        site.put(f"/gallery/{name}/", f'<img src="{site.put(f"/{name}.jpg", jpeg(len(name)))}">')
    site.put("/", '<a href="/gallery/car/">1</a><a href="/gallery/hovercraft/">2</a>')
    source = Crawl((site.url("/"),), category_from_path="/gallery/([^/]+)/")
    report = collect(store, source, options=FAST)
    assert (report.new_images, report.unknown_categories) == (1, {"hovercraft": 1})


def test_columns_of_usual_names_need_no_option(store: Workspace, site: Site, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        f"url,TEXT,licence,creator\n{site.put('/a.jpg', jpeg(1))},A red car,cc by 4,Ann\n"
    )
    source = UrlList(tmp_path / "list.csv", Columns())
    collect(store, source, category="car", options=FAST)
    with store.read() as session:
        fetch = session.scalars(select(Fetch)).one()
        assert (fetch.caption, fetch.license, fetch.author) == ("A red car", "CC-BY-4.0", "Ann")


def test_the_first_rows_of_a_list_are_the_same_again(store: Workspace, site: Site, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(site.put(f"/{n}.jpg", jpeg(n)) for n in range(5)))
    first = First(UrlList(tmp_path / "list.txt"), 3)
    assert (first.total(), collect(store, first, category="car", options=FAST).new_images) == (3, 3)
    assert collect(store, first, category="car", options=FAST).nothing_left
    assert collect(store, UrlList(tmp_path / "list.txt"), category="car", options=FAST).new_images == 2


def test_a_row_of_empty_fields_is_counted(store: Workspace, site: Site, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"url,caption\n,\n\n{site.put('/a.jpg', jpeg(1))},\n")
    report = collect(store, UrlList(tmp_path / "list.csv"), category="car", options=FAST)
    assert (report.new_images, report.bad_rows) == (1, 1)
    assert "list.csv:2: has no address" in report.bad_row_examples[0]


def test_a_link_that_leads_out_of_a_folder_is_left_out(store: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(jpeg(1))
    inside = tmp_path / "pictures" / "car"
    inside.mkdir(parents=True)
    (inside / "real.jpg").write_bytes(jpeg(2))
    (inside / "same.jpg").symlink_to(inside / "real.jpg")
    (inside / "out.jpg").symlink_to(tmp_path / "outside.jpg")
    (inside / "self.jpg").symlink_to(inside / "self.jpg")
    report = collect(store, Folder(tmp_path / "pictures"), options=FAST)
    assert (report.new_images, report.bad_rows) == (1, 2)
    assert "leads out of the folder" in report.bad_row_examples[0]
    assert "self.jpg: cannot be read" in report.bad_row_examples[1]


def test_a_run_whose_process_is_gone_is_told_as_stopped_at_once(tmp_path: Path) -> None:
    kept = KeptProgress(tmp_path / "collect", "urls", lambda *_: None)
    kept(3, 10, "")
    assert [run.state for run in run_states(tmp_path, now())] == ["running"]
    path = tmp_path / "collect" / "progress-urls.json"
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    mine = path.read_text()
    path.write_text(mine.replace(f'"pid": {os.getpid()}', f'"pid": {child}'))
    assert [run.state for run in run_states(tmp_path, now())] == ["stopped"]
    path.write_text(path.read_text().replace(platform.node(), "another-machine"))
    assert [run.state for run in run_states(tmp_path, now())] == ["running"]


@pytest.mark.parametrize(
    ("words", "licence", "known"),
    [
        ("CC BY 4", "CC-BY-4.0", True),
        ("CC-BY-SA-3.0", "CC-BY-SA-3.0", True),
        ("MIT OR CC0-1.0", "MIT OR CC0-1.0", True),
        ("ask me first", "ask me first", False),
        ("LicenseRef-press", "LicenseRef-press", True),
        ("Proprietary", "Proprietary", False),
    ],
    ids=["without-point", "identifier", "two", "words", "own", "one-word"],
)
def test_a_licence_in_words_is_told_from_an_identifier(words: str, licence: str, known: bool) -> None:
    assert (spdx(words), is_spdx(spdx(words))) == (licence, known)


def test_a_takedown_can_be_looked_at_before_it_is_one(
    store: Workspace, site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in (1, 2)]
    run(store, tmp_path, *urls)
    command = ["takedown", *urls, "--reason", "asked", "-w", str(store.folder)]
    assert cairn([*command, "--dry-run"]) == 0
    assert "would be taken down: 2 pictures from 2 addresses" in capsys.readouterr().out
    with store.read() as session:
        kept = list(session.scalars(select(Image.sha256)))
        assert session.scalars(select(Takedown)).all() == []
    assert all(store.blobs.has(sha256) for sha256 in kept)
    assert cairn(command) == 0
    assert not any(store.blobs.has(sha256) for sha256 in kept)
    assert cairn([*command, "no-picture"]) == 2


def test_hashes_of_another_kind_refuse_nothing_while_collecting(store: Workspace, site: Site, tmp_path: Path) -> None:
    run(store, tmp_path, site.put("/a.jpg", jpeg(1)))
    with store.write() as session:
        image = session.scalars(select(Image)).one()
        session.add(Takedown(phash=image.phash, phash_version=1, reason="of another kind"))
    report = run(store, tmp_path, site.put("/b.jpg", jpeg(1, side=64)))
    assert (report.new_images, report.refused) == (1, {})


def test_names_of_no_category_are_counted_without_end_and_kept_to_twenty() -> None:
    tally = Tally()
    for n in range(30):
        tally.unknown_category(f"name{n}")
    assert len(tally.unknown_categories) == 21
    assert tally.unknown_categories["others"] == 10
