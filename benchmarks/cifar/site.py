"""The chosen pictures as files on a web server on loopback, with a list of their addresses."""

import csv
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.cifar.pictures import Chosen


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: without this each answer waits for an ACK
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".webp": "image/webp"}

    def log_message(self, *words: Any) -> None:
        return


class FileSite:
    """A context manager: `host` (host:port) serves `folder`. Paths say split and index, never the class."""

    def __init__(self, folder: Path, chosen: Chosen) -> None:
        self.folder = folder
        self.paths = {}
        for picture in (*chosen.of("train"), *chosen.of("test")):
            path = f"{picture.split}/{picture.index:05d}.webp"
            (folder / picture.split).mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(picture.data)
            self.paths[picture.sha256] = path

    def __enter__(self) -> "FileSite":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(self.folder)))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, name="pictures", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write_url_list(self, path: Path) -> None:
        """A CSV with one column, url."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["url"])
            writer.writerows([f"http://{self.host}/{place}"] for place in self.paths.values())
