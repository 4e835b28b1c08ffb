"""Annotators as asyncio tasks: pairs of a lease and a submission, at a given rate (open loop) or without a pause.

In the open loop each lease is timed from the moment it was due, so that waiting for a slow server counts.
"""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

ITEMS = 20


@dataclass
class Load:
    """What the clients saw; seconds a request."""

    lease: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    accepted: int = 0
    errors: list[str] = field(default_factory=list)
    wall: float = 0.0


def open_loop(url: str, campaign: str, tokens: Sequence[str], per_second: float, seconds: float) -> Load:
    """`per_second` pairs, going round the clients; a pair that is due does not wait for the one before it."""
    return asyncio.run(_open(url, campaign, tokens, per_second, seconds))


def closed_loop(url: str, campaign: str, tokens: Sequence[str], seconds: float) -> Load:
    """Every client begins its next pair when the last one was answered."""
    return asyncio.run(_closed(url, campaign, tokens, seconds))


async def _open(url: str, campaign: str, tokens: Sequence[str], per_second: float, seconds: float) -> Load:
    load = Load()
    async with _clients(url) as http:
        began = time.perf_counter()
        tasks = []
        for k in range(int(per_second * seconds)):
            due = began + k / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(_pair(http, campaign, tokens[k % len(tokens)], due, load)))
        await asyncio.gather(*tasks)
        load.wall = time.perf_counter() - began
    return load


async def _closed(url: str, campaign: str, tokens: Sequence[str], seconds: float) -> Load:
    load = Load()
    began = time.perf_counter()

    async def work(token: str) -> None:
        while (due := time.perf_counter()) < began + seconds:
            await _pair(http, campaign, token, due, load)

    async with _clients(url) as http:
        await asyncio.gather(*(work(token) for token in tokens))
    load.wall = time.perf_counter() - began
    return load


def _clients(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0))


async def _pair(http: aiohttp.ClientSession, campaign: str, token: str, due: float, load: Load) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    try:
        leased = await _post(http, f"/api/v1/campaigns/{campaign}/leases", {"n": ITEMS}, headers)
        between = time.perf_counter()
        load.lease.append(between - due)
        at = datetime.now(UTC).isoformat()
        batch = [
            {"id": str(uuid.uuid4()), "item": item["id"], "answer": {"value": "yes"}, "answered_at": at}
            for item in leased["items"]
        ]
        if not batch:  # fewer than wanted are right where others are being given the rest at this moment
            load.errors.append(f"no items: {leased['outlook']}")
        outcomes = await _post(http, "/api/v1/judgments", batch, headers)
        load.submit.append(time.perf_counter() - between)
        load.accepted += sum(outcome["status"] == "accepted" for outcome in outcomes)
        load.errors += [outcome["reason"] for outcome in outcomes if outcome["status"] != "accepted"]
    except (aiohttp.ClientError, TimeoutError) as error:
        load.errors.append(repr(error))


async def _post(http: aiohttp.ClientSession, path: str, body: Any, headers: dict[str, str]) -> Any:
    async with http.post(path, json=body, headers=headers) as answer:
        answer.raise_for_status()
        return await answer.json()
