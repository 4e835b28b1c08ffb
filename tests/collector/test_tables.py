"""Lists in every format; a broken row is named by file and line and costs only itself."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.errors import CollectError
from collector.found import BadRow, Candidate, Categories, Context
from collector.sources.urls import Columns, UrlList
from collector.tables import Row, column_names, read_rows
from label_store import UsageError

RECORDS = [{"url": f"http://h/{n}.jpg", "text": f'line "{n}", and\nmore'} for n in range(5)]


def write_csv(path: Path, delimiter: str = ",") -> None:
    import csv

    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["url", "text"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(RECORDS)


def write(path: Path) -> Path:
    """The same records in the format of the name."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix in (".csv", ".tsv"):
        write_csv(plain, "\t" if plain.suffix == ".tsv" else ",")
    elif plain.suffix == ".jsonl":
        plain.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    elif plain.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(RECORDS), plain)
    else:
        plain.write_text("# a comment\n\n" + "".join(record["url"] + "\n" for record in RECORDS))
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.gz"])
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = list(read_rows(write(tmp_path / name), ["url", "text"]))
    assert [dict(row.values) for row in rows if isinstance(row, Row)] == RECORDS
    assert len(rows) == len(RECORDS)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a"])
def test_plain_lines_are_addresses(tmp_path: Path, name: str) -> None:
    rows = list(read_rows(write(tmp_path / name), ["url"]))
    assert [(row.line, row.values["url"]) for row in rows if isinstance(row, Row)] == [
        (n + 3, record["url"]) for n, record in enumerate(RECORDS)
    ]


def found(path: Path, **columns: str) -> list[Candidate | BadRow]:
    """What the source makes of a file, without its asynchronous shell."""
    context = Context(None, Categories({"car": 1}), None)  # type: ignore[arg-type]
    source = UrlList(path, Columns(**columns))
    return [one for one in source._rows(source._files()[0], context) if isinstance(one, Candidate | BadRow)]


def test_broken_rows_are_named_and_the_others_come_through(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(
        "url,kind\n"
        "http://h/1.jpg,car\n"
        ",car\n"
        "no address at all,car\n"
        'http://h/2.jpg,"never closed\n'
        "http://h/3.jpg,car\n"
        "http://h/4.jpg,car,too,many\n"
        "http://h/5.jpg,zebra\n"
        "file:///etc/passwd,car\n"
        "http://h:99999/,car\n"
        "\n"
        "http://h/6.jpg"
    )
    rows = found(file, category="kind")
    good = [row.url for row in rows if isinstance(row, Candidate)]
    bad = {row.where.rpartition(":")[2] for row in rows if isinstance(row, BadRow)}
    assert good == ["http://h/1.jpg", "http://h/3.jpg", "http://h/6.jpg"]
    assert bad == {"3", "4", "5", "7", "8", "9", "10"}


def test_a_broken_first_line_of_jsonl_is_only_a_broken_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"url": \n{"url": "http://h/1.jpg"}\n[1]\n')
    first, second, third = found(tmp_path / "a.jsonl")
    assert isinstance(first, BadRow)
    assert isinstance(second, Candidate)
    assert isinstance(third, BadRow)


def test_a_gzip_that_is_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "list.txt.gz"
    whole = gzip.compress("".join(f"http://h/{n * 7919 % 100003}.jpg\n" for n in range(20000)).encode())
    file.write_bytes(whole[: len(whole) // 2])
    rows = found(file)
    assert isinstance(rows[-1], BadRow)
    assert sum(isinstance(row, Candidate) for row in rows) > 1000


def test_a_half_written_parquet_is_one_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet")
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(CollectError, match="Parquet"):
        column_names(file)


def test_a_damaged_part_of_a_parquet_costs_only_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    table = pa.table({"url": [f"http://h/{n * 7919 % 99991}.jpg" for n in range(3000)]})
    pq.write_table(table, file, row_group_size=1000, use_dictionary=False, compression="gzip")
    data = bytearray(file.read_bytes())
    middle = pq.ParquetFile(file).metadata.row_group(1).column(0)
    start = middle.data_page_offset + 200
    data[start : start + 400] = b"\0" * 400
    file.write_bytes(data)
    rows = found(file)
    assert sum(isinstance(row, Candidate) for row in rows) == 2000
    assert sum(row.rows for row in rows if isinstance(row, BadRow)) == 1000


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.csv", "picture,kind\nx,y\n", "named like an address"),
        ("a.xls", "x", "not a list"),
        ("a.csv", "", "empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, name: str, content: str, match: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises((UsageError, CollectError), match=match) as error:
        UrlList(tmp_path / name).check(Categories(), None)
    assert error.value.hint


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="'caption'") as error:
        UrlList(file, Columns(caption="caption")).check(Categories(), None)
    assert "url, text" in error.value.hint


def test_a_column_of_unknown_categories_only_is_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("url,kind\nhttp://h/1.jpg,zebra\n")
    with pytest.raises(UsageError, match="zebra"):
        UrlList(file, Columns(category="kind")).check(Categories({"car": 1}), None)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.txt"]))
@example(b'\r"', "a.csv")
@example(b'"' + b"x" * 200_000 + b'"', "a.csv")
def test_no_bytes_stop_the_reading(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    file = tmp_path_factory.mktemp("rows") / name
    first = b'{"url": "http://h/a"}' if name == "a.jsonl" else b"url"
    file.write_bytes(first + b"\n" + data)
    for row in found(file):
        assert isinstance(row, Candidate | BadRow)
