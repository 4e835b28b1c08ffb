"""Rows of lists in every format, gzipped or not, streamed in flat memory.

A row that cannot be read is a `BadRow` with its file and line, and reading goes on behind it.
"""

import csv
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from collector.errors import CollectError
from collector.found import BadRow
from collector.tables_csv import csv_rows, delimiter_of, fields_of
from collector.tables_json import array_rows, is_array, json_rows
from collector.tables_lines import MAX_LINE, Row, is_gzip, opened, text_of, text_rows
from collector.tables_parquet import open_parquet, parquet_rows
from label_store import UsageError

FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt", ".parquet")
_OTHER_NAMES = {".list": ".txt", ".lst": ".txt", ".urls": ".txt", ".pq": ".parquet"}

__all__ = ["FORMATS", "Row", "column_names", "count_rows", "file_format", "is_list", "read_rows"]


def file_format(path: Path) -> str:
    """The format by the name's ending, without `.gz`; UsageError when there is none we know."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in (".gz", ".gzip"):
        suffixes.pop()
    if not suffixes:
        return ".txt"
    last = _OTHER_NAMES.get(suffixes[-1], suffixes[-1])
    if last in FORMATS:
        return last
    raise UsageError(
        f"{path} ends in {suffixes[-1]}, which is not a list that can be read",
        hint=f"use one of {', '.join(FORMATS)}, also with .gz behind it",
    )


def is_list(path: Path) -> bool:
    """Whether a file's name has an ending of its own that says it is a list."""
    try:
        return bool(path.suffix) and bool(file_format(path))
    except UsageError:
        return False


def column_names(path: Path, name: str = "") -> tuple[str, ...]:
    """The columns of a file (of its first objects for JSON, `url` for TXT); raises when it cannot be read.

    `name` is what the file is called in errors; its path when there is none.
    """
    name = name or str(path)
    kind = file_format(path)
    if kind == ".txt":
        _first_line(path, name)
        return ("url",)
    if kind == ".parquet":
        return tuple(open_parquet(path, name).schema_arrow.names)
    line = _first_line(path, name)
    if kind in (".csv", ".tsv"):
        try:
            return tuple(one for one in fields_of(text_of(line), delimiter_of(kind, line)) or () if one.strip())
        except csv.Error as error:
            raise CollectError(f"{name}: its first row cannot be read: {error}", hint="check the file") from error
    names: dict[str, None] = {}
    for row in islice(read_rows(path, (), name), 100):
        if isinstance(row, Row):
            names.update(dict.fromkeys(row.values))
    return tuple(names)


def read_rows(path: Path, columns: Sequence[str], name: str = "") -> Iterator[Row | BadRow]:
    """Every row's values of at least these columns as text; CollectError when the file cannot be read at all."""
    name = name or str(path)
    kind = file_format(path)
    if kind == ".parquet":
        yield from parquet_rows(path, name, columns)
        return
    try:
        with opened(path) as file:
            if kind == ".txt":
                yield from text_rows(name, file)
            elif kind in (".csv", ".tsv"):
                yield from csv_rows(name, file, kind)
            elif kind == ".json" and is_array(path):
                yield from array_rows(name, file)
            else:
                yield from json_rows(name, file)
    except OSError as error:
        raise CollectError(f"{name} cannot be read: {error.strerror or error}", hint="check the path") from error


def count_rows(path: Path) -> int | None:
    """About how many rows there are, where counting is cheap."""
    try:
        kind = file_format(path)
        if kind == ".parquet":
            return int(open_parquet(path, str(path)).metadata.num_rows)
        if is_gzip(path) or path.stat().st_size > 1 << 30 or (kind == ".json" and is_array(path)):
            return None
        with path.open("rb") as file:
            lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        return max(lines - (kind in (".csv", ".tsv")), 0)
    except OSError:
        return None


def _first_line(path: Path, name: str) -> bytes:
    try:
        with opened(path) as file:
            return file.readline(MAX_LINE).rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise CollectError(f"{name} cannot be read: {why}", hint="check the path and that the file is whole") from error
