"""The figures: requests at a steady rate, judgments a second, the export, the dashboard; each on a running app."""

import time
import urllib.request
from typing import Any

import numpy as np
from sqlalchemy import func, select

from benchmarks.annotating.app import Served, serve
from benchmarks.annotating.campaign import SLUG, Filled
from benchmarks.annotating.load import Load, closed_loop, open_loop
from label_store.models import Item, Judgment

Figure = dict[str, Any]
LISTS = (
    "", "state=open", "state=settled", "state=disputed", "state=gold", "judged=true", "enough=false", "disagree=true",
    "recent=true", "annotator=worker-03", "category=boat", "annotator=worker-03&said=no",
)  # fmt: skip
"""Queries of the lists that the campaign's page opens."""


def steady(filled: Filled, per_second: float, seconds: float) -> Figure:
    """Open loop: latencies as the server counts them and as the clients see them, and what went wrong."""
    with serve(filled.workspace.folder) as app:
        open_loop(app.url, SLUG, filled.tokens, 4, 2)  # connections, caches, compiled statements
        before, cpu, given = app.seconds_below(), app.cpu_seconds(), _judged(filled)
        load = open_loop(app.url, SLUG, filled.tokens, per_second, seconds)
        after, cpu = app.seconds_below(), app.cpu_seconds() - cpu
    counted = {bound: after[bound] - before[bound] for bound in after}
    total = counted.pop(float("inf"))
    return {
        "pairs_per_second": per_second,
        "seconds": seconds,
        "share_within_20_ms_at_the_server": round(counted[0.02] / total, 4),
        "share_within_100_ms_at_the_server": round(counted[0.1] / total, 4),
        "lease_ms": _percentiles(load.lease),
        "submit_ms": _percentiles(load.submit),
        "server_cpu_share": round(cpu / load.wall, 2),
        **_exactness(filled, load, given),
    }


def sustained(filled: Filled, seconds: float) -> Figure:
    """Closed loop with all clients: judgments a second that one app process takes."""
    with serve(filled.workspace.folder) as app:
        closed_loop(app.url, SLUG, filled.tokens, 1)
        given, cpu = _judged(filled), app.cpu_seconds()
        load = closed_loop(app.url, SLUG, filled.tokens, seconds)
        cpu = app.cpu_seconds() - cpu
    return {
        "judgments_per_second": round(load.accepted / load.wall),
        "judgments_per_cpu_second_of_the_server": round(load.accepted / cpu),
        "lease_ms": _percentiles(load.lease),
        "submit_ms": _percentiles(load.submit),
        **_exactness(filled, load, given),
    }


def export(filled: Filled, formats: tuple[str, ...]) -> Figure:
    """Each format over HTTP: seconds, the server's CPU seconds, MiB, its peak of memory, and how far that rose."""
    found: Figure = {"judgments": _judged(filled)}
    with serve(filled.workspace.folder) as app:
        for name in formats:
            app.forget_peak()
            rested, cpu, began = app.peak_mib(), app.cpu_seconds(), time.perf_counter()
            received = 0
            with _get(app, f"/api/v1/campaigns/{SLUG}/export?format={name}", filled.curator) as answer:
                while chunk := answer.read(1 << 20):
                    received += len(chunk)
            found[name] = {
                "seconds": round(time.perf_counter() - began, 1),
                "server_cpu_seconds": round(app.cpu_seconds() - cpu, 1),
                "mib": round(received / 2**20, 1),
                "peak_mib": round(app.peak_mib()),
                "memory_rose_by_mib": round(app.peak_mib() - rested, 1),
            }
    return found


def dashboard(filled: Filled, times: int = 5) -> Figure:
    """The curator's page of the campaign: the very first, before its figures are counted; after a restart the first
    with figures and the median of some more; then the lists behind its figures, milliseconds each."""
    page_of = f"/campaigns/{SLUG}"
    with serve(filled.workspace.folder) as app:
        began = time.perf_counter()
        first = _timed(app, page_of, filled)[0]
        while b"being counted" in _timed(app, page_of, filled)[1]:
            time.sleep(0.1)
        counted = time.perf_counter() - began
    with serve(filled.workspace.folder) as app:
        seconds, pages = zip(*(_timed(app, page_of, filled) for _ in range(times + 1)), strict=True)
        lists = {query: round(1000 * _timed(app, f"{page_of}/items?{query}", filled)[0]) for query in LISTS}
        review = _timed(app, f"{page_of}/review?queue=random", filled)[0]
    return {
        "judgments": _judged(filled),
        "before_figures_are_counted_ms": round(1000 * first),
        "counting_s": round(counted, 1),
        "first_ms": round(1000 * seconds[0]),
        "ms": round(1000 * float(np.median(seconds[1:]))),
        "kb": round(len(pages[0]) / 1000),
        "lists_ms": lists,
        "random_review_ms": round(1000 * review),
    }


def _timed(app: Served, path: str, filled: Filled) -> tuple[float, bytes]:
    began = time.perf_counter()
    with _get(app, path, filled.curator) as answer:
        page = answer.read()
    return time.perf_counter() - began, page


def _get(app: Served, path: str, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html" if "/api/" not in path else "*/*"}
    return urllib.request.urlopen(urllib.request.Request(app.url + path, headers=headers), timeout=600)


def _judged(filled: Filled) -> int:
    with filled.workspace.read() as session:
        return session.scalar(select(func.count()).select_from(Judgment).where(Judgment.active)) or 0


def _exactness(filled: Filled, load: Load, before: int) -> Figure:
    """Over-assigned: items with more active judgments than asked for. Lost: told as accepted and not there."""
    with filled.workspace.read() as session:
        most = session.scalar(
            select(func.count()).select_from(
                select(Judgment.item_id)
                .where(Judgment.active)
                .group_by(Judgment.item_id)
                .having(func.count() > 3)
                .subquery()
            )
        )
        drifted = session.scalar(
            select(func.count())
            .select_from(Item)
            .where(
                Item.n
                != select(func.count())
                .where(Judgment.item_id == Item.id, Judgment.active)
                .correlate(Item)
                .scalar_subquery()
            )
        )
    return {
        "accepted": load.accepted,
        "errors": len(load.errors),
        "first_error": load.errors[0] if load.errors else None,
        "over_assigned": most,
        "lost": before + load.accepted - _judged(filled),
        "items_whose_count_is_wrong": drifted,
    }


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    return {f"p{q}": round(1000 * float(np.percentile(seconds, q)), 1) for q in (50, 95, 99)}
