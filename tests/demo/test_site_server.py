"""The loopback server: answers, validators, counts, wrong types, dead links and the page that never finishes."""

import http.client
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cairn.demo.site import PictureSite, SiteTruth


@pytest.fixture
def site(site_folder: Path) -> Iterator[PictureSite]:
    with PictureSite(site_folder) as running:
        yield running


@pytest.fixture
def client(site: PictureSite) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(site.base_url).netloc, timeout=10)
    yield connection
    connection.close()


def get(client: http.client.HTTPConnection, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    client.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = client.getresponse()
    return response, response.read()


def test_every_picture_is_served_byte_for_byte_on_one_connection(
    client: http.client.HTTPConnection, site_folder: Path, truth: SiteTruth
) -> None:
    client.connect()
    first = client.sock
    for picture in list(truth.pictures.values())[:40]:
        for path in picture.paths:
            response, body = get(client, path)
            assert response.status == 200
            assert body == (site_folder / "served" / path.lstrip("/")).read_bytes()
    assert client.sock is first


def test_pages_and_lists_carry_the_address_they_are_served_at(
    site: PictureSite, client: http.client.HTTPConnection, truth: SiteTruth, tmp_path: Path
) -> None:
    for path in ("/robots.txt", "/sitemap.xml", truth.list_path):
        _, body = get(client, path)
        assert site.base_url in body.decode()
        assert "demo.invalid" not in body.decode()
    site.write_url_list(tmp_path / "urls.csv")
    assert (tmp_path / "urls.csv").read_bytes() == get(client, truth.list_path)[1]


def test_a_picture_that_did_not_change_is_not_sent_again(client: http.client.HTTPConnection, truth: SiteTruth) -> None:
    path = next(iter(truth.reachable)).paths[0]
    response, _ = get(client, path)
    tag, changed = response.headers["ETag"], response.headers["Last-Modified"]
    for headers in ({"If_None_Match": tag}, {"If_Modified_Since": changed}):
        again, body = get(client, path, **headers)
        assert (again.status, body) == (304, b"")
    assert get(client, path, If_None_Match='"other"')[0].status == 200


def test_content_types_are_right_but_where_a_wrong_one_is_planted(
    client: http.client.HTTPConnection, truth: SiteTruth
) -> None:
    assert len(truth.content_types) == 1
    for path, kind in truth.content_types.items():
        assert get(client, path)[0].headers["Content-Type"] == kind == "application/octet-stream"
    suffixes = {".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}
    for picture in list(truth.reachable)[:60]:
        path = picture.paths[0]
        if path not in truth.content_types:
            assert get(client, path)[0].headers["Content-Type"] == suffixes[Path(path).suffix]


def test_dead_links_and_ways_out_of_the_folder_are_not_found(
    client: http.client.HTTPConnection, truth: SiteTruth
) -> None:
    for path in (*truth.dead_paths, "/../truth.json", "/%2e%2e/truth.json", "/photos"):
        assert get(client, path)[0].status == 404


def test_head_has_the_headers_of_get_and_no_body(client: http.client.HTTPConnection) -> None:
    client.request("HEAD", "/")
    response = client.getresponse()
    assert response.read() == b""
    assert int(response.headers["Content-Length"]) == len(get(client, "/")[1])


def test_requests_are_counted_by_path(site: PictureSite, client: http.client.HTTPConnection) -> None:
    for path in ("/robots.txt", "/robots.txt?again", "/private/family/"):
        get(client, path)
    assert site.requests == {"/robots.txt": 2, "/private/family/": 1}
    assert site.requested("/private/") == 1
    assert site.requested("/gallery/") == 0


def test_the_slow_page_drips_and_never_finishes(site: PictureSite, truth: SiteTruth) -> None:
    address = urlsplit(site.base_url)
    for path in truth.slow_paths:
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: demo\r\n\r\n".encode())
            received = b""
            while len(received.partition(b"\r\n\r\n")[2]) < 2:
                piece = client.recv(4096)
                assert piece, "the server hung up on a client that waited"
                received += piece
            head, _, body = received.partition(b"\r\n\r\n")
            promised = int(
                next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
            )
            assert len(body) < 10 < promised


def test_leaving_the_site_stops_it_also_while_it_drips(site_folder: Path, truth: SiteTruth) -> None:
    with PictureSite(site_folder) as site:
        address = urlsplit(site.base_url)
        client = socket.create_connection((address.hostname, address.port), timeout=10)
        client.sendall(f"GET {truth.slow_paths[0]} HTTP/1.1\r\nHost: demo\r\n\r\n".encode())
        while b"\r\n\r\n" not in client.recv(4096):
            time.sleep(0.01)
    while client.recv(4096):  # ends, where a server that goes on dripping would not
        pass
    client.close()
    with pytest.raises(OSError):
        socket.create_connection((address.hostname, address.port), timeout=2)


def test_a_site_that_is_not_served_says_how_to_serve_it(site_folder: Path) -> None:
    with pytest.raises(RuntimeError, match="with PictureSite"):
        _ = PictureSite(site_folder).base_url
