"""What a run leaves in the label store: pictures with their origin, proposals, reasons, counts."""

from pathlib import Path

import pytest
from sqlalchemy import select

from collector import CollectOptions, Columns, Folder, UrlList, collect, collect_status
from label_store import UsageError, Workspace, take_down
from label_store.models import Candidate, Category, Fetch, Image
from tests.collector.conftest import FAST, collect_urls
from tests.collector.site import Site, jpeg


def fetches(workspace: Workspace) -> dict[str, Fetch]:
    with workspace.read() as session:
        return {fetch.url: fetch for fetch in session.scalars(select(Fetch))}


def proposals(workspace: Workspace) -> set[tuple[str, str]]:
    with workspace.read() as session:
        rows = session.execute(
            select(Fetch.url, Category.slug)
            .select_from(Candidate)
            .join(Fetch)
            .join(Category, Category.id == Candidate.category_id)
        )
        return {(url, slug) for url, slug in rows}


def test_a_picture_is_kept_with_its_origin_and_proposed(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", jpeg(1), ETag='"one"')
    file = tmp_path / "list.csv"
    file.write_text(
        f'image_url,text,licence,who,kind\n{url},"A car, red",https://creativecommons.org/licenses/by-sa/4.0/,Ann,Car\n'
    )
    columns = Columns(caption="text", license="licence", author="who", category="kind")
    report = collect(store, UrlList(file, columns), options=FAST)
    assert (report.new_images, report.new_candidates, report.fetched, report.bad_rows) == (1, 1, 1, 0)
    fetch = fetches(store)[url]
    assert (fetch.status, fetch.source, fetch.caption, fetch.license, fetch.author, fetch.etag, fetch.http_status) == (
        "ok", "urls", "A car, red", "CC-BY-SA-4.0", "Ann", '"one"', 200,
    )  # fmt: skip
    assert fetch.image_sha256
    assert store.blobs.get(fetch.image_sha256) == jpeg(1)
    assert proposals(store) == {(url, "car")}


def test_the_user_agent_says_who_asks_and_where_to_complain(store: Workspace, site: Site, tmp_path: Path) -> None:
    collect_urls(store, tmp_path, site.put("/a.jpg", jpeg(1)))
    (agent,) = site.agents
    assert agent.startswith("Cairn/")
    assert "curator@example.org" in agent


def test_the_same_bytes_at_two_addresses_are_one_image_with_two_origins(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    report = collect_urls(store, tmp_path, site.put("/a.jpg", jpeg(1)), site.put("/b.jpg", jpeg(1)))
    assert (report.fetched, report.new_images, report.new_candidates) == (2, 1, 2)


def test_the_same_address_twice_is_one_fetch_proposed_for_every_category(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    url = site.put("/a.jpg", jpeg(1))
    file = tmp_path / "list.csv"
    file.write_text(f"url,category\n{url},car\n{url},dog\n{url}#top,car\n{url},car\n")
    report = collect(store, UrlList(file, Columns(category="category")), options=FAST)
    assert site.asked["/a.jpg"] == 1
    assert proposals(store) == {(url, "car"), (url, "dog")}
    assert report.new_candidates == 2


def test_a_second_run_fetches_nothing_and_proposes_for_a_new_category(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    url, gone = site.put("/a.jpg", jpeg(1)), site.url("/gone.jpg")
    collect_urls(store, tmp_path, url, gone)
    again = collect_urls(store, tmp_path, url, gone)
    assert again.nothing_left
    assert again.already == 2
    other = collect_urls(store, tmp_path, url, gone, category="dog")
    assert (other.fetched, other.new_candidates) == (0, 1)
    assert proposals(store) == {(url, "car"), (url, "dog")}
    assert site.asked == {"/robots.txt": 1, "/.well-known/tdmrep.json": 1, "/a.jpg": 1, "/gone.jpg": 1}


def test_a_picture_whose_bytes_are_gone_is_fetched_again(store: Workspace, site: Site, tmp_path: Path) -> None:
    url, other = site.put("/a.jpg", jpeg(1)), site.put("/b.jpg", jpeg(2))
    collect_urls(store, tmp_path, url, other)
    sha256 = fetches(store)[url].image_sha256
    assert sha256
    store.blobs.remove(sha256)
    again = collect_urls(store, tmp_path, url, other)
    assert (again.fetched, again.new_images, again.new_candidates, again.already) == (1, 0, 0, 1)
    assert store.blobs.get(sha256) == jpeg(1)
    assert (site.asked["/a.jpg"], site.asked["/b.jpg"]) == (2, 1)
    take_down(store, sha256=sha256, reason="asked")
    assert collect_urls(store, tmp_path, url, other).already == 2
    assert site.asked["/a.jpg"] == 2, "what was taken down is not lost"


def test_a_failure_that_may_pass_is_tried_again_by_the_next_run(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", b"busy", "text/plain", status=500)
    first = collect_urls(store, tmp_path, url)
    assert first.failed == {"http_5xx": 1}
    site.put("/a.jpg", jpeg(1))
    second = collect_urls(store, tmp_path, url)
    assert (second.fetched, second.failed) == (1, {})
    assert fetches(store)[url].status == "ok"


def test_every_end_has_its_reason(store: Workspace, site: Site, tmp_path: Path) -> None:
    whole = jpeg(1)
    site.put("/robots.txt", "User-agent: *\nDisallow: /closed/", "text/plain")
    ends = {
        site.url("/missing.jpg"): "http_4xx",
        site.put("/broken.jpg", whole[: len(whole) // 2]): "undecodable",
        site.put("/words.jpg", b"these are only words"): "not_image",
        site.put("/page.jpg", "<html><body>a page</body></html>"): "not_image",
        site.put("/closed/a.jpg", jpeg(2)): "robots",
        site.put("/noai.jpg", jpeg(3), X_Robots_Tag="noai"): "opted_out",
        "http://name.invalid/a.jpg": "dns",
        "http://127.0.0.1:9/a.jpg": "private_address",
    }
    report = collect_urls(store, tmp_path, *ends)
    assert {url: fetch.error for url, fetch in fetches(store).items()} == ends
    assert report.refused == {"robots": 1, "opted_out": 1, "private_address": 1}
    assert report.failed == {"http_4xx": 1, "undecodable": 1, "not_image": 2, "dns": 1}
    assert not list(store.blobs.names())
    assert site.asked["/closed/a.jpg"] == 0
    assert fetches(store)["http://name.invalid/a.jpg"].retry_at is not None
    assert fetches(store)[site.url("/broken.jpg")].http_status == 200


def test_an_opt_out_turned_off_by_name_is_recorded(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/noai.jpg", jpeg(3), X_Robots_Tag="otherbot: noindex, noai")
    mine = site.put("/mine.jpg", jpeg(4), X_Robots_Tag="noai")
    options = CollectOptions(host_delay=0, processes=0, overrides=frozenset({"noai"}))
    report = collect_urls(store, tmp_path, url, mine, options=options)
    assert report.fetched == 2
    assert fetches(store)[mine].overrides == ["noai"]


def test_a_picture_that_was_taken_down_is_not_kept(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", jpeg(1))
    collect_urls(store, tmp_path, url)
    sha256 = fetches(store)[url].image_sha256
    take_down(store, sha256=sha256, reason="asked")
    take_down(store, url=site.url("/named.jpg"), reason="asked")
    copy, named = site.put("/copy.jpg", jpeg(1)), site.put("/named.jpg", jpeg(2))
    report = collect_urls(store, tmp_path, copy, named)
    assert report.refused == {"takedown": 2}
    assert site.asked["/named.jpg"] == 0
    assert not list(store.blobs.names())


def test_an_unknown_category_is_refused_before_anything_is_fetched(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="'cra'") as error:
        collect_urls(store, tmp_path, site.put("/a.jpg", jpeg(1)), category="cra")
    assert "'car'" in error.value.hint
    assert not site.asked


def test_a_folder_gives_its_pictures_by_the_names_of_its_folders(store: Workspace, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    for name, seed in (("car/a.jpg", 1), ("car/deep/b.jpg", 2), ("dog/c.jpg", 3)):
        (pictures / name).parent.mkdir(parents=True, exist_ok=True)
        (pictures / name).write_bytes(jpeg(seed))
    (pictures / "dog/notes.txt").write_text("not a picture")
    (pictures / "dog/words.jpg").write_text("not a picture either")
    report = collect(store, Folder(pictures), options=FAST)
    assert (report.new_images, report.new_candidates, report.failed) == (3, 3, {"not_image": 1})
    named = {(Path(url).name, slug) for url, slug in proposals(store)}
    assert named == {("a.jpg", "car"), ("b.jpg", "car"), ("c.jpg", "dog")}
    assert collect(store, Folder(pictures), options=FAST).nothing_left


def test_a_folder_of_an_unknown_category_is_named(store: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "zebra").mkdir(parents=True)
    (tmp_path / "pictures" / "zebra" / "a.jpg").write_bytes(jpeg(1))
    with pytest.raises(UsageError, match="zebra"):
        collect(store, Folder(tmp_path / "pictures"), options=FAST)


def test_status_counts_what_came_and_what_did_not(store: Workspace, site: Site, tmp_path: Path) -> None:
    collect_urls(store, tmp_path, site.put("/a.jpg", jpeg(1)), site.put("/b.jpg", jpeg(1)), site.url("/none.jpg"))
    status = collect_status(store)
    assert status.images == 1
    assert [(row.category, row.source, row.candidates, row.images) for row in status.categories] == [
        ("car", "urls", 2, 1)
    ]
    (source,) = status.sources
    assert (source.ok, source.reasons, source.to_try_again) == (2, {"http_4xx": 1}, 0)


def test_decoding_in_processes_gives_the_same(store: Workspace, site: Site, tmp_path: Path) -> None:
    urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in range(20)]
    options = CollectOptions(host_delay=0, processes=2)
    report = collect_urls(store, tmp_path, *urls, site.put("/bad.jpg", jpeg(99)[:300]), options=options)
    assert (report.new_images, report.failed) == (20, {"undecodable": 1})
    with store.read() as session:
        assert len(set(session.scalars(select(Image.phash)))) == 20


def test_both_databases_take_it(any_workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for seed in range(5):
        (tmp_path / "pictures" / f"{seed}.jpg").write_bytes(jpeg(seed))
    report = collect(any_workspace, Folder(tmp_path / "pictures"), options=FAST)
    assert report.new_images == 5
    assert collect(any_workspace, Folder(tmp_path / "pictures"), options=FAST).already == 5


def test_real_odd_pictures_each_get_a_picture_or_a_reason(store: Workspace, tmp_path: Path) -> None:
    import shutil

    import pandas as pd

    from tests.data import shared_data

    data = shared_data()
    shutil.unpack_archive(data / "odd_encodings.tar", tmp_path / "odd")
    table = pd.read_csv(data / "odd_encodings.csv")
    report = collect(store, Folder(tmp_path / "odd"), category="car", options=FAST)
    ends = fetches(store)
    assert report.fetched + sum(report.failed.values()) + sum(report.refused.values()) == len(ends)
    assert report.fetched >= (table["pillow_result"] == "ok").sum() // 2
    assert set(report.failed) <= {"undecodable", "not_image", "too_large"}
