"""Any table as text columns: CSV (also with tabs or semicolons), JSON (lines or a list) or Parquet.

A row that cannot be read is left out and named by its line, as every row is; only what spoils the file is an error.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from consensus.errors import ConsensusError

_ENCODING = "utf-8-sig"
_SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """cells: columns of text, the empty ''. place: "line 7" of a row counted from 0; left_out: sentences of others."""

    path: Path
    cells: pd.DataFrame
    place: Callable[[int], str]
    left_out: list[str] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """Read a file by its ending, CSV by default. Raises ConsensusError with what is wrong, where, and what to do."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            return _of_objects(path, _json_lines(path))
        if suffix == ".json":
            return _read_json(path)
        if suffix in (".parquet", ".pq"):
            table = pd.read_parquet(path)
            columns = {str(name): [_text(value) for value in table[name]] for name in table.columns}
            return Table(path, pd.DataFrame(columns, dtype=object), lambda row: f"row {row + 1}")
        return _read_csv(path)
    except FileNotFoundError as error:
        raise ConsensusError(f"there is no file {path}", "give the path of a judgments file", 2) from error
    except IsADirectoryError as error:
        raise ConsensusError(f"{path} is a folder", "give the path of one file", 2) from error
    except UnicodeDecodeError as error:
        raise _undecodable(path) from error
    except (OSError, ValueError, RecursionError, csv.Error) as error:
        if isinstance(error, ConsensusError):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConsensusError(f"{path} cannot be read: {reason[:200]}", "CSV in UTF-8, JSON or Parquet") from error


def _read_csv(path: Path) -> Table:
    with path.open(encoding=_ENCODING, newline="") as file:
        first = next((line for line in file if line.strip()), "")
    if not first:
        raise ConsensusError(f"{path} is empty", "its first line must name columns: item, annotator, answer")
    # A spreadsheet writes semicolons where its country writes decimals with commas.
    separator = next((one for one in _SEPARATORS if one in first), ",")
    try:
        columns = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True, encoding=_ENCODING
        )
    except pd.errors.ParserError:
        return _read_csv_by_row(path, separator)
    if not isinstance(columns.index, pd.RangeIndex):  # rows of more cells than the header has: it takes one for names
        return _read_csv_by_row(path, separator)
    return Table(path, columns.fillna(""), partial(_line_of, path, separator))


def _read_csv_by_row(path: Path, separator: str) -> Table:
    """The same where rows have cells too many: those are left out, unless what is too many is empty."""
    rows = _csv_rows(path, separator)
    _, header = next(rows)
    cells: list[list[str]] = []
    lines: list[int] = []
    ragged: list[int] = []
    for line, row in rows:
        if any(row[len(header) :]):
            ragged.append(line)
        else:
            cells.append((row + [""] * len(header))[: len(header)])
            lines.append(line)
    # Of columns of one name the first is meant, as pandas takes it.
    names = [f"{name}.{n}" if name in header[:n] else name for n, name in enumerate(header)]
    columns = pd.DataFrame(cells, columns=names, dtype=object)
    return Table(path, columns, lambda row: f"line {lines[row]}", _told(path, ragged, "more cells than the header"))


def _csv_rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """(the line on which it begins, cells) of each row that is not blank: separators alone make one, as in pandas."""
    with path.open(encoding=_ENCODING, newline="") as file:
        reader = csv.reader(file, delimiter=separator, skipinitialspace=True, strict=True)
        line = 0
        try:
            for row in reader:
                begins, line = line + 1, reader.line_num
                if len(row) > 1 or (row and row[0].strip()):
                    yield begins, row
        except csv.Error as error:
            raise ConsensusError(
                f"{path} cannot be read from line {line + 1} on: {error}", "does a quotation mark there never close?"
            ) from error


def _line_of(path: Path, separator: str, row: int) -> str:
    """Read once more up to that row: only who has a bad row pays for it."""
    for n, (line, _) in enumerate(_csv_rows(path, separator), start=-1):
        if n == row:
            return f"line {line}"
    return f"row {row + 1}"


_Objects = tuple[list[dict[str, Any]], list[int], list[int]]
"""Objects, the place of each, counted from 1, and the places of what is none."""


def _json_lines(path: Path) -> _Objects:
    objects: list[dict[str, Any]] = []
    places: list[int] = []
    broken: list[int] = []
    with path.open(encoding=_ENCODING) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                objects.append(value)
                places.append(number)
            else:
                broken.append(number)
    if not objects:
        raise ConsensusError(
            f"{path} holds no JSON object on any line" if broken else f"{path} is empty",
            'a line is {"item": "a", "annotator": "x", "answer": "cat"}',
        )
    return objects, places, broken


def _read_json(path: Path) -> Table:
    text = path.read_text(encoding=_ENCODING)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        if "\n" in text.strip() and text.lstrip().startswith("{"):
            return _of_objects(path, _json_lines(path))  # lines under the ending of a list
        raise ConsensusError(
            f"{path} is no JSON from line {error.lineno}, column {error.colno} on: {error.msg}",
            "a list of objects, or one object a line",
        ) from error
    if isinstance(value, dict):  # a column a name
        value = pd.DataFrame(value).to_dict(orient="records")
    if not isinstance(value, list):
        raise ConsensusError(f"{path} holds neither a list of objects nor columns", "a list of objects")
    numbered = list(enumerate(value, start=1))
    objects = [(number, one) for number, one in numbered if isinstance(one, dict)]
    broken = [number for number, one in numbered if not isinstance(one, dict)]
    return _of_objects(path, ([one for _, one in objects], [number for number, _ in objects], broken), "entry")


def _of_objects(path: Path, found: _Objects, unit: str = "line") -> Table:
    objects, places, broken = found
    names = list(dict.fromkeys(str(name) for one in objects for name in one))
    columns = {name: [_text(one.get(name)) for one in objects] for name in names}
    left_out = _told(path, broken, "no JSON object", unit, verbs=("is", "are"))
    return Table(path, pd.DataFrame(columns, dtype=object), lambda row: f"{unit} {places[row]}", left_out)


def _told(
    path: Path, places: Sequence[int], what: str, unit: str = "line", verbs: tuple[str, str] = ("has", "have")
) -> list[str]:
    if not places:
        return []
    if len(places) == 1:
        return [f"{unit} {places[0]} of {path.name} {verbs[0]} {what}"]
    return [f"{len(places):,} rows of {path.name} {verbs[1]} {what}, the first is {unit} {places[0]}"]


def _undecodable(path: Path) -> ConsensusError:
    """Which line is not UTF-8, and how to make it so."""
    with path.open("rb") as file:
        begins = file.read(2)
        if begins in (b"\xff\xfe", b"\xfe\xff"):
            how = f"save it as UTF-8, or: iconv -f utf-16 -t utf-8 {path.name} > utf8.csv"
            return ConsensusError(f"{path} cannot be read: it is UTF-16, not UTF-8", how)
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return ConsensusError(
                    f"{path} cannot be read: line {number} is not UTF-8 (byte 0x{line[error.start]:02x})",
                    f"save it as UTF-8; of Latin-1: iconv -f latin1 -t utf-8 {path.name} > utf8.csv",
                )
    return ConsensusError(f"{path} is not UTF-8", "save it as UTF-8")


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    # An answer as the label store keeps it: {"value": "yes"} is the word, everything else its JSON.
    if isinstance(value, dict) and set(value) == {"value"}:
        return _text(value["value"])
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    # 1.0 and 1 are one answer: Parquet and JSON turn whole numbers with gaps into floats.
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
