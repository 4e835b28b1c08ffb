"""The figures of benchmarks/collect.py, each a function that serves, collects, and says what it saw."""

import json
import random
import sqlite3
import urllib.request
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.collecting.contenders import Cairn, Img2dataset, Server, write_list
from benchmarks.collecting.server import Serving, host_address

Figure = dict[str, Any]
HOSTS = 100


def throughput(folder: Path, pictures: str, n: int, peer: Path | None) -> Figure:
    """Pictures a CPU second and a wall second without latency, on the same list, one after the other."""
    with Server(Serving(pictures, HOSTS), folder) as server:
        urls = write_list(folder / "urls.csv", server.port, [i % HOSTS for i in range(n)])
        found: Figure = {"cairn": _cairn(folder).collect(urls).as_dict()}
        if peer is not None:
            other = _peer(folder, peer, n)
            found["img2dataset"] = {"version": other.version(), **other.collect(urls).as_dict()}
            found["per_cpu_second_ratio"] = _ratio(found, "per_cpu_second")
            found["per_second_ratio"] = _ratio(found, "per_second")
        return found


def latency(folder: Path, pictures: str, n: int, peer: Path | None, without: Figure) -> Figure:
    """200 ms before every answer, 1,000 hosts; as a share of the rate of the same list without latency.

    Each host is asked twice for its rules, so that `without`, of a tenth of the hosts, has fewer requests a picture.
    """
    found: Figure = {}
    for name, seconds in (("cairn_without", 0.0), ("cairn", 0.2)):
        with Server(Serving(pictures, 1000, latency=seconds), folder) as server:
            urls = write_list(folder / "urls.csv", server.port, [i % 1000 for i in range(n)])
            found[name] = _cairn(folder, concurrency=512).collect(urls).as_dict()
    rate = found["cairn"]["per_second"]
    found["share_of_own_rate"] = round(rate / found["cairn_without"]["per_second"], 3)
    found[f"share_of_the_rate_with_{HOSTS}_hosts"] = round(rate / without["cairn"]["per_second"], 3)
    with Server(Serving(pictures, 1000, latency=0.2), folder) as server:
        urls = write_list(folder / "urls.csv", server.port, [i % 1000 for i in range(n)])
        if peer is not None:
            found["img2dataset"] = _peer(folder, peer, n, threads=256).collect(urls).as_dict()
    return found


def hanging(folder: Path, pictures: str, n: int, peer: Path | None, deadline: int = 5) -> Figure:
    """5 % of 200 hosts hang or drip, against the same run without them.

    img2dataset's time limit holds for each read, not for a picture, so a host that drips keeps it for hours: it is
    killed after ten times what it takes without such hosts, and the seconds are then a lower bound (exit code -9).
    """
    hosts = 200
    bad = tuple(range(0, hosts, 20))
    found: Figure = {"deadline_seconds": deadline}
    limit: float | None = None
    for name, serving in (
        ("without", Serving(pictures, hosts)),
        ("with", Serving(pictures, hosts, hanging=bad[::2], dripping=bad[1::2])),
    ):
        with Server(serving, folder) as server:
            urls = write_list(folder / "urls.csv", server.port, [i % hosts for i in range(n)])
            found[f"cairn_{name}"] = _cairn(folder, timeout=deadline, concurrency=512).collect(urls).as_dict()
            if peer is not None:
                other = _peer(folder, peer, n, timeout=deadline)
                found[f"img2dataset_{name}"] = other.collect(urls, limit).as_dict()
                limit = 10 * found[f"img2dataset_{name}"]["seconds"]
    for who in ("cairn", "img2dataset"):
        if f"{who}_with" in found:
            extra = found[f"{who}_with"]["seconds"] - deadline
            found[f"{who}_ratio_less_deadline"] = round(extra / found[f"{who}_without"]["seconds"], 3)
    return found


def nothing_left(folder: Path, pictures: str, n: int) -> Figure:
    """A collect of which every picture is here: how long it takes to say so, and that it asks for nothing."""
    with Server(Serving(pictures, HOSTS), folder) as server:
        urls = write_list(folder / "urls.csv", server.port, [i % HOSTS for i in range(n)])
        cairn = _cairn(folder)
        first = cairn.collect(urls)
        before = _asked_in_all(server.port)
        again = [cairn.collect(urls).cost for _ in range(3)]
        asked = _asked_in_all(server.port) - before
    return {
        "pictures": first.pictures,
        "seconds": [round(cost.wall, 2) for cost in again],
        "cpu_seconds": [round(cost.cpu, 2) for cost in again],
        "asked_again": asked,
    }


