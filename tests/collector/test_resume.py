"""A run that is killed: nothing recorded is lost, nothing that succeeded is fetched again, nothing is missing."""

import asyncio
import io
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from PIL import Image
from sqlalchemy import func, select

from collector import UrlList, collect
from label_store import Workspace, models
from label_store.models import Candidate, Fetch
from tests.collector.conftest import FAST, open_store
from tests.collector.site import Handler, Site, jpeg

COLLECT = """
import sys
from pathlib import Path
from collector import CollectOptions, UrlList, collect
from label_store import Workspace
workspace = Workspace.open(Path(sys.argv[1]), allow_hosts=[sys.argv[3]])
options = CollectOptions(host_delay=0.01, processes=int(sys.argv[4]))
report = collect(workspace, UrlList(Path(sys.argv[2])), category="car", options=options)
print(report.fetched, report.already)
"""


CRAWL = """
import sys
from pathlib import Path
from collector import CollectOptions, Crawl, collect
from label_store import Workspace
workspace = Workspace.open(Path(sys.argv[1]), allow_hosts=[sys.argv[3]])
options = CollectOptions(host_delay=0.01, processes=1)
collect(workspace, Crawl((sys.argv[2],), category_of={"/gallery/": "car"}), options=options)
"""


LIMIT = 2_000_000
"""Bytes of the largest file that can be written, where a test has its disk full for larger ones."""


def no_large_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))


def recorded(workspace: Workspace) -> dict[str, str]:
    with workspace.read() as session:
        return {row.url: row.status for row in session.execute(select(Fetch.url, Fetch.status))}


def start(script: Path, *arguments: object) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    return subprocess.Popen([sys.executable, script, *map(str, arguments)], env=environment)


class Opening:
    """Pictures by their number on a site, of which only the first few are served until more are let out."""

    def __init__(self, site: Site, folder: str, n: int) -> None:
        self.out = 0
        self.urls = [site.on(f"{folder}{number}.jpg", self._handler(number)) for number in range(n)]

    def _handler(self, number: int) -> Handler:
        body = jpeg(number)

        async def answer(_: web.Request) -> web.Response:
            while number >= self.out:
                await asyncio.sleep(0.01)
            return web.Response(body=body, headers={"Content-Type": "image/jpeg"})

        return answer


def test_a_run_killed_twice_ends_with_nothing_lost_and_nothing_twice(site: Site, tmp_path: Path) -> None:
    for workspace in open_store(tmp_path, site):
        n = 80
        opening = Opening(site, "/", n)
        urls = opening.urls
        listed, script = tmp_path / "list.txt", tmp_path / "collect_it.py"
        listed.write_text("\n".join(urls))
        script.write_text(COLLECT)
        before: dict[str, int] = {}
        for share in (0.2, 0.6):
            opening.out = int(share * n)
            process = start(script, workspace.folder, listed, site.netloc, 1)
            while len(recorded(workspace)) < opening.out:
                assert process.poll() is None, "ended before it could be killed"
                time.sleep(0.005)
            family = descendants(process.pid)
            assert family, "the decoders are processes of their own"
            process.send_signal(signal.SIGKILL)
            process.wait()
            while any(alive(pid) for pid in family):  # they end with it; the test's time limit is the limit
                time.sleep(0.01)
            done = {url for url, status in recorded(workspace).items() if status == "ok"}
            assert set(before) <= done
            for url, asked in before.items():
                assert site.asked[url.removeprefix(site.url(""))] == asked, "fetched again after it was recorded"
            before = {url: site.asked[url.removeprefix(site.url(""))] for url in done}
        opening.out = n
        assert start(script, workspace.folder, listed, site.netloc, 1).wait() == 0
        for url, asked in before.items():
            assert site.asked[url.removeprefix(site.url(""))] == asked, "fetched again after it was recorded"
        assert recorded(workspace) == dict.fromkeys(urls, "ok")
        with workspace.read() as session:
            assert session.scalar(select(func.count(models.Image.sha256))) == n
            assert session.scalar(select(func.count(Candidate.id))) == n
            for sha256 in session.scalars(select(models.Image.sha256)):
                assert workspace.blobs.get(sha256)
        total = sum(site.asked[url.removeprefix(site.url(""))] for url in urls)
        again = collect(workspace, UrlList(listed), category="car", options=FAST)
        assert (again.nothing_left, again.already) == (True, n)
        assert sum(site.asked[url.removeprefix(site.url(""))] for url in urls) == total


