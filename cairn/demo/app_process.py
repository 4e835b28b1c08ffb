"""Runs the real annotation app in its own process, as `cairn serve` does, and stops it at the end."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from label_store import CairnError

START_SECONDS = 60


class AppProcess:
    """A context manager: the app of a workspace on a free loopback port; `base_url` is its address."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.log = workspace / "serve.log"
        self.base_url = ""

    def __enter__(self) -> "AppProcess":
        port = _free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        command = [
            sys.executable, "-m", "cairn", "serve", "--workspace", str(self.workspace), "--port", str(port),
        ]  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask it to end, and make it when it does not."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=5):  # noqa: S310  loopback
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise CairnError(f"the annotation app did not start at {self.base_url}", hint=f"{self.log} says why")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
