"""A server on loopback that sends exactly the bytes it is given: what no web framework would let a test say."""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable

MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Stream = Callable[[], AsyncIterator[bytes]]


class Wire:
    """Answers `/robots.txt` and `/.well-known/` with 404, everything else with the bytes, then closes."""

    def __init__(self, answer: bytes | Stream, *, reset: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self._answer, self._reset, self._tls = answer, reset, tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()), daemon=True)

    def __enter__(self) -> "Wire":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def url(self, path: str = "/a.jpg", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split()[1].decode()
            self.asked[path] += 1
            if path == "/robots.txt" or path.startswith("/.well-known/"):
                writer.write(MISSING)
            elif isinstance(self._answer, bytes):
                writer.write(self._answer)
            else:
                async for part in self._answer():
                    writer.write(part)
                    await writer.drain()
            if self._reset and path == "/a.jpg":
                await writer.drain()
                await asyncio.sleep(0.05)
                writer.transport.abort()
                return
            await writer.drain()
            writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()


def response(body: bytes, *fields: str, status: str = "200 OK") -> bytes:
    """A plain response with these fields besides its type."""
    head = "\r\n".join((f"HTTP/1.1 {status}", "Content-Type: image/jpeg", "Connection: close", *fields))
    return head.encode("latin-1") + b"\r\n\r\n" + body


def endless(first: bytes, part: bytes) -> Stream:
    """Something, and then the same for ever."""

    async def stream() -> AsyncIterator[bytes]:
        yield first
        while True:
            yield part

    return stream


def slowly(parts: Iterable[bytes], pause: float) -> Stream:
    """Parts with a pause after each."""

    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
            await asyncio.sleep(pause)

    return stream
