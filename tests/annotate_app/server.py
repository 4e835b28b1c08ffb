"""Starts the real app: uvicorn on a free loopback port, in a thread (settable clock) or in its own process."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import uvicorn

from annotate_app.app import create_app
from label_store import Workspace
from label_store.models import now

PASSWORD = "correct horse battery"
_ANSWERED_LATE = ("/api/v1/judgments", "/api/v1/contributions")


@dataclass
class SettableClock:
    """The real time plus what a test added."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return now() + self.ahead

    def forward(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass(frozen=True)
class RunningApp:
    """An app that answers at `url`."""

    url: str
    clock: SettableClock

    def client(self, name: str | None = None) -> httpx.Client:
        """An HTTP client, signed in as `name` with the password of all test people."""
        return client(self.url, name)


def client(url: str, name: str | None = None) -> httpx.Client:
    opened = httpx.Client(base_url=url, timeout=60)
    if name is not None:
        answer = opened.post("/api/v1/sessions", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        opened.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    return opened


@contextmanager
def serving(workspace: Workspace, *, seed: int | None = 0, port: int = 0) -> Iterator[RunningApp]:
    """The app in a thread of this process, so that the test can set its clock."""
    clock = SettableClock()
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(create_app(workspace, clock=clock, seed=seed), log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield RunningApp(f"http://127.0.0.1:{listener.getsockname()[1]}", clock)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


class AppProcess:
    """The app in its own process, to be killed. With `die_after_commit` it dies by SIGKILL when it has committed a
    batch of judgments or pictures and is about to answer."""

    def __init__(self, folder: Path, *, port: int = 0, die_after_commit: bool = False) -> None:
        with socket.create_server(("127.0.0.1", port)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {"CAIRN_DIE_AFTER_COMMIT": "1" if die_after_commit else ""}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.annotate_app.server", str(folder), str(self.port)],
            cwd=Path(__file__).parents[2],
            env=environment,
        )
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/readyz").raise_for_status()
                return
            except httpx.HTTPError:
                assert self.process.poll() is None, "the app ended before it answered"
                time.sleep(0.1)
        raise AssertionError("the app did not answer in a minute")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def wait_until_dead(self) -> int:
        return self.process.wait(30)


def _main(folder: str, port: str) -> None:
    app = create_app(Workspace.open(Path(folder)))
    if not os.environ.get("CAIRN_DIE_AFTER_COMMIT"):
        uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")
        return

    async def dying(scope, receive, send):  # type: ignore[no-untyped-def]
        async def send_or_die(message):  # type: ignore[no-untyped-def]
            if message["type"] == "http.response.start" and scope["path"] in _ANSWERED_LATE:
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await app(scope, receive, send_or_die if scope["type"] == "http" else send)

    uvicorn.run(dying, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    _main(*sys.argv[1:])
