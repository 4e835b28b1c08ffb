"""Rows of a file to import: CSV, JSONL, Parquet or Label Studio's JSON, each as `item, annotator, answer, category`."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from annotate_app.label_studio import read_tasks
from label_store import AnswerError, UsageError

Row = dict[str, Any]
COLUMNS = {"item": "task", "annotator": "worker", "answer": "label"}
"""The columns that a file must have, and crowd-kit's names for them."""


def rows_of(file: Path) -> Iterator[tuple[int, Row]]:
    """(row number, row), by the file's ending; CSV unless it says otherwise. The head of a CSV is row 1.

    Raises UsageError when the file cannot be read as that, or lacks a column.
    """
    read = _READERS.get(file.suffix.lower(), _csv)
    try:
        yield from read(file)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}", hint="give a CSV file") from error
    except AnswerError as error:
        raise UsageError(f"{file}: {error}", hint="export it from Label Studio as JSON") from error


def _csv(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            there = list(reader.fieldnames or ())
            reader.fieldnames = list(_renamed(file, there))
            yield from enumerate(reader, start=2)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is not CSV in UTF-8: {error}") from error


def _jsonl(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        with file.open(encoding="utf-8-sig") as opened:
            for number, line in enumerate(opened, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                # A line that is no object is one bad row among good ones.
                yield number, row if isinstance(row, dict) else {"item": "", "annotator": "", "answer": line.strip()}
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not JSONL in UTF-8: {error}") from error


def _parquet(file: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            names = list(_renamed(file, opened.schema_arrow.names))
            number = 0
            for batch in opened.iter_batches(batch_size=10_000):
                for row in batch.rename_columns(names).to_pylist():
                    number += 1
                    yield number, row
    except pa.ArrowInvalid as error:
        raise UsageError(f"{file} is not Parquet: {error}") from error


def _label_studio(file: Path) -> Iterator[tuple[int, Row]]:
    try:
        yield from enumerate(read_tasks(file.read_text(encoding="utf-8-sig")), start=1)
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not JSON in UTF-8: {error}") from error


_READERS: dict[str, Callable[[Path], Iterator[tuple[int, Row]]]] = {
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".json": _label_studio,
}


def _renamed(file: Path, there: list[str]) -> Iterator[str]:
    missing = [name for name, other in COLUMNS.items() if name not in there and other not in there]
    if missing:
        raise UsageError(
            f"{file} has no column {missing[0]!r} (it has {', '.join(there) or 'none'})",
            hint="columns: item, annotator, answer (or task, worker, label); "
            "and category where an image is asked about several",
        )
    ours = {other: name for name, other in COLUMNS.items() if name not in there}
    return (ours.get(name, name) for name in there)
