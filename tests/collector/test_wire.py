"""Servers that speak HTTP wrongly or with ill will: each costs its own picture, with a reason of the closed list."""

import asyncio
import datetime
import ssl
import struct
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp.connector
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import select

from collector.addresses import AllowList
from collector.errors import FetchFailed
from collector.fetching import Fetched, Fetcher, Want
from collector.loops import run_to_end
from label_store import Workspace
from label_store.models import FETCH_REASONS, Fetch
from tests.collector.conftest import collect_urls
from tests.collector.site import Site, jpeg, redirect
from tests.collector.test_addresses import Answers
from tests.collector.wire import Stream, Wire, endless, response, slowly

BODY = jpeg(1)
LENGTH = f"Content-Length: {len(BODY)}"


def fetch(wire: Wire, *, host: str = "127.0.0.1", timeout: float = 2.0, max_bytes: int = 500_000) -> "Fetched | str":
    """The response, or the reason why there is none."""

    async def go() -> "Fetched | str":
        async with Fetcher(
            user_agent="Cairn/test", allow=AllowList.parse(["127.0.0.0/8"]), delay=0, per_host=2, in_flight=2,
            timeout=timeout, resolver=Answers("127.0.0.1"),
        ) as fetcher:  # fmt: skip
            try:
                return await fetcher.get(wire.url(host=host), Want("image/*", max_bytes))
            except FetchFailed as failure:
                return failure.reason

    found = run_to_end(go())
    assert isinstance(found, Fetched) or found in FETCH_REASONS
    return found


def got(answer: bytes | Stream, **given: object) -> "Fetched | str":
    with Wire(answer) as wire:
        return fetch(wire, **given)  # type: ignore[arg-type]


NONSENSE = {
    "HTTP/0.9, a body and nothing else": BODY,
    "nothing at all": b"",
    "a status line of another protocol": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "a status that is no number": b"HTTP/1.1 OK OK\r\n\r\n",
    "a status line without an end": b"HTTP/1.1 200 " + b"O" * 1_000_000,
    "a version that does not exist": b"HTTP/9.9 200 OK\r\n\r\n",
    "a field without an end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000,
    "a field without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n" + BODY,
    "a field name with spaces": b"HTTP/1.1 200 OK\r\nContent Length: 1\r\n\r\n" + BODY,
    "NUL in a field": b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n" + BODY,
    "two lengths": response(BODY, LENGTH, "Content-Length: 7"),
    "a length below zero": response(BODY, "Content-Length: -1"),
    "a length that is no number": response(BODY, "Content-Length: many"),
    "a length of other digits": response(BODY, "Content-Length: ١٢".encode().decode("latin-1")),
    "a length beyond the body": response(BODY, f"Content-Length: {len(BODY) + 10}"),
    "chunks of no size": response(b"\r\n" + BODY, "Transfer-Encoding: chunked"),
    "chunks of a size that is no number": response(b"xyz\r\n" + BODY, "Transfer-Encoding: chunked"),
    "chunks of a negative size": response(b"-5\r\n" + BODY, "Transfer-Encoding: chunked"),
    "a chunk larger than it is": response(b"ffff\r\n" + BODY, "Transfer-Encoding: chunked"),
    "a chunk larger than anything": response(b"f" * 16 + b"\r\n" + BODY, "Transfer-Encoding: chunked"),
    "a chunk that does not end": response(b"3\r\nabcdef\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
    "chunks without the last": response(b"3\r\nabc\r\n", "Transfer-Encoding: chunked"),
    "a chunk's extension without an end": response(b"3;" + b"x" * 1_000_000, "Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("about", NONSENSE)
def test_what_is_no_http_is_a_failed_connection(about: str) -> None:
    assert got(NONSENSE[about]) == "connect"


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"x" * 1000 + b"\r\n"),
        endless(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a=" + b"b" * 1000 + b"\r\n"),
        endless(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 10_000),
        endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"),
        endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        endless(b"", b"\r\n"),
        endless(response(b"", "Transfer-Encoding: chunked"), b"0;x" * 1000),
        endless(response(b"0\r\n", "Transfer-Encoding: chunked"), b"X: y\r\n" * 1000),
        slowly([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 1000], 0.05),
        slowly([b"H", b"T", *[b"T"] * 1000], 0.05),
        slowly([b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 1000, 0.05),
    ],
    ids=["fields", "cookies", "one field", "103", "100", "empty lines", "extension", "trailers", "slow fields",
         "slow status", "slow 103"],
)  # fmt: skip
def test_a_head_that_never_ends_does_at_the_deadline_or_before_and_fills_no_memory(answer: Stream) -> None:
    tracemalloc.start()
    try:
        assert got(answer, timeout=1.0) in ("connect", "timeout")
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_flood_of_cookies_sets_none_and_costs_at_most_its_picture() -> None:
    cookies = [f"Set-Cookie: c{n}=v" for n in range(5000)]
    assert got(response(BODY, LENGTH, *cookies)) in ("connect",)
    few = got(response(BODY, LENGTH, *cookies[:50]))
    assert isinstance(few, Fetched)


def test_a_few_interim_responses_are_passed_over() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    found = got(hints * 3 + response(BODY, LENGTH))
    assert isinstance(found, Fetched)
    assert found.body == BODY


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "400 Bad", "418 Teapot", "499 x", "599 x"])
def test_every_status_that_brings_nothing_has_its_reason(status: str) -> None:
    expected = "http_5xx" if status.startswith("5") else "http_4xx"
    assert got(response(b"", "Content-Length: 0", status=status)) == expected


