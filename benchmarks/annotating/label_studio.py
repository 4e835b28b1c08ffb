"""Label Studio beside the app: its server in an environment of its own, the same pictures, the same Chromium.

    python -m venv DIR && DIR/bin/pip install label-studio

Its page is worked as its users do: a number chooses, Ctrl+Enter submits and brings the next picture.
Environment variables and the API: https://labelstud.io/guide/start and https://labelstud.io/api.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

NAME, PASSWORD, TOKEN = "ann@example.org", "correct horse battery", "0123456789abcdef0123456789abcdef01234567"
WATCH = """
window.paints = [];
window.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && event.ctrlKey) window.pressed ??= event.timeStamp;
}, true);
(function look() {
  const shown = [...document.images].filter((image) => image.naturalWidth > 600 && image.complete);
  const now = shown.length ? shown[shown.length - 1].currentSrc : undefined;
  if (now && now !== window.last) {
    const from = window.pressed;
    window.last = now;
    window.pressed = undefined;
    if (from !== undefined) {
      const channel = new MessageChannel(); // its task comes after this frame
      channel.port1.onmessage = () => window.paints.push(performance.now() - from);
      channel.port2.postMessage(0);
    }
  }
  requestAnimationFrame(look);
})();
"""


@dataclass(frozen=True)
class Peer:
    """A running Label Studio with one project of pictures to classify."""

    port: int
    project: int
    version: str


@contextmanager
def label_studio(
    environment: Path, folder: Path, port: int, pictures: Sequence[bytes], categories: Sequence[str]
) -> Iterator[Peer]:
    """Start it on an empty SQLite store in `folder`, until the block ends."""
    settings = os.environ | {
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "LABEL_STUDIO_USERNAME": NAME,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": TOKEN,
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
    }
    command = [environment / "bin" / "label-studio", "start", "--no-browser", "--port", str(port)]
    with (folder / "log.txt").open("wb") as log:
        server = subprocess.Popen(command, env=settings, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, server)
        http = httpx.Client(base_url=url, headers={"Authorization": f"Token {TOKEN}"}, timeout=300)
        version = http.get("/api/version").json()["release"]
        choices = "".join(f'<Choice value="{name}" hotkey="{k + 1}"/>' for k, name in enumerate(categories))
        config = (
            '<View><Image name="img" value="$image"/>'
            f'<Choices name="what" toName="img" choice="single">{choices}</Choices></View>'
        )
        project = _ok(http.post("/api/projects", json={"title": "what", "label_config": config}))["id"]
        for start in range(0, len(pictures), 20):
            files = [
                (f"file{k}", (f"{start + k}.jpg", data, "image/jpeg"))
                for k, data in enumerate(pictures[start : start + 20])
            ]
            _ok(http.post(f"/api/projects/{project}/import", files=files))
        yield Peer(port, project, version)
    finally:
        server.terminate()
        server.wait(30)


def sign_in(page: Any) -> None:
    """With the form, as a person does."""
    page.goto("/user/login/")
    page.fill("input[name=email]", NAME)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/user/login" not in url, timeout=120_000)


def begin(page: Any, peer: Peer) -> None:
    """The stream of tasks that an annotator works through."""
    page.goto(f"/projects/{peer.project}/data?labeling=1")
    page.wait_for_selector("text=Submit", timeout=120_000)


def answer(page: Any) -> None:
    """The second category, and on to the next."""
    page.keyboard.press("2")
    page.wait_for_timeout(50)
    page.keyboard.press("Control+Enter")


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(3000):
        try:
            httpx.get(f"{url}/health").raise_for_status()
            return
        except httpx.HTTPError:
            if server.poll() is not None:
                raise RuntimeError("Label Studio ended before it answered; its log.txt says why") from None
            time.sleep(0.1)
    raise RuntimeError("Label Studio did not answer in five minutes")


def _ok(response: httpx.Response) -> Any:
    if response.is_error:
        raise RuntimeError(f"Label Studio answered {response.status_code}: {response.text[:300]}")
    return response.json()
