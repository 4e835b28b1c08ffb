"""Reading a response's body under a cap that holds before and after decompression (gzip bombs)."""

import zlib
from collections.abc import Awaitable, Callable

import aiohttp

from collector.errors import FetchFailed

_CHUNK = 64 * 1024


async def read_body(
    response: aiohttp.ClientResponse,
    max_bytes: int,
    *,
    cut: bool = False,
    look: Callable[[bytes], None] | None = None,
    hold: Callable[[int], Awaitable[None]] | None = None,
) -> bytes:
    """The whole body, decompressed; more than `max_bytes` is FetchFailed("too_large"), with `cut` cut off.

    `look` sees the first bytes as soon as they are there and may raise.
    `hold` hears of every part's size, and nothing more is read until it returns.
    """
    declared = response.content_length
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if declared is not None and declared > max_bytes and not cut:
        raise FetchFailed("too_large", f"declares {declared:,} bytes, more than {max_bytes:,}")
    inflate = _Inflate(encoding)
    parts: list[bytes] = []
    size = 0
    async for raw in response.content.iter_any():  # what one read of the socket brought: uncut, so not copied
        for part in inflate.feed(raw):
            if size == 0 and look is not None:
                look(part)
            size += len(part)
            parts.append(part)
            if size > max_bytes:
                if cut:
                    return b"".join(parts)[:max_bytes]
                raise FetchFailed("too_large", f"sent more than {max_bytes:,} bytes")
            if hold is not None:
                await hold(len(part))
    inflate.finish()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class _Inflate:
    """Decompression in pieces of bounded size, so that a small body can never become a large one unseen."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._zlib = None
        if encoding in ("gzip", "x-gzip"):
            self._zlib = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif encoding == "deflate":
            self._zlib = zlib.decompressobj()
        elif encoding not in ("", "identity"):
            raise FetchFailed("undecodable", f"sent in the encoding {encoding[:40]!r}, which was not asked for")
        self._begun = False

    def feed(self, raw: bytes) -> "list[bytes] | _Pieces":
        if self._zlib is None:
            return [raw]
        if self._encoding == "deflate" and not self._begun and raw[:1] and raw[0] & 0x0F != 8:
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)  # many servers send bare deflate under that name
        self._begun = True
        return _Pieces(self._zlib, raw, self._encoding)

    def finish(self) -> None:
        if self._zlib is not None and self._begun and not self._zlib.eof:
            raise FetchFailed("connect", f"the {self._encoding} body ended early", may_pass=True)


class _Pieces:
    """Iterates over what one compressed chunk holds, 64 KiB at a time."""

    def __init__(self, stream: "zlib._Decompress", raw: bytes, encoding: str) -> None:
        self._stream, self._raw, self._encoding = stream, raw, encoding

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        if not self._raw or self._stream.eof:
            raise StopIteration
        try:
            piece = self._stream.decompress(self._raw, _CHUNK)
        except zlib.error as error:
            raise FetchFailed("undecodable", f"its {self._encoding} body is broken: {error}") from error
        self._raw = self._stream.unconsumed_tail
        if not piece and not self._raw:
            raise StopIteration
        return piece
