"""Each host's own pace: how many requests at once, how long between two, and when it has had enough.

A host that waits holds nothing that another needs: the run-wide slot is taken only when the host's turn has come.
"""

import asyncio
from collections import OrderedDict
from time import monotonic

from yarl import URL

from collector.errors import FetchFailed

_GIVE_UP_AFTER = 3
"""Failures to answer at all, in a row, after which a host is left alone for the rest of the run."""
_REMEMBERED = 50_000


class Host:
    """The pace of one host; every request to it takes a turn."""

    def __init__(self, name: str, delay: float, concurrency: int, run_slots: asyncio.Semaphore) -> None:
        self.name = name
        self.delay = delay
        self._slots = asyncio.Semaphore(concurrency)
        self._gate = asyncio.Lock()
        self._run_slots = run_slots
        self._not_before = 0.0
        self._silent = 0
        self._gave_up: FetchFailed | None = None
        self.users = 0

    def turn(self) -> "_Turn":
        """Wait for this host's next turn and hold it: `async with`; raises FetchFailed when the host was given up."""
        return _Turn(self)

    async def take_turn(self) -> None:
        """Begin a turn, to be ended by `end_turn`; `turn` does both."""
        self.users += 1
        try:
            await self._slots.acquire()
            try:
                async with self._gate:
                    self._raise_if_given_up()
                    while (wait := self._not_before - monotonic()) > 0:
                        await asyncio.sleep(wait)
                        self._raise_if_given_up()
                    await self._run_slots.acquire()
                    self._not_before = monotonic() + self.delay
            except BaseException:
                self._slots.release()
                raise
        except BaseException:
            self.users -= 1
            raise

    def end_turn(self) -> None:
        """Let the next one come."""
        self._run_slots.release()
        self._slots.release()
        self.users -= 1

    def slow_down(self, delay: float) -> None:
        """Never ask more often than this (robots.txt's crawl-delay)."""
        self.delay = max(self.delay, delay)

    def pause(self, seconds: float) -> None:
        """Ask nothing for so long, and more slowly afterwards: the host said that it is too much."""
        self._not_before = max(self._not_before, monotonic() + seconds)
        self.delay = min(max(self.delay * 2, 0.1), max(self.delay, 60.0))

    def close(self, failure: FetchFailed) -> None:
        """Ask nothing more in this run."""
        self._gave_up = failure

    def answered(self) -> None:
        """The host gave a whole answer."""
        self._silent = 0

    def was_silent(self, failure: FetchFailed) -> None:
        """The host did not answer (dns, connect, tls, timeout); after a few in a row it is given up."""
        self._silent += 1
        if self._silent >= _GIVE_UP_AFTER:
            self.close(
                FetchFailed(
                    failure.reason,
                    f"{self.name} failed {self._silent} times in a row ({failure.detail}); left for the next run",
                    may_pass=True,
                )
            )

    def _raise_if_given_up(self) -> None:
        if self._gave_up is not None:
            raise FetchFailed(
                self._gave_up.reason,
                self._gave_up.detail,
                http_status=self._gave_up.http_status,
                may_pass=self._gave_up.may_pass,
                retry_at=self._gave_up.retry_at,
            )


class _Turn:
    """One turn; a class, because a generator for each request would cost as much again."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def __aenter__(self) -> None:
        await self._host.take_turn()

    async def __aexit__(self, *_: object) -> None:
        self._host.end_turn()


class Hosts:
    """All hosts of a run. The longest unused is forgotten when there are too many to remember."""

    def __init__(self, delay: float, concurrency: int, in_flight: int) -> None:
        self._delay = delay
        self._concurrency = concurrency
        self._run_slots = asyncio.Semaphore(in_flight)
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def of(self, url: URL) -> Host:
        """The host of a URL; each port is one of its own."""
        name = host_key(url)
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name, self._delay, self._concurrency, self._run_slots)
            while len(self._hosts) > _REMEMBERED:
                oldest = next(iter(self._hosts))
                if self._hosts[oldest].users:
                    break
                del self._hosts[oldest]
        else:
            self._hosts.move_to_end(name)
        return host


def host_key(url: URL) -> str:
    """host:port, lower case."""
    return f"{(url.raw_host or '').lower().rstrip('.')}:{url.port}"
