"""Rows of CSV, TSV, JSONL, TXT and Parquet files, gzipped or not, streamed in flat memory.

A row that cannot be read is a `BadRow` with its file and line, and reading goes on behind it.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

from collector.errors import CollectError
from collector.found import BadRow
from label_store import UsageError

_MAX_LINE = 1 << 20
_MAX_ROW_LINES = 20
"""A quoted CSV field may span lines, but an unclosed quote must not swallow the rest of the file."""
FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt", ".parquet")


@dataclass(frozen=True)
class Row:
    """One readable row."""

    line: int
    values: Mapping[str, str]


def file_format(path: Path) -> str:
    """The format by the name's ending, without `.gz`; UsageError when there is none we know."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".gzip"):
        suffixes.pop()
    if suffixes and suffixes[-1] in FORMATS:
        return suffixes[-1]
    if not suffixes or suffixes[-1] in (".list", ".lst", ".urls"):
        return ".txt"
    raise UsageError(
        f"{path} ends in {suffixes[-1]}, which is not a list that can be read",
        hint=f"use one of {', '.join(FORMATS)}, also with .gz behind it",
    )


def column_names(path: Path) -> tuple[str, ...]:
    """The columns of a file (of its first objects for JSONL, `url` for TXT); raises when it cannot be read."""
    kind = file_format(path)
    if kind == ".txt":
        _first_line(path)
        return ("url",)
    if kind == ".parquet":
        return tuple(_parquet(path).schema_arrow.names)
    line = _first_line(path)
    if kind in (".csv", ".tsv"):
        try:
            return tuple(name for name in _fields(_text(line), _delimiter(kind, line)) or () if name.strip())
        except csv.Error as error:
            raise CollectError(f"{path}: its first row cannot be read: {error}", hint="check the file") from error
    names: dict[str, None] = {}
    with _opened(path) as file:
        for row in islice(_json_rows(path, file), 100):
            if isinstance(row, Row):
                names.update(dict.fromkeys(row.values))
    return tuple(names)


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    """Every row's values of these columns as text; CollectError when the file cannot be read at all."""
    kind = file_format(path)
    if kind == ".parquet":
        yield from _parquet_rows(path, columns)
        return
    try:
        with _opened(path) as file:
            if kind == ".txt":
                yield from _text_rows(path, file)
            elif kind in (".csv", ".tsv"):
                yield from _csv_rows(path, file, kind)
            else:
                yield from _json_rows(path, file)
    except OSError as error:
        raise CollectError(f"{path} cannot be read: {error.strerror or error}", hint="check the path") from error


def count_rows(path: Path) -> int | None:
    """About how many rows there are, where counting is cheap."""
    try:
        kind = file_format(path)
        if kind == ".parquet":
            return int(_parquet(path).metadata.num_rows)
        if path.suffix.lower() in (".gz", ".gzip") or path.stat().st_size > 1 << 30:
            return None
        with path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(lines - (kind in (".csv", ".tsv")), 0)
    except OSError:
        return None


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped else path.open("rb")


def _first_line(path: Path) -> bytes:
    try:
        with _opened(path) as file:
            return file.readline(_MAX_LINE).rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise CollectError(f"{path} cannot be read: {why}", hint="check the path and that the file is whole") from error


def _lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, bytes] | BadRow]:
    """Numbered lines without their end; a file that stops in the middle of gzip ends with a BadRow."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(_MAX_LINE)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            yield BadRow(f"{path}:{number}", f"the file is cut off or damaged from here on: {error}")
            return
        if not line:
            return
        if len(line) == _MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield BadRow(f"{path}:{number}", f"the line is longer than {_MAX_LINE:,} bytes")
            continue
        yield number, line.rstrip(b"\r\n")


def _text_rows(path: Path, file: IO[bytes]) -> Iterator[Row | BadRow]:
    for entry in _lines(path, file):
        if isinstance(entry, BadRow):
            yield entry
            continue
        number, line = entry
        words = _text(line).strip()
        if words and not words.startswith("#"):
            yield Row(number, {"url": words})


def _json_rows(path: Path, file: IO[bytes]) -> Iterator[Row | BadRow]:
    for entry in _lines(path, file):
        if isinstance(entry, BadRow):
            yield entry
            continue
        number, line = entry
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadRow(f"{path}:{number}", f"not JSON: {error}")
            continue
        if isinstance(value, str):
            yield Row(number, {"url": value})
        elif isinstance(value, dict):
            yield Row(number, {key: _word(one) for key, one in value.items() if one is not None})
        else:
            yield BadRow(f"{path}:{number}", "neither an object nor a string")


def _csv_rows(path: Path, file: IO[bytes], kind: str) -> Iterator[Row | BadRow]:
    header: list[str] | None = None
    delimiter = ","
    held: list[tuple[int, bytes]] = []  # lines of a row whose quote is still open
    pending: list[tuple[int, bytes] | BadRow] = []
    lines = _lines(path, file)
    while True:
        entry = pending.pop(0) if pending else next(lines, None)
        if isinstance(entry, BadRow):
            yield entry
            continue
        if entry is None and not held:
            return
        if entry is not None:
            held.append(entry)
            if header is None:
                delimiter = _delimiter(kind, entry[1])
        number = held[0][0]
        text = "\n".join(_text(line) for _, line in held)
        try:
            fields = _fields(text, delimiter)
        except csv.Error as error:
            yield BadRow(f"{path}:{number}", f"is no CSV: {error}")
            pending, held = [*held[1:], *pending], []
            continue
        if header is None:
            header, held = fields or [], []
            continue
        if fields is None:
            if entry is not None and len(held) < _MAX_ROW_LINES:
                continue
            yield BadRow(f"{path}:{number}", "a quote is opened and never closed")
            pending, held = [*held[1:], *pending], []  # only its first line is lost
            continue
        held = []
        if not any(fields):
            continue
        if len(fields) > len(header):
            yield BadRow(f"{path}:{number}", f"has {len(fields)} fields where the header has {len(header)}")
            continue
        yield Row(number, dict(zip(header, fields, strict=False)))


def _fields(text: str, delimiter: str) -> list[str] | None:
    """The fields of one CSV row; None while a quote is open; csv.Error when they cannot be told apart."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None
        return next(csv.reader([" ".join(text.splitlines())], delimiter=delimiter), [])


def _delimiter(kind: str, header: bytes) -> str:
    if kind == ".tsv":
        return "\t"
    return max(",;\t", key=lambda mark: (header.count(mark.encode()), mark == ","))


def _parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CollectError(f"{path} cannot be read as Parquet: {words}", hint="check that the file is whole") from error


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    """Row group by row group: a damaged one is lost alone."""
    import pyarrow as pa

    file = _parquet(path)
    wanted = [name for name in columns if name in file.schema_arrow.names]
    number = 0
    for group in range(file.num_row_groups):
        end = number + file.metadata.row_group(group).num_rows
        try:
            for batch in file.iter_batches(2000, row_groups=[group], columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, {key: _word(one) for key, one in values.items() if one is not None})
        except (pa.ArrowException, OSError, ValueError) as error:
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            yield BadRow(f"{path}:{number + 1}", f"rows up to {end} cannot be read: {words}", rows=end - number)
            number = end


def _text(line: bytes) -> str:
    return line.decode("utf-8-sig", errors="replace")


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
