"""A slow link on loopback: what a browser sends arrives some milliseconds later, whoever in the browser sends it.

Chromium's own emulation slows a page's requests and not those of its service worker.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def slow_link(port: int, milliseconds: int) -> Iterator[str]:
    """The URL that leads to the server on `port` of loopback, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_carry(reader, inner_writer, milliseconds / 1000), _carry(inner_reader, writer, 0))

    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(connected, "127.0.0.1", 0), loop).result()
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(2**16):
            if seconds:
                await asyncio.sleep(seconds)
            writer.write(data)
            await writer.drain()
        writer.write_eof()
