"""CSV, JSONL and Parquet: a row an answer, in columns `item, annotator, answer` and more as exports write them."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from annotate_app.importing.rows import MOST_BYTES, Asked, Bad, Row
from label_store import AnswerError, UsageError

OTHER_NAMES = {"item": "task", "annotator": "worker", "answer": "label"}
"""crowd-kit's names of our columns."""


def csv_rows(file: Path, required: Sequence[str]) -> Iterator[Row | Bad]:
    """RFC 4180 in UTF-8 with a head. UsageError when a required column is missing."""
    csv.field_size_limit(MOST_BYTES)
    with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as opened:
        reader = csv.reader(opened)
        try:
            names = _renamed(file, next(reader, []), required)
        except csv.Error as error:
            raise UsageError(f"{file} is not CSV: {error}") from error
        while True:
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Bad(f"line {reader.line_num}", f"it is not CSV: {error}")
                continue
            if not values:
                continue
            place = f"line {reader.line_num}"
            if _is_utf8(values):
                yield row_of(place, dict(zip(names, values, strict=False)), sum(map(len, values)))
            else:
                yield Bad(place, "it is not UTF-8")


def jsonl_rows(file: Path, required: Sequence[str]) -> Iterator[Row | Bad]:
    """A JSON object a line. A line that is none, or lacks a required name, is a bad row among good ones."""
    with file.open("rb") as opened:
        number = 0
        while line := opened.readline(MOST_BYTES):
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) == MOST_BYTES and not line.endswith(b"\n"):
                while (rest := opened.readline(MOST_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield Bad(f"line {number}", f"it is longer than {MOST_BYTES // 2**20} MiB")
            elif line.strip():
                yield _of_line(f"line {number}", line, required)


def parquet_rows(file: Path, required: Sequence[str]) -> Iterator[Row | Bad]:
    """A table of any column types that hold text, numbers or structures. UsageError as for CSV.

    What is broken behind good rows is a Bad at the end.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(file) as opened:
            names = _renamed(file, opened.schema_arrow.names, required)
            for batch in opened.iter_batches(batch_size=1_000, use_threads=False):
                for values in batch.rename_columns(names).to_pylist():
                    number += 1
                    yield row_of(f"row {number}", values, len(str(values)))
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        if number:
            yield Bad(f"after row {number:,}", f"the table breaks off: {error}")
        elif isinstance(error, OSError):
            raise
        else:
            raise UsageError(f"{file} is not Parquet: {error}") from error


def row_of(place: str, values: Mapping[str, Any], size: int) -> Row:
    """A row of values by our columns' names; `size` in bytes, about."""
    return Row(
        place,
        partial(_answer, values.get("answer")),
        item=_text(values.get("item")),
        category=_text(values.get("category")),
        annotator=_text(values.get("annotator")),
        role=_text(values.get("role")),
        shown_at=values.get("shown_at"),
        answered_at=values.get("answered_at"),
        active_ms=values.get("active_ms"),
        suggested=partial(_answer, values["suggestion"]) if values.get("suggestion") else None,
        suggestion_shown=values.get("suggestion_shown"),
        bytes=size,
    )


def _of_line(place: str, line: bytes, required: Sequence[str]) -> Row | Bad:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Bad(place, f"it is not JSON: {error}")
    if not isinstance(values, dict):
        return Bad(place, "it is not a JSON object")
    values = {ours: values[theirs] for ours, theirs in OTHER_NAMES.items() if theirs in values} | values
    missing = [name for name in required if name not in values]
    if missing:
        return Bad(place, f"it has no {missing[0]!r} (it has {', '.join(map(repr, values)) or 'nothing'})")
    return row_of(place, values, len(line))


def _answer(given: Any, asked: Asked) -> Any:
    if isinstance(given, Mapping):
        return given
    text = _text(given)
    if not text.startswith("{"):
        return {"value": text}
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"the answer is neither a word nor JSON: {error}") from error


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_utf8(values: Sequence[str]) -> bool:
    try:
        "".join(values).encode()
    except UnicodeEncodeError:
        return False
    return True


def _renamed(file: Path, there: Sequence[str], required: Sequence[str]) -> list[str]:
    missing = [name for name in required if name not in there and OTHER_NAMES.get(name) not in there]
    if missing:
        shown = ", ".join(name.encode(errors="replace").decode()[:40] for name in there[:20])
        raise UsageError(
            f"{file} has no column {missing[0]!r} (it has {shown or 'none'})",
            hint="columns: item, annotator, answer (or task, worker, label); "
            "and category where an image is asked about several",
        )
    ours = {other: name for name, other in OTHER_NAMES.items() if name not in there}
    return [ours.get(name, name) for name in there]