def test_a_crawl_killed_twice_goes_on_and_takes_no_picture_twice(site: Site, tmp_path: Path) -> None:
    for workspace in open_store(tmp_path, site):
        n, a_page = 60, 12
        opening = Opening(site, "/full/", n)
        pictures = opening.urls
        for page in range(n // a_page):
            shown = "".join(f'<img src="{url}" alt="a car">' for url in pictures[page * a_page : (page + 1) * a_page])
            following = f'<a rel="next" href="/gallery/{page + 1}/">next</a>' if (page + 1) * a_page < n else ""
            site.put(f"/gallery/{page}/", f"<html><body>{shown}{following}</body></html>")
        script = tmp_path / "crawl_it.py"
        script.write_text(CRAWL)
        start_at = site.url("/gallery/0/")
        before: dict[str, int] = {}
        for share in (0.2, 0.6):
            opening.out = int(share * n)
            process = start(script, workspace.folder, start_at, site.netloc)
            while len(recorded(workspace)) < opening.out:
                assert process.poll() is None, "ended before it could be killed"
                time.sleep(0.005)
            family = descendants(process.pid)
            process.send_signal(signal.SIGKILL)
            process.wait()
            while any(alive(pid) for pid in family):
                time.sleep(0.01)
            done = {url for url, status in recorded(workspace).items() if status == "ok"}
            assert set(before) <= done, "lost"
            assert {url: site.asked[url.removeprefix(site.url(""))] for url in before} == before, "fetched again"
            before = {url: site.asked[url.removeprefix(site.url(""))] for url in done}
        opening.out = n
        assert start(script, workspace.folder, start_at, site.netloc).wait() == 0
        assert {url: site.asked[url.removeprefix(site.url(""))] for url in before} == before, "fetched again"
        assert {url: status for url, status in recorded(workspace).items() if url in pictures} == dict.fromkeys(
            pictures, "ok"
        )
        with workspace.read() as session:
            assert session.scalar(select(func.count(models.Image.sha256))) == n
            assert session.scalar(select(func.count(Candidate.id))) == n
            assert session.scalar(select(func.count(Fetch.id)).where(Fetch.status == "ok")) == n


def test_a_stopped_run_keeps_what_it_got(store: Workspace, site: Site, tmp_path: Path) -> None:
    urls = [site.put(f"/{seed}.jpg", jpeg(seed)) for seed in range(150)]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(urls))

    def stop(done: int, total: int | None, note: str) -> None:
        if done >= 20:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        collect(store, UrlList(listed), category="car", options=FAST, progress=stop)
    kept = [url for url, status in recorded(store).items() if status == "ok"]
    assert len(kept) >= 20
    asked = {url: site.asked[url.removeprefix(site.url(""))] for url in kept}
    report = collect(store, UrlList(listed), category="car", options=FAST)
    assert report.already == len(kept)
    assert {url: site.asked[url.removeprefix(site.url(""))] for url in kept} == asked
    assert recorded(store) == dict.fromkeys(urls, "ok")


def test_a_disk_that_is_full_stops_the_run_with_a_sentence(site: Site, tmp_path: Path) -> None:
    for workspace in open_store(tmp_path, site):
        urls = [site.put(f"/{seed}.jpg", jpeg(seed)) for seed in range(10)]
        noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
        large = io.BytesIO()
        Image.fromarray(noise).save(large, "PNG")
        assert len(large.getvalue()) > LIMIT
        urls.append(site.put("/large.png", large.getvalue()))
        (tmp_path / "list.txt").write_text("\n".join(urls))
        environment = os.environ | {
            "CAIRN_ALLOW_HOSTS": f'["{site.netloc}"]', "CAIRN_HOST_DELAY": "0",
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        }  # fmt: skip
        command = [sys.executable, "-m", "cairn", "collect", "urls", str(tmp_path / "list.txt"), "-c", "car"]
        command += ["--processes", "0", "--workspace", str(workspace.folder)]

        full = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=no_large_files)
        assert full.returncode == 1
        assert "error: cannot keep a picture" in full.stderr
        assert "hint: free some space" in full.stderr
        assert "Traceback" not in full.stderr
        assert recorded(workspace).get(urls[-1]) != "ok"
        again = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        assert recorded(workspace) == dict.fromkeys(urls, "ok")
        assert {n for path, n in site.asked.items() if path[1].isdigit()} <= {1, 2}


def descendants(pid: int) -> list[int]:
    """All processes under one, from /proc."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found, todo = [], [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.append(child)
            todo.append(child)
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
