"""A refresh asks whether pictures are still the same, and what files say of themselves is kept and obeyed."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from PIL import ExifTags, Image
from sqlalchemy import select

from collector import CollectOptions, CollectReport, UrlList, collect
from label_store import Workspace
from label_store import models as tables
from tests.collector.conftest import FAST, open_store
from tests.collector.site import Handler, Site, jpeg

PLUS = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"
plus:DataMining="http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING"/></rdf:RDF></x:xmpmeta>"""


def run(store: Workspace, folder: Path, *urls: str, options: CollectOptions = FAST) -> CollectReport:
    (folder / "list.txt").write_text("\n".join(urls))
    return collect(store, UrlList(folder / "list.txt"), category="car", options=options)


def versioned(versions: list[bytes], asked: list[str | None]) -> Handler:
    """The last of `versions`, with its length as its ETag; 304 for whoever has it."""

    async def handler(request: web.Request) -> web.Response:
        tag = f'"{len(versions)}"'
        asked.append(request.headers.get("If-None-Match"))
        if asked[-1] == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=versions[-1], headers={"ETag": tag, "Content-Type": "image/jpeg"})

    return handler


def test_a_refresh_fetches_only_what_changed(store: Workspace, site: Site, tmp_path: Path) -> None:
    versions, asked = [jpeg(1)], list[str | None]()
    url = site.on("/a.jpg", versioned(versions, asked))
    refresh = replace(FAST, refresh=True)
    run(store, tmp_path, url)
    assert run(store, tmp_path, url).nothing_left
    same = run(store, tmp_path, url, options=refresh)
    assert (same.fetched, same.new_images, asked) == (0, 0, [None, '"1"'])
    versions.append(jpeg(2))
    changed = run(store, tmp_path, url, options=refresh)
    assert (changed.fetched, changed.new_images, asked[-1]) == (1, 1, '"1"')
    with store.read() as session:
        fetch = session.scalars(select(tables.Fetch)).one()
        assert (fetch.attempts, fetch.etag, fetch.http_status) == (3, '"2"', 200)
        assert len(list(session.scalars(select(tables.Image)))) == 2


def test_a_picture_that_is_gone_at_a_refresh_stays(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", jpeg(1))
    run(store, tmp_path, url)
    site.put("/a.jpg", b"", status=410)
    assert run(store, tmp_path, url, options=replace(FAST, refresh=True)).failed == {"http_4xx": 1}
    with store.read() as session:
        assert session.scalars(select(tables.Fetch)).one().status == "ok"


def with_file_words(**more: object) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "Ann Example"
    exif[ExifTags.Base.Copyright] = "2020 Ann Example"
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)}
    )  # fmt: skip
    file = io.BytesIO()
    Image.open(io.BytesIO(jpeg(3))).save(file, "JPEG", exif=exif, **more)
    return file.getvalue()


@pytest.mark.parametrize("keep", [False, True])
def test_what_a_file_says_is_kept_and_its_place_only_where_asked(site: Site, tmp_path: Path, keep: bool) -> None:
    url = site.put("/a.jpg", with_file_words())
    for store in open_store(tmp_path, site, keep_location=keep):
        run(store, tmp_path, url)
        with store.read() as session:
            image, fetch = session.scalars(select(tables.Image)).one(), session.scalars(select(tables.Fetch)).one()
        assert (image.creator, image.rights, fetch.author) == ("Ann Example", "2020 Ann Example", "Ann Example")
        assert (image.latitude, image.longitude) == ((52.5, 13.4) if keep else (None, None))


def test_a_file_that_prohibits_mining_is_left_out_unless_that_is_turned_off(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    url = site.put("/a.jpg", with_file_words(xmp=PLUS.encode()))
    other = site.put("/b.jpg", with_file_words(xmp=PLUS.encode(), quality=60))
    assert run(store, tmp_path, url).refused == {"opted_out": 1}
    assert run(store, tmp_path, other, options=replace(FAST, overrides=frozenset({"plus"}))).new_images == 1
    with store.read() as session:
        told = {row.url: (row.status, row.opt_outs, row.overrides) for row in session.scalars(select(tables.Fetch))}
    assert told == {url: ("refused", ["plus"], []), other: ("ok", ["plus"], ["plus"])}
    assert len(list(store.blobs.names())) == 1


def test_a_column_named_category_is_taken_where_no_category_is_given(
    store: Workspace, site: Site, tmp_path: Path
) -> None:
    url = site.put("/a.jpg", jpeg(1))
    (tmp_path / "list.csv").write_text(f"url,Category\n{url},dog\n{url},zebra\n")
    report = collect(store, UrlList(tmp_path / "list.csv"), options=FAST)
    assert (report.new_candidates, report.bad_rows) == (1, 1)
    again = collect(store, UrlList(tmp_path / "list.csv"), category="car", options=FAST)
    assert (again.new_candidates, again.bad_rows) == (1, 0)
