"""Parquet, row group by row group: a damaged one is lost alone."""

import gzip
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collector.errors import CollectError
from collector.found import BadRow
from collector.tables_json import word_of
from collector.tables_lines import BROKEN_FILE, Row, is_gzip

_BATCH_ROWS = 2000


def open_parquet(path: Path, name: str) -> Any:
    """The file's footer read (pyarrow.parquet.ParquetFile); CollectError where it is not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(_unpacked(path) if is_gzip(path) else path)
    except (pa.ArrowException, OSError, *BROKEN_FILE) as error:
        words = _first_line(error)
        raise CollectError(f"{name} cannot be read as Parquet: {words}", hint="check that the file is whole") from error


def parquet_rows(path: Path, name: str, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    """The rows' values of those of the columns that are there."""
    import pyarrow as pa

    file = open_parquet(path, name)
    wanted = [column for column in columns if column in file.schema_arrow.names]
    number = 0
    for group in range(file.num_row_groups):
        end = number + file.metadata.row_group(group).num_rows
        try:
            for batch in file.iter_batches(_BATCH_ROWS, row_groups=[group], columns=wanted):
                for values in batch.to_pylist():
                    number += 1
                    yield Row(number, {key: word_of(one) for key, one in values.items() if one is not None})
        except (pa.ArrowException, OSError, ValueError) as error:
            why = f"rows up to {end} cannot be read: {_first_line(error)}"
            yield BadRow(f"{name}:{number + 1}", why, rows=end - number)
            number = end


def _unpacked(path: Path) -> Any:
    """A gzipped Parquet file on disk in the plain: its footer is at its end, where gzip cannot jump to."""
    plain = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the ParquetFile that reads it
    with gzip.open(path, "rb") as file:
        shutil.copyfileobj(file, plain, 1 << 20)
    plain.seek(0)
    return plain


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
