"""Judgments of a campaign in the formats that others read, streamed in pages of items: flat memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from annotate_app import export_objects, label_studio
from annotate_app.export_objects import Pipe
from label_store import UsageError, as_word
from label_store.models import Campaign, Category, Image, Item, Judgment, Person

COLUMNS = (
    "item", "annotator", "answer", "image", "category", "role", "gold", "shown_at", "answered_at",
    "active_ms", "id",
)  # fmt: skip
_ITEMS_A_PAGE = 2_000
_ROWS_A_GROUP = 50_000

Reading = Callable[[], AbstractContextManager[Session]]


def rows(read: Reading, campaign_id: int) -> Iterator[dict[str, Any]]:
    """Active judgments in the order of their items; each page is read on its own, so writers are never held up."""
    last = 0
    while True:
        with read() as session:
            page = list(
                session.scalars(
                    select(Item.id)
                    .where(Item.campaign_id == campaign_id, Item.id > last)
                    .order_by(Item.id)
                    .limit(_ITEMS_A_PAGE)
                )
            )
            if not page:
                return
            found = session.execute(_judgments(), {"campaign": campaign_id, "above": last, "to": page[-1]}).all()
        for row in found:
            values = dict(row._mapping)
            values["gold"] = bool(values["gold"])
            values["shown_at"], values["answered_at"] = _time(values["shown_at"]), _time(values["answered_at"])
            values["id"] = str(values["id"])
            yield values
        last = page[-1]


@cache
def _judgments() -> Select[Any]:
    """The active judgments of a range of items; its columns are COLUMNS, in their order."""
    return (
        select(
            Judgment.item_id.label("item"),
            Person.name.label("annotator"),
            Judgment.answer,
            Item.image_sha256.label("image"),
            Category.slug.label("category"),
            Judgment.role,
            Item.gold.is_not(None).label("gold"),
            Judgment.shown_at,
            Judgment.answered_at,
            Judgment.active_ms,
            Judgment.id,
        )
        .join(Item, Item.id == Judgment.item_id)
        .join(Person, Person.id == Judgment.person_id)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(
            Item.campaign_id == bindparam("campaign"),
            Judgment.item_id > bindparam("above"),
            Judgment.item_id <= bindparam("to"),
            Judgment.active,
        )
        .order_by(Judgment.item_id, Judgment.received_at, Judgment.id)
    )


def jsonl(read: Reading, campaign_id: int) -> Iterator[str]:
    """One JSON object a line; the answer is a word where it is one, else an object."""
    for row in rows(read, campaign_id):
        word = as_word(row["answer"])
        if word == row["answer"].get("value"):
            row["answer"] = word
        yield json.dumps(row, ensure_ascii=False) + "\n"


def csv_lines(read: Reading, campaign_id: int) -> Iterator[str]:
    """CSV with a head (RFC 4180); an answer that is not one word is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows(read, campaign_id):
        row["answer"] = as_word(row["answer"])
        writer.writerow(["" if row[column] is None else row[column] for column in COLUMNS])
        if buffer.tell() > 1 << 15:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def parquet(read: Reading, campaign_id: int) -> Iterator[bytes]:
    """Columns as in CSV, typed; a row group a page of rows, so that memory stays flat. Answers are words or JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    types = {"item": pa.int64(), "active_ms": pa.int64(), "gold": pa.bool_()}
    schema = pa.schema([(column, types.get(column, text)) for column in COLUMNS])
    pipe = Pipe()
    every = rows(read, campaign_id)
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), schema) as writer:
        while page := list(islice(every, _ROWS_A_GROUP)):
            for row in page:
                row["answer"] = as_word(row["answer"])
            writer.write_table(pa.Table.from_pylist(page, schema=schema))
            yield pipe.take()
    yield pipe.take()


def label_studio_json(read: Reading, campaign_id: int, base_url: str = "") -> Iterator[str]:
    """A list of Label Studio's tasks, one an item that somebody judged."""
    yield "["
    size = sizes(read)
    for k, (_, group) in enumerate(groupby(rows(read, campaign_id), key=itemgetter("item"))):
        judged = list(group)
        task = label_studio.task(judged, size(judged[0]["image"]), base_url)
        yield ("," if k else "") + "\n" + json.dumps(task, ensure_ascii=False)
    yield "\n]\n"


def sizes(read: Reading) -> Callable[[str], tuple[int, int]]:
    """Asks for the width and height of a picture, pixels; the last ones asked for are remembered."""

    @lru_cache(maxsize=10_000)
    def size(sha256: str) -> tuple[int, int]:
        with read() as session:
            row = session.execute(select(Image.width, Image.height).where(Image.sha256 == sha256)).one()
            return row.width, row.height

    return size


@dataclass(frozen=True)
class Format:
    """A format of exports: its media type, the file's ending, what writes it, and for which kinds."""

    media_type: str
    ending: str
    write: Callable[[Reading, int], Iterator[Any]]
    kinds: tuple[str, ...] | None = None


def _objects(write: Any) -> Callable[[Reading, int], Iterator[Any]]:
    def written(read: Reading, campaign_id: int) -> Iterator[Any]:
        with read() as session:
            categories = [category.slug for category in session.get_one(Campaign, campaign_id).categories]
        return write(rows(read, campaign_id), categories, sizes(read))

    return written


_BOXES, _SHAPES = ("boxes",), ("boxes", "polygons")
FORMATS: dict[str, Format] = {
    "jsonl": Format("application/jsonl", "jsonl", jsonl),
    "csv": Format("text/csv; charset=utf-8", "csv", csv_lines),
    "parquet": Format("application/vnd.apache.parquet", "parquet", parquet),
    "label-studio": Format("application/json", "json", label_studio_json),
    "coco": Format("application/json", "coco.json", _objects(export_objects.coco), _SHAPES),
    "yolo": Format("application/zip", "yolo.zip", _objects(export_objects.yolo), _BOXES),
    "voc": Format("application/zip", "voc.zip", _objects(export_objects.voc), _BOXES),
}


def format_for(name: str, kind: str) -> Format:
    """The format of this name for a campaign of this kind; UsageError says which there are."""
    there = [known for known, form in FORMATS.items() if form.kinds is None or kind in form.kinds]
    if name not in there:
        raise UsageError(f"a campaign of kind {kind} is not written as {name!r}", hint=f"choose {', '.join(there)}")
    return FORMATS[name]


def _time(at: Any) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
