"""JSONL (an object or an address a line) and JSON (one array of objects), neither ever whole in memory."""

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from collector.found import BadRow
from collector.tables_lines import BROKEN_FILE, MAX_LINE, Row, cut_off, lines_of, opened

_CHUNK = 1 << 16
_BETWEEN = re.compile(r"[\s,]*")


def json_rows(name: str, file: IO[bytes]) -> Iterator[Row | BadRow]:
    """A row a line."""
    for entry in lines_of(name, file):
        if isinstance(entry, BadRow):
            yield entry
            continue
        number, line = entry
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadRow(f"{name}:{number}", f"not JSON: {error}")
            continue
        yield _row(name, number, value)


def is_array(path: Path) -> bool:
    """Whether a JSON file is one array; else it is read as JSONL, whatever it is called."""
    try:
        with opened(path) as file:
            return file.read(1024).removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"["
    except BROKEN_FILE:
        return False


def array_rows(name: str, file: IO[bytes]) -> Iterator[Row | BadRow]:
    """The array's elements one by one; behind one that is no JSON nothing can be told apart, and reading ends."""
    decoder, decode = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")("replace")
    text, at, line, ended = "", 0, 1, False
    begun = False
    while True:
        between = _BETWEEN.match(text, at)
        assert between is not None
        line += text.count("\n", at, between.end())
        at = between.end()
        if not begun and at < len(text):
            begun, at = True, at + 1  # the bracket that is_array saw
            continue
        if begun and text.startswith("]", at):
            return
        if at < len(text):
            try:
                value, end = decoder.raw_decode(text, at)
            except (ValueError, RecursionError) as error:
                if ended or len(text) - at > MAX_LINE:
                    yield cut_off(name, line, error)
                    return
            else:
                yield _row(name, line, value)
                line += text.count("\n", at, end)
                at = end
                continue
        elif ended:
            yield BadRow(f"{name}:{line}", "the file is cut off: its array is never closed")
            return
        try:
            raw = file.read(_CHUNK)
        except BROKEN_FILE as error:
            yield cut_off(name, line, error)
            return
        ended = not raw
        text, at = text[at:] + decode.decode(raw, final=ended), 0


def _row(name: str, number: int, value: Any) -> Row | BadRow:
    if isinstance(value, str):
        return Row(number, {"url": value})
    if isinstance(value, dict):
        return Row(number, {key: word_of(one) for key, one in value.items() if one is not None})
    return BadRow(f"{name}:{number}", "neither an object nor a string")


def word_of(value: Any) -> str:
    """A value of any type as the text that a column holds."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else str(value)
