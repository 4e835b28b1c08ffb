"""Judgments of a campaign in the formats that others read, streamed in pages of items: flat memory."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC
from functools import cache, lru_cache
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, func, select, type_coerce
from sqlalchemy.orm import Session

from annotate_app import export_objects, label_studio
from annotate_app.export_objects import Pipe
from label_store import UsageError, as_word
from label_store.models import Campaign, Category, Image, Item, Judgment, Person
from label_store.one_step import Query, fetch

COLUMNS = (
    "item", "annotator", "answer", "image", "category", "role", "gold", "shown_at", "answered_at",
    "active_ms", "id", "suggestion", "suggestion_shown",
)  # fmt: skip
_ITEMS_A_PAGE = 2_000
_ROWS_A_GROUP = 50_000

Reading = Callable[[], AbstractContextManager[Session]]


def pages(read: Reading, campaign_id: int) -> Iterator[list[tuple[Any, ...]]]:
    """Active judgments, values of COLUMNS, in the order of their items; answer and suggestion are JSON text.

    Each page is read on its own, so writers are never held up.
    """
    last = 0
    while True:
        with read() as session:
            to = session.scalar(_end_of_page(), {"campaign": campaign_id, "above": last})
            if to is None:
                return
            found = fetch(session.connection(), _judgments(), {"campaign": campaign_id, "above": last, "to": to})
        found.sort(key=_ORDER)
        yield [
            (item, name, _text(answer), sha256, category, role, bool(gold), _time(shown), _time(answered), active_ms,
             _uuid(judgment), _text(suggestion), None if seen is None else bool(seen))
            for item, name, answer, sha256, category, role, gold, shown, answered, active_ms, judgment, _, suggestion,
            seen in found
        ]  # fmt: skip
        last = to


def rows(read: Reading, campaign_id: int) -> Iterator[dict[str, Any]]:
    """The same, each with its columns' names, its answer and suggestion as objects."""
    for page in pages(read, campaign_id):
        for values in page:
            row = dict(zip(COLUMNS, values, strict=True))
            row["answer"] = json.loads(values[_ANSWER])
            row["suggestion"] = None if row["suggestion"] is None else json.loads(row["suggestion"])
            yield row


def _of_campaign() -> ColumnElement[bool]:
    """An expression that no index knows: by an index of the campaign each page, a range of ids, would read it all."""
    return Item.campaign_id + 0 == bindparam("campaign")


@cache
def _end_of_page() -> Select[Any]:
    """The last item of the next page; none when there are no more items."""
    page = (
        select(Item.id)
        .where(_of_campaign(), Item.id > bindparam("above"))
        .order_by(Item.id)
        .limit(_ITEMS_A_PAGE)
        .subquery()
    )
    return select(func.max(page.c.id))


@cache
def _judgments() -> Query:
    """The active judgments of a range of items. What SQLite keeps as text comes as it is kept."""
    return (
        select(
            Judgment.item_id,
            Person.name,
            type_coerce(Judgment.answer, String).label("answer"),
            Item.image_sha256,
            Category.slug,
            Judgment.role,
            Item.gold.is_not(None).label("gold"),
            type_coerce(Judgment.shown_at, String).label("shown_at"),
            type_coerce(Judgment.answered_at, String).label("answered_at"),
            Judgment.active_ms,
            type_coerce(Judgment.id, String).label("judgment"),
            type_coerce(Judgment.received_at, String).label("received_at"),
            type_coerce(Judgment.suggestion, String).label("suggestion"),
            Judgment.suggestion_shown,
        )
        .join(Item, Item.id == Judgment.item_id)
        .join(Person, Person.id == Judgment.person_id)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(
            _of_campaign(),
            Item.id > bindparam("above"),
            Item.id <= bindparam("to"),
            Judgment.active,
        )
    )


_ORDER = itemgetter(0, 11, 10)
"""Item, when it was received, id."""
_ANSWER, _SUGGESTION = COLUMNS.index("answer"), COLUMNS.index("suggestion")


@lru_cache(maxsize=10_000)
def _said(answer: str) -> tuple[str, Any]:
    """The answer of this JSON text as a word (or JSON), and as JSONL has it: the word where it is one, else an object.

    Few answers are given many times.
    """
    parsed = json.loads(answer)
    word = as_word(parsed)
    return word, word if word == parsed.get("value") else parsed


