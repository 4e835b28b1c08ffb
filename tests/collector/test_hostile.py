"""What a server, a page or a file may say to harm a run: it costs its own picture at most."""

import asyncio
import io
import json
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from collector import Crawl, UrlList, collect
from collector.addresses import AllowList
from collector.errors import FetchFailed
from collector.fetching import Fetcher, Want
from collector.held import HeldBytes
from collector.loops import run_to_end
from collector.recording import Outcome, Recorder
from collector.texts import storable
from imaging.scans import too_many_scans
from label_store import CategorySpec, Workspace, put_category
from label_store.models import Fetch
from tests.collector.conftest import FAST, collect_urls
from tests.collector.site import Site, jpeg, reset_halfway


def fetches(workspace: Workspace) -> dict[str, Fetch]:
    with workspace.read() as session:
        return {fetch.url: fetch for fetch in session.scalars(select(Fetch))}


def raw(site: Site, path: str, header: bytes, body: bytes) -> str:
    """Answer a path with a header line of any bytes."""

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        length = str(len(body)).encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: " + length + b"\r\n" + header + b"\r\n"
        request.transport.write(head + b"Connection: close\r\n\r\n" + body)
        await asyncio.sleep(0.2)
        request.transport.close()
        return web.Response()

    return site.on(path, handler)


