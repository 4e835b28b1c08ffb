"""CSV and TSV: whole blocks of plain rows by Python's csv module, every block with something odd row by row."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

from collector.found import BadRow
from collector.tables_lines import Row, lines_of, text_of

_MAX_ROW_LINES = 20
"""A quoted field may span lines, but an unclosed quote must not swallow the rest of the file."""
_BLOCK_LINES = 256

_Line = tuple[int, bytes]


def csv_rows(name: str, file: IO[bytes], kind: str) -> Iterator[Row | BadRow]:
    """Rows under the header, by column name. Bad ones: fields too many, a quote that never closes, no CSV."""
    header: list[str] | None = None
    delimiter = ","
    lines = lines_of(name, file)
    pending: deque[_Line | BadRow] = deque()
    held: list[_Line] = []  # lines of a row whose quote is still open
    while True:
        if header is not None and not pending and not held:
            block, bad = _block(lines)
            rows = _plain(block, header, delimiter)
            if rows is not None:
                yield from rows
            else:
                pending.extend(block)
            if bad is not None:
                pending.append(bad)
            elif not block:
                return
            if not pending:
                continue
        entry = pending.popleft() if pending else next(lines, None)
        if isinstance(entry, BadRow):
            yield entry
            continue
        if entry is None and not held:
            return
        if entry is not None:
            held.append(entry)
            if header is None:
                delimiter = delimiter_of(kind, entry[1])
        number = held[0][0]
        try:
            fields = fields_of("\n".join(text_of(line) for _, line in held), delimiter)
        except csv.Error as error:
            yield BadRow(f"{name}:{number}", f"is no CSV: {error}")
            pending.extendleft(reversed(held[1:]))
            held = []
            continue
        if header is None:
            header, held = fields or [], []
            continue
        if fields is None:
            if entry is not None and len(held) < _MAX_ROW_LINES:
                continue
            yield BadRow(f"{name}:{number}", "a quote is opened and never closed")
            pending.extendleft(reversed(held[1:]))  # only its first line is lost
            held = []
            continue
        held = []
        if len(fields) == 1 and not fields[0]:
            continue
        if len(fields) > len(header):
            yield BadRow(f"{name}:{number}", f"has {len(fields)} fields where the header has {len(header)}")
            continue
        yield Row(number, dict(zip(header, fields, strict=False)))


def fields_of(text: str, delimiter: str) -> list[str] | None:
    """The fields of one CSV row; None while a quote is open; csv.Error when they cannot be told apart."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            return None
        return next(csv.reader([" ".join(text.splitlines())], delimiter=delimiter), [])


def delimiter_of(kind: str, header: bytes) -> str:
    """A tab for TSV; for CSV what the header has most of: comma, semicolon or tab."""
    if kind == ".tsv":
        return "\t"
    return max(",;\t", key=lambda mark: (header.count(mark.encode()), mark == ","))


def _block(lines: Iterator[_Line | BadRow]) -> tuple[list[_Line], BadRow | None]:
    """The next lines, up to the first that could not be read."""
    block: list[_Line] = []
    for entry in lines:
        if isinstance(entry, BadRow):
            return block, entry
        block.append(entry)
        if len(block) == _BLOCK_LINES:
            break
    return block, None


def _plain(block: list[_Line], header: list[str], delimiter: str) -> list[Row] | None:
    """The rows of a block in which every line is one row without fault; None where it holds anything else."""
    try:
        words = [line.decode() for _, line in block]
        rows = list(csv.reader(words, delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    most = len(header)
    if len(rows) != len(block) or any(len(fields) > most or not any(fields) for fields in rows):
        return None
    if any(text.startswith("\ufeff") for text in words):
        return None
    return [
        Row(number, dict(zip(header, fields, strict=False))) for (number, _), fields in zip(block, rows, strict=True)
    ]
