"""Judgments of a campaign as JSONL or CSV, streamed in pages of items: flat memory however many there are."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store import as_word
from label_store.models import Category, Item, Judgment, Person

COLUMNS = (
    "item", "annotator", "answer", "image", "category", "role", "gold", "shown_at", "answered_at",
    "active_ms", "id",
)  # fmt: skip
_ITEMS_A_PAGE = 2_000

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
            found = session.execute(
                select(Judgment, Person.name, Item.image_sha256, Category.slug, Item.gold.is_not(None))
                .join(Item, Item.id == Judgment.item_id)
                .join(Person, Person.id == Judgment.person_id)
                .outerjoin(Category, Category.id == Item.category_id)
                .where(Item.campaign_id == campaign_id, Item.id > last, Item.id <= page[-1], Judgment.active)
                .order_by(Item.id, Judgment.received_at, Judgment.id)
            ).all()
        for judgment, name, image, category, gold in found:
            yield {
                "item": judgment.item_id,
                "annotator": name,
                "answer": judgment.answer,
                "image": image,
                "category": category,
                "role": judgment.role,
                "gold": bool(gold),
                "shown_at": _time(judgment.shown_at),
                "answered_at": _time(judgment.answered_at),
                "active_ms": judgment.active_ms,
                "id": str(judgment.id),
            }
        last = page[-1]


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


def _time(at: Any) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
