"""Lists from anywhere: JSON arrays, folders, the web with its breaks, a bucket; digests; addresses without a parser."""

import gzip
import json
from pathlib import Path
from typing import Any

import obstore
import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import S3Store
from yarl import URL

from cairn.cli import run
from collector import CollectError, FetchFailed
from collector.digests import has_digest
from collector.found import BadRow, Candidate
from collector.sources.urls import _PLAIN_URL, Columns, UrlList
from collector.tables import Row, column_names, read_rows
from collector.tables_remote import ListFile, lists_at_hand
from label_store import Settings, UsageError, Workspace
from tests.collector.site import Site, endless, jpeg, redirect
from tests.collector.test_tables import RECORDS, found, write


def rows_of(path: Path) -> list[dict[str, str]]:
    return [dict(row.values) for row in read_rows(path, ["url", "text"]) if isinstance(row, Row)]


# ---- formats -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_array_gives_its_objects(tmp_path: Path, indent: int | None) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(RECORDS * 3000, indent=indent))
    assert rows_of(file) == RECORDS * 3000
    assert column_names(file) == ("url", "text")
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(file.read_bytes()))
    assert rows_of(tmp_path / "b.json.gz") == RECORDS * 3000


def test_jsonl_that_is_called_json_is_read_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    assert rows_of(tmp_path / "a.json") == RECORDS


@pytest.mark.parametrize("end", ['{"url": "http://h/', '{"url" ', "", ",", "nonsense]"])
def test_a_json_array_that_breaks_off_gives_what_is_there_and_says_where(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.json").write_text('[\n{"url": "http://h/1.jpg"},\n7,\n' + end)
    first, seven, rest = found(tmp_path / "a.json")
    assert isinstance(first, Candidate)
    assert isinstance(seven, BadRow)
    assert seven.where.endswith("a.json:3")
    assert isinstance(rest, BadRow)


def test_a_gzipped_parquet_is_read(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path / "a.parquet.gz")) == RECORDS


def test_rows_behind_thousands_of_plain_ones_keep_their_lines(tmp_path: Path) -> None:
    lines = ["url,text"] + [f"http://h.org/{n}.jpg,t" for n in range(2000)]
    lines[700] = 'http://h.org/x.jpg,"two\nlines"'
    lines[1500] = "http://h.org/y.jpg,too,many"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    rows = found(tmp_path / "a.csv", caption="text")
    assert [row.where for row in rows if isinstance(row, BadRow)] == [f"{tmp_path}/a.csv:1502"]
    assert sum(isinstance(row, Candidate) for row in rows) == 1999
    assert any(isinstance(row, Candidate) and row.caption == "two\nlines" for row in rows)


# ---- several ---------------------------------------------------------------------------------------------------


