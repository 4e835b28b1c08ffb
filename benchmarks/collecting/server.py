"""A picture server on many loopback addresses, run as a process of its own: settable latency, errors and hangs.

    python -m benchmarks.collecting.server CONFIG.json

Every address 127.x.y.z is a host. Each path is a picture of its own bytes: one of the given JPEGs with its number
in a comment. It prints its port when it listens, and every host's requests when its standard input ends.
"""

import asyncio
import contextlib
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

_DRIP_SECONDS = 0.5
_RESPONSE = b'HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\nETag: "%d"\r\n\r\n'
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_ROBOTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
_BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Serving:
    """How the server behaves; hosts are numbered from 0 in the order of `host_address`."""

    pictures: str
    """Folder of JPEG files."""
    hosts: int
    latency: float = 0.0
    """Seconds before every answer."""
    hanging: tuple[int, ...] = ()
    """Hosts that take a request for a picture and never answer."""
    dripping: tuple[int, ...] = ()
    """Hosts that send a picture at one byte every half second."""
    delayed: tuple[int, ...] = ()
    """Hosts whose robots.txt asks for a second between two requests."""
    error_every: int = 0
    """Every n-th picture answers 500 (0: none)."""

    def write(self, path: Path) -> Path:
        """Keep it where the server's process reads it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path


def host_address(number: int) -> str:
    """The loopback address of a host."""
    return f"127.{1 + number // 62500}.{number // 250 % 250 + 1}.{number % 250 + 1}"


class _Server:
    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.pictures = [path.read_bytes() for path in sorted(Path(serving.pictures).iterdir())]
        self.hanging, self.dripping = frozenset(serving.hanging), frozenset(serving.dripping)
        self.delayed = frozenset(serving.delayed)
        self.asked: Counter[str] = Counter()
        self.robots = 0

    def body(self, number: int) -> bytes:
        """Picture `number`: SOI, a comment with the number, and the rest of a file."""
        picture = self.pictures[number % len(self.pictures)]
        return picture[:2] + b"\xff\xfe\x00\x0a" + number.to_bytes(8, "big") + picture[2:]


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server, host: int) -> None:
        self.server, self.host = server, host
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head, self.received = self.received[:end], self.received[end + 4 :]
            delay = self.server.serving.latency
            if delay:
                asyncio.get_running_loop().call_later(delay, self.answer, head)
            else:
                self.answer(head)

    def answer(self, head: bytes) -> None:
        if self.transport.is_closing():
            return
        server, path = self.server, head.split(b" ", 2)[1]
        close = b"connection: close" in head.lower()
        if not path.startswith(b"/p/"):
            server.robots += path == b"/robots.txt"
            if path == b"/robots.txt" and self.host in server.delayed:
                rules = b"User-agent: *\nCrawl-delay: 1\n"
                self.send(_ROBOTS % (len(rules), rules), close)
            elif path in (b"/asked", b"/asked-in-all"):
                counts = json.dumps(server.asked if path == b"/asked" else server.asked.total()).encode()
                self.send(_ROBOTS % (len(counts), counts), close)
            else:
                self.send(_NOT_FOUND, close)
            return
        number = int(path[3:].partition(b".")[0])
        server.asked[path.decode()] += 1
        if self.host in server.hanging:
            return
        if server.serving.error_every and number % server.serving.error_every == 0:
            self.send(_BROKEN, close)
            return
        body = server.body(number)
        head_bytes = _RESPONSE % (len(body), number)
        if self.host in server.dripping:
            self.transport.write(head_bytes)
            self.drip(body, 0)
            return
        self.send(head_bytes + body, close)

    def send(self, data: bytes, close: bool) -> None:
        self.transport.write(data)
        if close:
            self.transport.close()

    def drip(self, body: bytes, at: int) -> None:
        if not self.transport.is_closing() and at < len(body):
            self.transport.write(body[at : at + 1])
            asyncio.get_running_loop().call_later(_DRIP_SECONDS, self.drip, body, at + 1)


async def _serve(serving: Serving) -> None:
    loop = asyncio.get_running_loop()
    server = _Server(serving)
    first = await loop.create_server(lambda: _Connection(server, 0), host_address(0), 0, backlog=4096)
    port = first.sockets[0].getsockname()[1]
    listening = [first]
    for host in range(1, serving.hosts):
        made = await loop.create_server(lambda host=host: _Connection(server, host), host_address(host), port)  # type: ignore[misc]
        listening.append(made)
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    repeated = {path: n for path, n in server.asked.items() if n > 1}
    print(json.dumps({"pictures": server.asked.total(), "paths": len(server.asked),
                      "repeated": repeated, "robots": server.robots}), flush=True)  # fmt: skip
    for one in listening:
        one.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(Serving(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
