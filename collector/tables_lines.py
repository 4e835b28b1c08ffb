"""Numbered lines of a file that may be gzipped, cut off or damaged; and lists that are an address a line."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, cast

from collector.found import BadRow

MAX_LINE = 1 << 20
"""Bytes of the longest line, or JSON object, that is read."""
BROKEN_FILE = (EOFError, zlib.error, gzip.BadGzipFile)
"""What reading a gzipped file raises where it is cut off or damaged."""


class Row(NamedTuple):
    """One readable row; a million are made in a run, so it is the cheapest thing with names."""

    line: int
    values: Mapping[str, str]


def is_gzip(path: Path) -> bool:
    """Whether a file is gzipped, by its first bytes, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def opened(path: Path) -> IO[bytes]:
    """The file for reading, unpacked as it is read."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if is_gzip(path) else path.open("rb")


def text_of(line: bytes) -> str:
    """A line as text: UTF-8, a byte order mark dropped, broken bytes replaced."""
    return line.decode("utf-8-sig", errors="replace")


def cut_off(name: str, line: int, error: Exception) -> BadRow:
    """What is left of a file that cannot be read any further."""
    return BadRow(f"{name}:{line}", f"the file is cut off or damaged from here on: {error}")


def lines_of(name: str, file: IO[bytes], number: int = 0) -> Iterator[tuple[int, bytes] | BadRow]:
    """Numbered lines (from `number` + 1) without their end; a file that stops inside gzip ends with a BadRow."""
    while True:
        number += 1
        try:
            line = file.readline(MAX_LINE)
            if not line:
                return
            if len(line) == MAX_LINE and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
                yield BadRow(f"{name}:{number}", f"the line is longer than {MAX_LINE:,} bytes")
                continue
        except BROKEN_FILE as error:
            yield cut_off(name, number, error)
            return
        yield number, line.rstrip(b"\r\n")


def text_rows(name: str, file: IO[bytes]) -> Iterator[Row | BadRow]:
    """An address a line; empty lines and those that begin with # are not rows."""
    for entry in lines_of(name, file):
        if isinstance(entry, BadRow):
            yield entry
            continue
        number, line = entry
        words = text_of(line).strip()
        if words and not words.startswith("#"):
            yield Row(number, {"url": words})