@pytest.mark.parametrize("location", ["", "http://", "http://[::1", "//", "http://a:99999/", "javascript:alert(1)",
                                      "http://x/" + "a" * 5000, "\x01\x02", "http://%00/"])  # fmt: skip
def test_a_redirect_to_nowhere_ends(location: str) -> None:
    found = got(response(b"", f"Location: {location}", "Content-Length: 0", status="302 Found"))
    assert found in ("http_4xx", "private_address", "connect", "dns", "not_image")


def test_a_ring_of_redirects_over_several_addresses_ends(site: Site) -> None:
    from tests.collector.test_fetching import failure

    for n in range(20):
        site.on(f"/{n}", redirect(f"/{(n + 1) % 20}"))
    assert failure(site, site.url("/0")).reason == "http_4xx"
    assert sum(site.asked[f"/{n}"] for n in range(20)) == 6


def test_a_connection_that_is_reset_within_the_head_or_body_is_a_failed_connection() -> None:
    for answer in (b"", b"HTTP/1.1 200 OK\r\nConte", response(BODY[:100], LENGTH)):
        with Wire(answer, reset=True) as wire:
            assert fetch(wire) == "connect"
            # Three tries; aiohttp repeats each once where the connection ended before any answer.
            assert wire.asked["/a.jpg"] in (3, 6)


def test_a_body_of_many_tiny_chunks_is_put_together() -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"
    found = got(response(chunks, "Transfer-Encoding: chunked"))
    assert isinstance(found, Fetched)
    assert found.body == BODY


def test_endless_chunks_and_a_bomb_of_deflate_are_cut_off() -> None:
    assert (
        got(endless(response(b"", "Transfer-Encoding: chunked"), b"ffff\r\n" + b"x" * 65535 + b"\r\n")) == "too_large"
    )
    bomb = zlib.compress(bytes(50 * 2**20), 9)
    assert got(response(bomb, f"Content-Length: {len(bomb)}", "Content-Encoding: deflate")) == "too_large"


def test_a_body_that_drips_after_its_head_ends_at_the_deadline() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield response(b"", LENGTH)
        for byte in BODY:
            yield bytes((byte,))
            await asyncio.sleep(0.05)

    assert got(stream, timeout=0.6) == "timeout"


# ---- TLS ------------------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str, days: int = 10) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate for one name, signed by itself, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, file


def trust(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """Let the client trust a certificate as it trusts the system's authorities."""
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", ssl.create_default_context(cafile=str(file)))


def test_a_certificate_for_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, file = certificate(tmp_path, "right.example")
    trust(monkeypatch, file)
    with Wire(response(BODY, LENGTH), tls=context) as wire:
        assert isinstance(fetch(wire, host="right.example"), Fetched)
        assert fetch(wire, host="wrong.example") == "tls"


def test_a_certificate_that_nobody_signed_or_that_has_run_out_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, _ = certificate(tmp_path, "right.example")
    with Wire(response(BODY, LENGTH), tls=context) as wire:
        assert fetch(wire, host="right.example") == "tls"
        assert not wire.asked
    context, file = certificate(tmp_path, "old.example", days=-1)
    trust(monkeypatch, file)
    with Wire(response(BODY, LENGTH), tls=context) as wire:
        assert fetch(wire, host="old.example") == "tls"


# ---- pictures that are not what they say --------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares a size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


PICTURES = {
    "a PNG of 3.6 thousand million pixels": (png_header(60_000, 60_000), "too_large"),
    "a PNG of more pixels than there are numbers": (png_header(2**31 - 1, 2**31 - 1), "too_large"),
    "a PNG without a size": (png_header(0, 10), "undecodable"),
    "a PNG that declares more than it holds": (png_header(500, 500), "undecodable"),
    "a GIF of 4 thousand million pixels": (
        b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2\x4c\1\0;",
        "too_large",
    ),
    "half a JPEG": (BODY[: len(BODY) // 2], "undecodable"),
    "a page under a picture's name": (b"<html><body>Not found</body></html>", "not_image"),
    "a program": (b"\x7fELF" + bytes(200), "not_image"),
    "nothing": (b"", "not_image"),
}


@pytest.mark.parametrize("about", PICTURES)
def test_a_picture_that_is_none_has_its_reason(store: Workspace, site: Site, tmp_path: Path, about: str) -> None:
    body, reason = PICTURES[about]
    url = site.put("/a.jpg", body, "image/jpeg")
    report = collect_urls(store, tmp_path, url)
    assert report.failed == {reason: 1}
    with store.read() as session:
        assert session.scalars(select(Fetch.error)).all() == [reason]


def test_a_picture_under_a_wrong_type_is_a_picture(store: Workspace, site: Site, tmp_path: Path) -> None:
    urls = [
        site.put("/a.jpg", jpeg(1), "text/html"), site.put("/b.jpg", jpeg(2), "application/octet-stream"),
        site.put("/c.jpg", jpeg(3), "nonsense"),
    ]  # fmt: skip
    assert collect_urls(store, tmp_path, *urls).fetched == 3
