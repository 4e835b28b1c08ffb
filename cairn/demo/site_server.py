"""Serves the demo's picture site on loopback: HTTP/1.1, keep-alive, validators, request counts, a slow drip."""

import hashlib
import mimetypes
import threading
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

from cairn.demo.site_pages import BASE
from cairn.demo.site_truth import SERVED, SiteTruth

__all__ = ["PictureSite"]

# Every file says it was last changed then, so that two servings of one site answer alike.
LAST_MODIFIED = "Wed, 01 May 2024 08:00:00 GMT"
SLOW_LENGTH = 100_000
_TEXTS = (".html", ".xml", ".txt", ".csv")
_TYPES = {".webp": "image/webp", ".csv": "text/csv; charset=utf-8", ".html": "text/html; charset=utf-8",
          ".xml": "application/xml", ".txt": "text/plain; charset=utf-8"}  # fmt: skip


class PictureSite:
    """A context manager that serves a built site on 127.0.0.1 until it is left.

    `base_url` is its address; `requests` counts what was asked for, by path, answered or not.
    """

    def __init__(self, folder: Path, truth: SiteTruth | None = None, port: int = 0) -> None:
        """Serve what `build_site` wrote into `folder`; port 0 takes a free one."""
        self.folder = (folder / SERVED).resolve()
        self.truth = truth or SiteTruth.load(folder)
        self.requests: Counter[str] = Counter()
        self._port = port
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> "PictureSite":
        site = self

        class Handler(_Handler):
            picture_site = site

        server = _Server(("127.0.0.1", self._port), Handler)
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.05,), name="picture-site", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`, without a slash at the end."""
        if self._server is None:
            raise RuntimeError(
                "the picture site is not being served: enter it with `with PictureSite(folder) as site:`"
            )
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def write_url_list(self, path: Path) -> None:
        """Write the site's URL list to `path`, with this server's address in it."""
        listed = (self.folder / self.truth.list_path.lstrip("/")).read_text(encoding="utf-8")
        path.write_text(listed.replace(BASE, self.base_url), encoding="utf-8")

    def requested(self, prefix: str) -> int:
        """How many requests there were for paths that begin with `prefix`."""
        with self._lock:
            return sum(n for path, n in self.requests.items() if path.startswith(prefix))

    def _count(self, path: str) -> None:
        with self._lock:
            self.requests[path] += 1

    def _read(self, path: str) -> tuple[bytes, str] | None:
        """Bytes and Content-Type of a path, or None when there is no such file."""
        target = (self.folder / path.lstrip("/")).resolve()
        if path.endswith("/"):
            target /= "index.html"
        if not target.is_relative_to(self.folder) or not target.is_file():
            return None
        data = target.read_bytes()
        if target.suffix in _TEXTS:
            data = data.replace(BASE.encode(), self.base_url.encode())
        kind = _TYPES.get(target.suffix) or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
        return data, self.truth.content_types.get(path, kind)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of an answer is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    picture_site: PictureSite
    protocol_version = "HTTP/1.1"
    server_version = "CairnDemo/1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together, flushed after each request
    timeout = 60

    def do_GET(self) -> None:
        """Answer with a file, or with 304, 404, or a drip."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of GET."""
        self._answer(body=False)

    def log_message(self, *words: Any) -> None:
        """Say nothing: requests are counted instead."""

    def _answer(self, body: bool) -> None:
        site, path = self.picture_site, unquote(urlsplit(self.path).path)
        site._count(path)
        if path in site.truth.slow_paths:
            self._drip(path, body)
            return
        found = site._read(path)
        if found is None:
            self._send(
                HTTPStatus.NOT_FOUND,
                b"<!doctype html><title>Not found</title><p>There is nothing here.",
                "text/html",
                body,
            )
            return
        data, kind = found
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        asked = self.headers.get("If-None-Match")
        since = self.headers.get("If-Modified-Since")
        if (asked is not None and tag in asked) or (asked is None and since == LAST_MODIFIED):
            self._send(HTTPStatus.NOT_MODIFIED, b"", kind, False, tag)
            return
        self._send(HTTPStatus.OK, data, kind, body, tag)

    def _send(self, status: HTTPStatus, data: bytes, kind: str, body: bool, tag: str | None = None) -> None:
        self.send_response(status)
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        if tag is not None:
            self.send_header("ETag", tag)
            self.send_header("Last-Modified", LAST_MODIFIED)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def _drip(self, path: str, body: bool) -> None:
        """A byte a second until the client leaves or the site stops."""
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "image/jpeg" if path.endswith(".jpg") else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(SLOW_LENGTH))
        self.end_headers()
        start = b"\xff\xd8\xff\xe0" if path.endswith(".jpg") else b"<!doctype html><title>Archive</title>"
        sent = 0
        while body and sent < SLOW_LENGTH:
            self.wfile.write(start[sent : sent + 1] or b" ")
            self.wfile.flush()
            sent += 1
            if self.picture_site._stopping.wait(1.0):
                return
