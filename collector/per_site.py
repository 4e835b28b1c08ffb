"""What is asked once per site, however many wait for it, and kept for at most a day: robots.txt, tdmrep.json."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from yarl import URL

T = TypeVar("T")
_KEEP_SECONDS = 24 * 3600.0
_REMEMBERED = 20_000
_Site = tuple[str, str | None, int | None]


class PerSite(Generic[T]):
    """Answers by site (scheme, host and port). `ask` gets one; an answer that was an error is asked for again."""

    def __init__(self, ask: Callable[[URL], Awaitable[T]]) -> None:
        self._ask = ask
        self._sites: OrderedDict[_Site, tuple[float, asyncio.Task[T]]] = OrderedDict()

    async def of(self, url: URL) -> T:
        """The answer of a URL's site."""
        site = (url.scheme, url.raw_host, url.port)
        at, task = self._sites.get(site, (0.0, None))
        if task is None or (task.done() and (monotonic() - at > _KEEP_SECONDS or _failed(task))):
            task = asyncio.create_task(_as_coroutine(self._ask(url)))
            self._sites[site] = (monotonic(), task)
            self._forget()
        self._sites.move_to_end(site)
        return task.result() if task.done() else await asyncio.shield(task)

    async def close(self) -> None:
        """Stop asking."""
        tasks = [task for _, task in self._sites.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self) -> None:
        while len(self._sites) > _REMEMBERED:
            site, (_, task) = next(iter(self._sites.items()))
            if not task.done():
                return
            del self._sites[site]


async def _as_coroutine(asking: Awaitable[T]) -> T:
    return await asking


def _failed(task: asyncio.Task[T]) -> bool:
    return task.cancelled() or task.exception() is not None
