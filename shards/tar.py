"""The tar headers of a shard: plain ustar with everything that could differ between machines fixed.

POSIX.1-1988 ustar; any tar reads it. Kept by hand so that the bytes never change with Python's `tarfile`.
"""

import re
from collections.abc import Iterator
from typing import Protocol

from shards.errors import ShardError

BLOCK = 512
END = bytes(2 * BLOCK)
LARGEST = 8**11 - 1
# 1980-01-01, the same day as in the index's zip; GNU tar calls the year 1970 implausibly old.
MTIME = 315_532_800


class Readable(Protocol):
    """Anything read from start to end: an open file, or one that is hashed on the way."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer only at the end; all that is left without a size."""
        ...


_KEY = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_-]{0,79}")
_EXTENSION = re.compile(r"[0-9a-z]{1,10}")


def _blank_header() -> tuple[bytes, int]:
    """A header without name and size, and the sum of its bytes with a checksum of blanks."""
    block = bytearray(BLOCK)
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[136:148] = b"%011o\0" % MTIME
    block[156:157] = b"0"
    block[257:265] = b"ustar\x0000"
    block[329:337] = block[337:345] = b"0000000\0"
    block[154:156] = b"\0 "
    return bytes(block), sum(block) + 7 * ord(" ")


_BLANK, _BLANK_SUM = _blank_header()


def check_key(key: str) -> None:
    """ShardError unless `key` is 1 to 80 of `0-9 A-Z a-z _ -`, not starting with `-`.

    WebDataset cuts a name at its first dot, and shells, tars and URLs disagree on much else.
    """
    if _KEY.fullmatch(key) is None:
        raise ShardError(
            f"{key!r} cannot be a sample's key",
            hint="use 1 to 80 letters, digits, _ and -, beginning with a letter, a digit or _",
        )


def check_extension(extension: str) -> None:
    """ShardError unless `extension` is 1 to 10 lower-case letters and digits, without a dot."""
    if _EXTENSION.fullmatch(extension) is None:
        raise ShardError(
            f"{extension!r} cannot be an extension in a shard",
            hint="use up to 10 lower-case letters and digits, without a dot",
        )


def padded(size: int) -> int:
    """`size` rounded up to whole blocks."""
    return -(-size // BLOCK) * BLOCK


def header(name: str, size: int) -> bytes:
    """The 512 bytes before a member: regular file, mode 644, owner 0, the fixed time."""
    if size > LARGEST:
        raise ShardError(f"{name} has {size} bytes; a member of a tar holds less than 8 GiB")
    encoded, octal = name.encode("ascii"), b"%011o" % size
    checksum = _BLANK_SUM + sum(encoded) + sum(octal)
    return b"".join((encoded, _BLANK[len(encoded) : 124], octal, _BLANK[135:148], b"%06o" % checksum, _BLANK[154:]))


def parse_header(block: bytes) -> tuple[str, int] | None:
    """Name and size of the member that a header announces, or None for the end of the archive.

    Raises ShardError unless the block is byte for byte what `header` writes.
    """
    if block == END[:BLOCK]:
        return None
    try:
        name = block[:100].rstrip(b"\0").decode("ascii")
        size = int(block[124:135], 8)
        same = header(name, size) == block
    except (ValueError, ShardError):
        same = False
    if not same:
        raise ShardError("a tar header is damaged")
    return name, size


def members(stream: Readable) -> Iterator[tuple[str, int, bytes]]:
    """Name, offset of the data and the data of each member, reading `stream` once from its start to its end.

    Raises ShardError where the bytes are not what a `ShardWriter` writes.
    """
    offset = 0
    while (member := parse_header(_exactly(stream, BLOCK, offset))) is not None:
        name, size = member
        data = _exactly(stream, padded(size), offset + BLOCK)
        if any(data[size:]):
            raise ShardError(f"the padding after {name} is not empty")
        yield name, offset + BLOCK, data[:size]
        offset += BLOCK + len(data)
    if stream.read() != END[BLOCK:]:
        raise ShardError("the end of the archive is damaged")


def _exactly(stream: Readable, size: int, offset: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise ShardError(f"it ends at byte {offset + len(data)}, in the middle of a member")
    return data
