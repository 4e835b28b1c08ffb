"""A real web server on loopback whose every path can misbehave, and which counts what was asked of it."""

import asyncio
import gzip
import io
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from time import monotonic

import numpy as np
from aiohttp import web
from PIL import Image

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def jpeg(seed: int, side: int = 48) -> bytes:
    """A small picture of its own for every seed, far from all others by pHash."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((side, side), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


class Site:
    """Serves what is put into it; `asked` counts the requests per path, `at` has the time of each."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.asked: Counter[str] = Counter()
        self.at: list[tuple[float, str]] = []
        self.agents: set[str] = set()
        self._handlers: dict[str, Handler] = {}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Site":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}"

    def url(self, path: str) -> str:
        return f"http://{self.netloc}{path}"

    def put(self, path: str, body: bytes | str = b"", kind: str = "", status: int = 200, **headers: str) -> str:
        """Serve a body at a path; returns its URL."""
        data = body.encode() if isinstance(body, str) else body
        guessed = kind or ("image/jpeg" if isinstance(body, bytes) else "text/html")
        named = {"Content-Type": guessed} | {key.replace("_", "-"): value for key, value in headers.items()}

        async def handler(_: web.Request) -> web.Response:
            return web.Response(body=data, status=status, headers=named)

        return self.on(path, handler)

    def on(self, path: str, handler: Handler) -> str:
        """Answer a path by a coroutine."""
        self._handlers[path] = handler
        return self.url(path)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path_qs
        self.asked[path] += 1
        self.at.append((monotonic(), path))
        self.agents.add(request.headers.get("User-Agent", ""))
        handler = self._handlers.get(path) or self._handlers.get(request.path)
        return await handler(request) if handler else web.Response(status=404, text="nothing here")

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, self.host, 0)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()


def drip(body: bytes, pause: float = 0.05) -> Handler:
    """One byte at a time, for ever within any read timeout."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg", "Content-Length": str(len(body))})
        await response.prepare(request)
        for byte in body:
            await response.write(bytes([byte]))
            await asyncio.sleep(pause)
        return response

    return handler


def reset_halfway(body: bytes) -> Handler:
    """Half of the body, then the connection is cut."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "image/jpeg", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        return response

    return handler


def endless(kind: str = "image/jpeg") -> Handler:
    """A body without a declared length that never ends."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        while True:
            await response.write(b"\0" * 65536)

    return handler


def gzip_bomb(size: int = 64 * 2**20) -> bytes:
    """Few bytes that unpack to many."""
    return gzip.compress(b"\0" * size, 9)


def redirect(target: str, status: int = 302) -> Handler:
    """Always to the same address."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": target})

    return handler
