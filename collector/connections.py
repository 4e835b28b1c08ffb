"""The one way out to the network: an aiohttp connector that connects only to addresses that were checked.

The resolver checks what DNS answered and aiohttp connects to exactly that answer, so a name cannot be bound to
another address in between; the socket factory checks once more, where the connection is really made.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from collector.addresses import AllowList, is_no_host, literal, refusal
from collector.errors import FetchFailed

_REMEMBERED = 50_000
"""Sites whose addresses passed as they are written; what DNS says of a name is checked at each connection."""
_DNS_THREADS = 32
"""getaddrinfo blocks a thread for as long as a dead name server takes; these are kept apart from all others."""


class RefusedAddress(OSError):
    """A connection to an address that may not be fetched was stopped."""


class Gate:
    """Decides about addresses, and remembers the private ones that were allowed by name."""

    def __init__(self, allow: AllowList) -> None:
        self._allow = allow
        self._permitted: set[tuple[str, int]] = set()
        self._passed: set[tuple[str, str, int | None]] = set()

    def check_url(self, url: URL) -> None:
        """Refuse what can be refused before asking DNS; raises FetchFailed."""
        site = (url.scheme, url.raw_host or "", url.port)
        if site in self._passed:
            return
        self._refuse_site(url)
        if len(self._passed) >= _REMEMBERED:
            self._passed.clear()
        self._passed.add(site)

    def _refuse_site(self, url: URL) -> None:
        if url.scheme not in ("http", "https"):
            raise FetchFailed("private_address", f"{url.scheme or 'a relative'}: address is not fetched, only http(s)")
        host = url.raw_host
        if not host:
            raise FetchFailed("private_address", f"{url} names no host")
        address = literal(host)
        if address is None:
            if is_no_host(host):
                raise FetchFailed("private_address", f"{host} is neither the name of a host nor an address")
            return
        try:
            self.check(host, url.port or 0, address)
        except RefusedAddress as error:
            raise FetchFailed("private_address", str(error)) from error
        if str(ipaddress.ip_address(address)) != host.rstrip("."):
            raise FetchFailed("private_address", f"{host} hides the address {address} in another form")

    def check(self, host: str, port: int, address: str) -> None:
        """Refuse an address of a host unless it is public or allowed; raises RefusedAddress."""
        why = refusal(address)
        if why is None:
            return
        if not self._allow.permits(host, port, address):
            raise RefusedAddress(why if why.startswith(host) else f"{host} is at {address}: {why}")
        self._permitted.add((_plain(address), port))

    def open_socket(self, addr_info: Any) -> socket.socket:
        """The socket of one connection attempt, made only when its real destination passes."""
        family, kind, protocol, _, destination = addr_info
        address, port = str(destination[0]), int(destination[1])
        why = refusal(address)
        if why is not None and (_plain(address), port) not in self._permitted:
            raise RefusedAddress(why)
        return socket.socket(family, kind, protocol)


def _plain(address: str) -> str:
    return str(ipaddress.ip_address(address.split("%", 1)[0]))


class CheckedResolver(AbstractResolver):
    """A resolver whose answers have passed the gate; one refused address refuses the whole answer."""

    def __init__(self, gate: Gate, inner: AbstractResolver | None = None) -> None:
        self._gate = gate
        self._inner = inner or SystemResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host's addresses; raises RefusedAddress or OSError."""
        results = await self._inner.resolve(host, port, family)
        for result in results:
            self._gate.check(host, port, result["host"])
        return results

    async def close(self) -> None:
        """Close the resolver behind this one."""
        await self._inner.close()


class SystemResolver(AbstractResolver):
    """getaddrinfo in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The host's addresses as the system knows them."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
            )
        except UnicodeError as error:
            raise OSError(None, f"{host!r} cannot be the name of a host") from error
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """Let the threads end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def open_session(
    gate: Gate,
    user_agent: str,
    resolver: AbstractResolver | None = None,
) -> aiohttp.ClientSession:
    """One pool of connections for a whole run: no cookies, no proxy from the environment."""
    make_socket: Callable[[Any], socket.socket] = gate.open_socket
    connector = aiohttp.TCPConnector(
        resolver=CheckedResolver(gate, resolver),
        socket_factory=make_socket,
        limit=0,  # the pacing of hosts limits, not the pool: waiting here would count against a URL's deadline
        ttl_dns_cache=300,
        keepalive_timeout=30,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent},
        timeout=aiohttp.ClientTimeout(total=None),  # the fetcher's own deadline covers everything
        auto_decompress=False,  # decompression is capped where the body is read
        trust_env=False,
    )