def test_a_folder_stands_for_its_lists(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv"):
        write(tmp_path / name)
    (tmp_path / "notes.md").write_text("no list")
    with lists_at_hand([str(tmp_path)], Settings()) as lists:
        assert [one.path.name for one in lists] == ["a.csv", "b.csv"]
    write(tmp_path / "c.parquet")
    with pytest.raises(UsageError, match="several formats"), lists_at_hand([str(tmp_path)], Settings()):
        pass


def test_one_list_of_several_that_cannot_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    whole, half = write(tmp_path / "a.parquet"), write(tmp_path / "b.parquet")
    half.write_bytes(half.read_bytes()[:-30])
    other = tmp_path / "c.csv"
    other.write_text("picture\nx\n")
    source = UrlList([ListFile(whole), ListFile(half), ListFile(other)])
    source.check(None, None)  # type: ignore[arg-type]
    rows = [row for one in source._files() for row in source._rows(one, nowhere())]
    assert [row.where for row in rows if isinstance(row, BadRow)] == [str(half), str(other)]
    assert sum(isinstance(row, Candidate) for row in rows) == len(RECORDS)


def nowhere() -> Any:
    from collector.found import Categories, Context

    return Context(None, Categories(), None)  # type: ignore[arg-type]


# ---- the web ---------------------------------------------------------------------------------------------------


def allowed(site: Site) -> Settings:
    return Settings(allow_hosts=[site.netloc], fetch_timeout=2.0)


def test_a_list_on_the_web_is_read_and_named_by_its_address(site: Site, tmp_path: Path) -> None:
    site.put("/new/a.csv", write(tmp_path / "a.csv").read_bytes(), "text/csv")
    site.on("/a.csv", redirect("/new/a.csv"))
    with lists_at_hand([site.url("/new/a.csv")], allowed(site)) as (one,):
        assert rows_of(one.path) == RECORDS
        assert str(one) == site.url("/new/a.csv")
    assert not one.path.exists()


def breaking(body: bytes, etag: str, ranges: bool = True) -> object:
    """Cuts the first connection in the middle; later ones go on where they are asked to, if the server can."""
    cut = [True]

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range")
        if asked and ranges and request.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            headers = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", "ETag": etag}
            return web.Response(status=206, body=body[start:], headers=headers)
        response = web.StreamResponse(headers={"Content-Length": str(len(body)), "ETag": etag})
        await response.prepare(request)
        if cut.pop() if cut else False:
            await response.write(body[: len(body) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        await response.write(body)
        return response

    return handler


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_in_the_middle_is_taken_up_again(site: Site, ranges: bool) -> None:
    body = "".join(f"http://h.org/{n}.jpg\n" for n in range(50_000)).encode()
    url = site.on("/a.txt", breaking(body, '"one"', ranges))  # type: ignore[arg-type]
    with lists_at_hand([url], allowed(site)) as (one,):
        assert one.path.read_bytes() == body
    assert site.asked["/a.txt"] == 2


def test_a_list_that_may_not_be_fetched_is_one_sentence(site: Site) -> None:
    url = site.put("/a.txt", b"http://h.org/1.jpg\n")
    with pytest.raises(CollectError, match="loopback"), lists_at_hand([url], Settings()):
        pass
    assert not site.asked


def test_a_redirect_to_a_private_address_is_not_followed(site: Site) -> None:
    url = site.on("/a.txt", redirect("http://169.254.169.254/latest/a.txt"))
    with pytest.raises(CollectError, match="link-local"), lists_at_hand([url], allowed(site)):
        pass


def test_a_list_without_end_stops_at_the_bound(site: Site) -> None:
    url = site.on("/a.txt", endless("text/plain"))
    with pytest.raises(CollectError, match="larger than"), lists_at_hand([url], allowed(site), max_bytes=1 << 20):
        pass


@pytest.mark.parametrize(("path", "match"), [("/gone.csv", "404"), ("/a.exe", "not a list")])
def test_a_list_that_is_not_there_or_none_is_one_sentence(site: Site, path: str, match: str) -> None:
    with pytest.raises((CollectError, UsageError), match=match), lists_at_hand([site.url(path)], allowed(site)):
        pass


# ---- a bucket --------------------------------------------------------------------------------------------------


def test_lists_in_a_bucket_alone_and_by_folder(s3_bucket: str, tmp_path: Path) -> None:
    store = S3Store(s3_bucket.removeprefix("s3://"), client_options={"allow_http": True})
    for name in ("a.parquet", "b.parquet"):
        obstore.put(store, f"lists/{name}", write(tmp_path / name).read_bytes())
    with lists_at_hand([f"{s3_bucket}/lists/a.parquet"], Settings()) as (one,):
        assert rows_of(one.path) == RECORDS
        assert str(one) == f"{s3_bucket}/lists/a.parquet"
    with lists_at_hand([f"{s3_bucket}/lists/"], Settings()) as lists:
        assert [str(one).rpartition("/")[2] for one in lists] == ["a.parquet", "b.parquet"]
        assert all(rows_of(one.path) == RECORDS for one in lists)
    with pytest.raises(UsageError, match="there is no"), lists_at_hand([f"{s3_bucket}/gone.csv"], Settings()):
        pass


# ---- columns, digests, addresses -------------------------------------------------------------------------------


def test_what_users_of_img2dataset_write_works_unchanged(
    store: Workspace, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc]))
    (tmp_path / "a.json").write_text(json.dumps([{"URL": site.put("/a.jpg", jpeg(1)), "TEXT": "a car", "NSFW": 0.1}]))
    command = ["collect", "urls", str(tmp_path), "--url_col", "URL", "--caption_col=TEXT", "-c", "car"]
    assert run([*command, "--processes", "0"]) == 0
    assert "1 new images" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256", "sha512"])
def test_a_digest_is_known_by_its_length_and_other_bytes_are_refused(tmp_path: Path, kind: str) -> None:
    import hashlib

    digest = hashlib.new(kind, jpeg(1)).hexdigest()
    (tmp_path / "a.csv").write_text(f"url,sum\nhttp://h/1.jpg,{digest.upper()}\nhttp://h/2.jpg,xyz\nhttp://h/3.jpg,\n")
    one, bad, none = found(tmp_path / "a.csv", hash="sum")
    assert isinstance(one, Candidate)
    assert isinstance(bad, BadRow)
    assert isinstance(none, Candidate)
    one.refuse_other_bytes(jpeg(1))
    none.refuse_other_bytes(jpeg(2))
    with pytest.raises(FetchFailed, match=f"another {kind}") as error:
        one.refuse_other_bytes(jpeg(2))
    assert error.value.reason == "undecodable"
    assert has_digest(jpeg(1), digest)
    assert Columns(hash="sum").named() == ["sum"]


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(_PLAIN_URL, fullmatch=True)
    | st.builds("http://{}".format, st.text("ab1.-:/@[]%é ", max_size=20))
    | st.builds("https://{}/{}".format, st.text("a1.-", max_size=20), st.text(max_size=10))
)
def test_an_address_that_needs_no_parser_is_one_to_the_parser_too(text: str) -> None:
    if _PLAIN_URL.fullmatch(text):
        parsed = URL(text)
        assert parsed.scheme in ("http", "https")
        assert parsed.raw_host == text.split("/")[2].rpartition("@")[2].partition(":")[0]