@lru_cache(maxsize=10_000)
def _json(value: str | None) -> str:
    """A text of those that come again and again."""
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=10_000)
def _said_json(answer: str) -> str:
    return json.dumps(_said(answer)[1], ensure_ascii=False)


def _in_words(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of COLUMNS with answer and suggestion as words, or JSON where they are more than one word."""
    suggestion = values[_SUGGESTION]
    told = None if suggestion is None else _said(suggestion)[0]
    said = _said(values[_ANSWER])[0]
    return (*values[:_ANSWER], said, *values[_ANSWER + 1 : _SUGGESTION], told, *values[_SUGGESTION + 1 :])


def _line(values: tuple[Any, ...]) -> str:
    """A line of JSONL, put together from its parts: encoding each row anew took most of an export's time.

    Hashes, times and ids need no escapes.
    """
    item, name, answer, sha256, category, role, gold, shown, answered, active_ms, judgment, suggestion, seen = values
    told = "null" if shown is None else f'"{shown}"'
    return (
        f'{{"item": {item}, "annotator": {_json(name)}, "answer": {_said_json(answer)}, "image": "{sha256}", '
        f'"category": {_json(category)}, "role": "{role}", "gold": {"true" if gold else "false"}, "shown_at": {told}, '
        f'"answered_at": "{answered}", "active_ms": {active_ms}, "id": "{judgment}", '
        f'"suggestion": {"null" if suggestion is None else _said_json(suggestion)}, '
        f'"suggestion_shown": {"null" if seen is None else "true" if seen else "false"}}}\n'
    )


def jsonl(read: Reading, campaign_id: int) -> Iterator[str]:
    """One JSON object a line; the answer is a word where it is one, else an object."""
    for page in pages(read, campaign_id):
        yield "".join(_line(values) for values in page)


def csv_lines(read: Reading, campaign_id: int) -> Iterator[str]:
    """CSV with a head (RFC 4180); an answer that is not one word is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for page in pages(read, campaign_id):
        for values in page:
            writer.writerow(_in_words(values))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()


def parquet(read: Reading, campaign_id: int) -> Iterator[bytes]:
    """Columns as in CSV, typed; a row group some pages, so that memory stays flat. Answers are words or JSON."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    types = {"item": pa.int64(), "active_ms": pa.int64(), "gold": pa.bool_(), "suggestion_shown": pa.bool_()}
    schema = pa.schema([(column, types.get(column, text)) for column in COLUMNS])
    pipe = Pipe()
    every = (values for page in pages(read, campaign_id) for values in page)
    with pq.ParquetWriter(pa.PythonFile(pipe, mode="w"), schema) as writer:
        while group := list(islice(every, _ROWS_A_GROUP)):
            columns = [list(column) for column in zip(*map(_in_words, group), strict=True)]
            writer.write_table(pa.table(columns, schema=schema))
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


def formats_of(kind: str) -> list[str]:
    """Names of the formats that a campaign of this kind is written as."""
    return [known for known, form in FORMATS.items() if form.kinds is None or kind in form.kinds]


def format_for(name: str, kind: str) -> Format:
    """The format of this name for a campaign of this kind; UsageError says which there are."""
    there = formats_of(kind)
    if name not in there:
        raise UsageError(f"a campaign of kind {kind} is not written as {name!r}", hint=f"choose {', '.join(there)}")
    return FORMATS[name]


def _text(value: Any) -> str | None:
    """JSON text; SQLite keeps it so, PostgreSQL's driver gives objects."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _time(at: Any) -> str | None:
    """ISO 8601 in milliseconds; SQLite keeps `2026-01-01 12:00:00.123000`, in UTC."""
    if isinstance(at, str):
        return f"{at[:10]}T{at[11:19]}.{at[20:23] or '000'}Z"
    # PostgreSQL's driver gives times in the time zone of the server's settings.
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _uuid(value: Any) -> str:
    """With its hyphens; SQLite keeps 32 hexadecimal digits."""
    text = str(value)
    return text if "-" in text else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