def test_a_header_that_is_no_text_costs_nothing(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = raw(site, "/a.jpg", b'ETag: "\xffone"', jpeg(1))
    other = site.put("/b.jpg", jpeg(2))
    report = collect_urls(store, tmp_path, url, other)
    assert (report.fetched, report.new_images) == (2, 2)
    assert fetches(store)[url].etag == '"one"'


def test_a_caption_that_no_database_takes_is_cleaned(any_workspace: Workspace, site: Site) -> None:
    with any_workspace.write() as session:
        put_category(session, CategorySpec("car"))
    settings = any_workspace.settings
    any_workspace.settings = settings.model_copy(update={"allow_hosts": [site.netloc]})
    described = {"@type": "ImageObject", "contentUrl": site.put("/a.jpg", jpeg(1)), "caption": "a\ud800b\u0000c\u0007d"}
    start = site.put("/", f'<script type="application/ld+json">{json.dumps(described)}</script>')
    report = collect(any_workspace, Crawl((start,), sitemaps=False), category="car", options=FAST)
    assert report.new_candidates == 1
    assert fetches(any_workspace)[site.url("/a.jpg")].caption == "abcd"


def test_a_row_with_control_characters_is_taken_without_them(store: Workspace, site: Site, tmp_path: Path) -> None:
    url = site.put("/a.jpg", jpeg(1))
    (tmp_path / "a.jsonl").write_text(json.dumps({"url": url, "author": "\udcffAnn\u0000\n B"}) + "\n")
    source = UrlList(tmp_path / "a.jsonl")
    assert collect(store, source, category="car", options=FAST).fetched == 1
    assert collect(store, source, category="car", options=FAST).nothing_left


def test_a_record_that_cannot_be_written_costs_only_itself(
    store: Workspace, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [site.put(f"/{n}.jpg", jpeg(n)) for n in range(5)]
    result = Recorder._result

    def refusing(self: Recorder, outcome: Outcome, gone: str | None) -> object:
        if outcome.claim.candidate.url == urls[2] and outcome.failure is None:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return result(self, outcome, gone)

    monkeypatch.setattr(Recorder, "_result", refusing)
    report = collect_urls(store, tmp_path, *urls)
    assert (report.fetched, report.new_images, report.failed) == (4, 4, {"undecodable": 1})
    ends = {url: fetch.status for url, fetch in fetches(store).items()}
    assert ends == dict.fromkeys(urls, "ok") | {urls[2]: "failed"}


@given(st.text())
def test_storable_text_is_what_any_database_takes(text: str) -> None:
    kept = storable(text)
    kept.encode("utf-8")
    assert "\0" not in kept
    assert storable(kept) == kept
    if text.isprintable():
        assert kept == text


def test_a_run_can_be_begun_where_an_event_loop_runs(store: Workspace, site: Site, tmp_path: Path) -> None:
    async def notebook() -> int:
        return collect_urls(store, tmp_path, site.put("/a.jpg", jpeg(1))).fetched

    assert asyncio.run(notebook()) == 1


def test_an_error_comes_through_where_an_event_loop_runs() -> None:
    async def broken() -> None:
        raise LookupError("nothing there")

    async def notebook() -> None:
        run_to_end(broken())

    with pytest.raises(LookupError, match="nothing there"):
        asyncio.run(notebook())


def with_scans(data: bytes, n: int) -> bytes:
    """A progressive JPEG whose last scan comes n times more."""
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * n + b"\xff\xd9"


def progressive(side: int = 64) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 60).convert("RGB").save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded(store: Workspace, site: Site, tmp_path: Path) -> None:
    whole = site.put("/whole.jpg", progressive())
    slow = site.put("/slow.jpg", with_scans(progressive(), 150))
    report = collect_urls(store, tmp_path, whole, slow)
    assert (report.fetched, report.failed) == (1, {"undecodable": 1})
    assert "scans" in (fetches(store)[slow].detail or "")


def test_fewer_scans_are_taken_of_a_larger_picture() -> None:
    def declared(width: int, height: int, scans: int) -> bytes:
        frame = b"\xff\xc2\x00\x0b\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x01\x01\x11\x00"
        return b"\xff\xd8" + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00\x12" * scans + b"\xff\xd9"

    assert too_many_scans(declared(100, 100, 100)) is None
    assert too_many_scans(declared(100, 100, 101)) is not None
    assert too_many_scans(declared(10_000, 10_000, 20)) is None
    assert too_many_scans(declared(10_000, 10_000, 30)) is not None


@given(st.binary(max_size=200))
def test_looking_for_scans_never_raises_and_finds_none_where_there_is_none(data: bytes) -> None:
    assert too_many_scans(b"\xff\xd8" + data) is None
    assert too_many_scans(data) is None


def test_marks_within_metadata_are_no_scans() -> None:
    buffer = io.BytesIO()
    picture = Image.new("RGB", (32, 32), "red")
    picture.save(buffer, "JPEG", comment=b"\xff\xda\x00\x02" * 500)
    assert too_many_scans(buffer.getvalue()) is None


def test_bytes_are_counted_as_they_arrive_and_the_deadline_waits_with_them(site: Site) -> None:
    body = bytes(400_000)
    urls = [site.put(f"/{n}.jpg", body) for n in range(8)]
    most = 0

    async def go() -> list[int]:
        nonlocal most
        held = HeldBytes(1_000_000)

        async def one(fetcher: Fetcher, url: str) -> int:
            nonlocal most
            with held.holding() as holding:
                fetched = await fetcher.get(url, Want("image/*", 500_000, holding=holding))
                assert holding.size == len(fetched.body)
                most = max(most, held.total)
                await asyncio.sleep(0.2)  # longer, for all of them, than one may take
                return len(fetched.body)

        allow = AllowList.parse([site.netloc])
        async with Fetcher(
            user_agent="Cairn/test", allow=allow, delay=0, per_host=8, in_flight=8, timeout=0.6
        ) as fetcher:
            sizes = await asyncio.gather(*(one(fetcher, url) for url in urls))
        assert held.total == 0
        return sizes

    assert run_to_end(go()) == [len(body)] * 8
    assert most <= 1_000_000 + len(body)
    assert max(site.asked.values()) == 1


def test_a_failed_attempt_gives_back_what_it_held(site: Site) -> None:
    async def go() -> None:
        held = HeldBytes(10_000)
        allow = AllowList.parse([site.netloc])
        async with Fetcher(
            user_agent="Cairn/test", allow=allow, delay=0, per_host=2, in_flight=2, timeout=5.0
        ) as fetcher:
            with held.holding() as holding:
                with pytest.raises(FetchFailed):
                    await fetcher.get(
                        site.on("/cut.jpg", reset_halfway(bytes(9000))), Want("image/*", 9999, holding=holding)
                    )
                assert held.total == holding.size == 0

    run_to_end(go())


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(1, 60))
def test_whatever_the_sizes_all_get_through_and_the_bound_is_passed_by_one_alone(sizes: list[int], bound: int) -> None:
    async def go() -> int:
        held, most = HeldBytes(bound), 0

        async def one(size: int) -> None:
            nonlocal most
            with held.holding() as holding:
                for _ in range(size):
                    await holding.add(1)
                    most = max(most, held.total)
                    await asyncio.sleep(0)

        await asyncio.gather(*(one(size) for size in sizes))
        assert held.total == 0
        return most

    assert run_to_end(go()) <= bound + max(sizes)
