"""Key press to next picture painted, in a real Chromium against the real app in its own process, with a network delay.

    python -m benchmarks.annotate_browser [--delay 40] [--pictures 300] [--peer VENV] [--json FILE]

The time runs from the key event to the first frame after the next item is on the page. Pictures are 1600 x 1200 JPEGs,
as large as the page asks for; a key comes `--pause` ms after the last paint; no picture was seen before. `--peer`: an
environment with Label Studio, which classifies the same pictures in the same browser (annotating/label_studio.py).
"""

import argparse
import io
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.annotating import label_studio
from benchmarks.annotating.slow_link import slow_link

PASSWORD = "correct horse battery"
CATEGORIES = ("car", "boat", "cup")
WATCH = """
window.paints = [];
document.addEventListener('keydown', (event) => { window.pressed = event.timeStamp; }, true);
new MutationObserver(() => {
  const now = document.querySelector('#stage')?.dataset.item ?? document.querySelector('.cell')?.dataset.item;
  if (!now || now === window.last) return;
  const from = window.pressed;
  window.last = now;
  if (from === undefined) return;
  window.pressed = undefined;
  requestAnimationFrame(() => {
    const channel = new MessageChannel(); // its task comes after the frame
    channel.port1.onmessage = () => window.paints.push(performance.now() - from);
    channel.port2.postMessage(0);
  });
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-item'] });
"""


def picture(number: int) -> bytes:
    """A JPEG of 1600 x 1200 that differs from all others, about 300 kB."""
    rng = np.random.default_rng(number)
    small = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((1600, 1200), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def fill(folder: Path, pictures: int) -> None:
    """A workspace with one verify and one classify campaign over the same pictures, and one annotator."""
    from annotate_app import add_person, create_campaign
    from label_store import CategorySpec, Origin, Workspace, ingest, put_category

    workspace = Workspace.init(folder)
    with workspace.write() as session:
        for name in CATEGORIES:
            put_category(session, CategorySpec(name=name))
        add_person(session, "ann", PASSWORD, "annotator")
    for k in range(pictures):
        ingest(workspace, picture(k), Origin("benchmark", f"file:///{k}.jpg", category="boat"))
    create_campaign(workspace, "verify", "verify", ["boat"])
    create_campaign(workspace, "classify", "classify", list(CATEGORIES))
    workspace.close()


def measure(url: str, kind: str, key: str, *, pause: int, most: int) -> list[float]:
    """Milliseconds from each key to its paint."""
    with chromium(url) as page:
        page.goto("/login")
        page.fill("[name=name]", "ann")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/")
        page.add_init_script(WATCH)
        page.goto(f"/label/{kind}")
        page.wait_for_selector(".cell img, #stage img")
        page.wait_for_load_state("networkidle")
        done = 0
        while done < most and page.locator("#message").is_hidden():
            page.keyboard.press(key)
            for _ in range(1000):
                if page.evaluate("window.paints.length") > done or not page.locator("#message").is_hidden():
                    break
                page.wait_for_timeout(2)
            done = page.evaluate("window.paints.length")
            page.wait_for_timeout(pause)
        paints: list[float] = page.evaluate("window.paints")
    return paints


def measure_peer(peer: label_studio.Peer, url: str, *, pause: int, most: int) -> list[float]:
    """The same for Label Studio: milliseconds from Ctrl+Enter to the next picture's paint."""
    with chromium(url) as page:
        label_studio.sign_in(page)
        page.add_init_script(label_studio.WATCH)
        label_studio.begin(page, peer)
        page.wait_for_timeout(3000)
        for done in range(most):
            label_studio.answer(page)
            for _ in range(5000):
                if page.evaluate("window.paints.length") > done:
                    break
                page.wait_for_timeout(2)
            else:
                break
            page.wait_for_timeout(pause)
        paints: list[float] = page.evaluate("window.paints")
    return paints


@contextmanager
def chromium(url: str) -> Iterator[Any]:
    """A page of a real Chromium that has seen nothing yet."""
    from playwright.sync_api import sync_playwright

    from cairn.browser import find_chromium

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        yield browser.new_context(base_url=url, viewport={"width": 1280, "height": 800}).new_page()
        browser.close()


def figures(paints: list[float]) -> dict[str, Any]:
    """The distribution, in milliseconds."""
    cuts = statistics.quantiles(paints, n=100, method="inclusive")
    return {"n": len(paints), "p50": cuts[49], "p95": cuts[94], "p99": cuts[98], "max": max(paints)}


def peer_row(given: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Label Studio's distribution, by its version."""
    pictures = [picture(k) for k in range(given.pictures)]
    (folder / "peer").mkdir()
    with (
        label_studio.label_studio(given.peer, folder / "peer", free_port(), pictures, CATEGORIES) as peer,
        slow_link(peer.port, given.delay) as url,
    ):
        paints = measure_peer(peer, url, pause=given.pause, most=given.pictures - 40)
    return {f"Label Studio {peer.version}, classify": figures(paints)}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=int, default=40, help="milliseconds added to each request")
    parser.add_argument("--pause", type=int, default=250, help="milliseconds between a paint and the next key")
    parser.add_argument("--page-pause", type=int, default=3000, help="the same for a page of verify")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--peer", type=Path, metavar="VENV", help="an environment with Label Studio")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "workspace"
        fill(folder, given.pictures)
        port = free_port()
        command = [sys.executable, "-m", "cairn", "serve", "--workspace", str(folder), "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            for _ in range(300):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            with slow_link(port, given.delay) as url:
                most = given.pictures - 40
                result = {
                    "classify": figures(measure(url, "classify", "2", pause=given.pause, most=most)),
                    "verify": figures(measure(url, "verify", "Enter", pause=given.page_pause, most=20)),
                }
        finally:
            server.terminate()
            server.wait(20)
        if given.peer:
            result |= peer_row(given, Path(temporary))
    machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    print(f"{machine['machine']}, {machine['cores']} cores; {given.delay} ms added to each request")
    for kind, row in result.items():
        print(f"{kind:32} n {row['n']:4}   p50 {row['p50']:6.1f}   p95 {row['p95']:6.1f}   p99 {row['p99']:6.1f} ms")
    if given.json:
        given.json.write_text(json.dumps(machine | {"delay_ms": given.delay} | result, indent=2) + "\n")


if __name__ == "__main__":
    main()