def memory(folder: Path, pictures: str, n: int, seconds: float | None = None) -> Figure:
    """A list of many addresses that are not there: what the whole way of a row holds, over time, at most so long."""
    with Server(Serving(pictures, HOSTS), folder) as server:
        urls = folder / "urls.csv"
        with urls.open("w", encoding="utf-8") as file:
            file.write("url\n")
            file.writelines(f"http://{host_address(i % HOSTS)}:{server.port}/gone/{i}.jpg\n" for i in range(n))
        cairn = _cairn(folder)
        cost = cairn.collect(urls, seconds).cost
    thirds = [[size for at, size in cost.samples if low <= at / cost.wall < low + 1 / 3] for low in (0.0, 1 / 3, 2 / 3)]
    return {
        "urls": n,
        "recorded": _count(cairn.folder, "SELECT count(*) FROM fetches"),
        "seconds": round(cost.wall, 1),
        "peak_mib": round(cost.peak_bytes / 2**20, 1),
        "peak_mib_by_third": [round(max(third, default=0) / 2**20, 1) for third in thirds],
    }


def kills(folder: Path, pictures: str, n: int, times: int, seed: int) -> Figure:
    """The same run killed at random moments: what was recorded is never asked for again, and nothing is missing.

    The moments are counted in requests and not in seconds, so that on a busy machine they are no less among them.
    """
    chance = random.Random(seed)
    lost = twice = 0
    with Server(Serving(pictures, HOSTS), folder) as server:
        urls = write_list(folder / "urls.csv", server.port, [i % HOSTS for i in range(n)])
        cairn = _cairn(folder)
        before: dict[str, int] = {}
        for number in range(times + 1):
            last = _asked_in_all(server.port) + chance.randint(1, 2 * n // times)
            cairn.collect(urls, kill_when=None if number == times else partial(_has_asked, server.port, last))
            asked = _asked(server.port)
            done = _recorded(cairn.folder)
            lost += len(before.keys() - done)
            twice += sum(asked[path] != count for path, count in before.items())
            before = {path: asked[path] for path in done}
        requests = _asked_in_all(server.port)
    return {"urls": n, "kills": times, "pictures": len(before), "lost": lost, "asked_after_success": twice,
            "requests": requests}  # fmt: skip


def slow_host(folder: Path, pictures: str, n: int, slow: int) -> Figure:
    """One host that asks for a second between requests among 999 others: when the others are done."""
    found: Figure = {"pictures_of_others": n, "pictures_of_slow_host": slow}
    for name, count in (("without", 0), ("with", slow)):
        with Server(Serving(pictures, 1000, delayed=(0,)), folder) as server:
            hosts = [1 + i % 999 for i in range(n)]
            for k in range(count):  # spread over the first part of the list
                hosts.insert(k * n // (2 * count), 0)
            urls = write_list(folder / "urls.csv", server.port, hosts)
            cairn = _cairn(folder, concurrency=256)
            got = cairn.collect(urls)
            found[f"{name}_others_done_seconds"] = round(_seconds_of_others(cairn.folder, f"{host_address(0)}:"), 2)
            found[f"{name}_all_seconds"] = round(got.cost.wall, 2)
    return found


def _cairn(folder: Path, **settings: Any) -> Cairn:
    cairn = Cairn(folder / "workspace", **settings)
    cairn.prepare()
    return cairn


def _peer(folder: Path, python: Path, n: int, **settings: Any) -> Img2dataset:
    """With tars as large as they can be while both its processes have one."""
    return Img2dataset(python, folder / "peer", shard=min(10_000, n // 2), **settings)


def _ratio(found: Figure, name: str) -> float:
    return round(float(found["cairn"][name] / found["img2dataset"][name]), 3)


def _asked(port: int) -> dict[str, int]:
    with urllib.request.urlopen(f"http://{host_address(0)}:{port}/asked", timeout=30) as response:
        return dict(json.load(response))


def _asked_in_all(port: int) -> int:
    with urllib.request.urlopen(f"http://{host_address(0)}:{port}/asked-in-all", timeout=30) as response:
        return int(json.load(response))


def _has_asked(port: int, requests: int) -> bool:
    return _asked_in_all(port) >= requests


def _recorded(workspace: Path) -> set[str]:
    with sqlite3.connect(workspace / "labels.db") as database:
        rows = database.execute("SELECT url FROM fetches WHERE status = 'ok'").fetchall()
    return {"/p/" + url.rpartition("/")[2] for (url,) in rows}


def _count(workspace: Path, query: str) -> int:
    with sqlite3.connect(workspace / "labels.db") as database:
        return int(database.execute(query).fetchone()[0])


def _seconds_of_others(workspace: Path, slow: str) -> float:
    """From the first to the last picture of the hosts that are not slow."""
    with sqlite3.connect(workspace / "labels.db") as database:
        low, high = database.execute(
            "SELECT min(fetched_at), max(fetched_at) FROM fetches WHERE url NOT LIKE ?", (f"http://{slow}%",)
        ).fetchone()
    return (datetime.fromisoformat(high) - datetime.fromisoformat(low)).total_seconds()
