"""A web server on loopback that serves a folder with HTTP ranges (RFC 9110, section 14), and fails as told."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Serving:
    """What the server is to do, and how often each path was asked for."""

    folder: Path
    url: str = ""
    ranges: bool = True
    delay: float = 0.0
    refuse: int = 0
    """The status of every answer, if not 0."""
    busy: int = 0
    """So many of the next answers are 503."""
    asked: Counter[str] = field(default_factory=Counter)


@contextmanager
def serve(folder: Path, delay: float = 0.0) -> Iterator[Serving]:
    """Serve `folder` until the block ends, each answer `delay` seconds late."""
    serving = Serving(folder, delay=delay)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(serving.delay)
            serving.asked[self.path] += 1
            path = serving.folder / self.path.lstrip("/")
            if serving.refuse:
                self._answer(serving.refuse, b"")
            elif serving.busy > 0:
                serving.busy -= 1
                self._answer(503, b"")
            elif not path.is_file():
                self._answer(404, b"")
            elif serving.ranges and (found := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))):
                size = path.stat().st_size
                first, last = int(found[1]), min(int(found[2]), size - 1)
                with path.open("rb") as file:
                    file.seek(first)
                    self._answer(206, file.read(last - first + 1), f"bytes {first}-{last}/{size}")
            else:
                self._answer(200, path.read_bytes())

        def _answer(self, status: int, body: bytes, part: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if part:
                self.send_header("Content-Range", part)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serving.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
