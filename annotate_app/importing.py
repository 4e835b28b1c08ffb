"""Judgments from a CSV file into a campaign: each row by itself, the same file any number of times."""

import csv
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from label_store import AnswerError, UsageError, Workspace, check_answer, find_campaign, is_flag, log_event
from label_store.models import Campaign, Item, Judgment, Person, now

_NAMESPACE = uuid.UUID("6f1c3d0a-3f0e-4b0e-9a55-3a2f5d1f7c11")
_ROWS_AT_ONCE = 500
COLUMNS = {"item": "task", "annotator": "worker", "answer": "label"}
"""The columns that a file must have, and crowd-kit's names for them."""


@dataclass
class ImportResult:
    """What became of the rows; `refused` has (row number, reason), the head being row 1."""

    accepted: int = 0
    duplicate: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


def import_judgments(
    workspace: Workspace,
    slug: str,
    file: Path,
    *,
    progress: Callable[[int, int | None, str], None] | None = None,
) -> ImportResult:
    """Take the rows of a CSV file; a judgment's id follows from campaign, item and annotator.

    Imported judgments are above the campaign's leases and its stopping rule: they were given elsewhere.
    Raises UsageError when the file or one of its columns is missing.
    """
    result = ImportResult()
    rows = _rows(file)
    done = 0
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        with workspace.write() as session:
            campaign = find_campaign(session, slug)
            for number, row in chunk:
                _take(session, campaign, number, row, result)
        done += len(chunk)
        if progress:
            progress(done, None, f"{len(result.refused)} refused")
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        log_event(session, "campaign.import", f"campaigns:{campaign.id}", file=file.name, accepted=result.accepted)
    return result


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened)
            there = list(reader.fieldnames or ())
            missing = [name for name, other in COLUMNS.items() if name not in there and other not in there]
            if missing:
                raise UsageError(
                    f"{file} has no column {missing[0]!r} (it has {', '.join(there) or 'none'})",
                    hint="columns: item, annotator, answer (or task, worker, label); "
                    "and category where an image is asked about several",
                )
            ours = {other: name for name, other in COLUMNS.items() if name not in there}
            reader.fieldnames = [ours.get(name, name) for name in there]
            yield from enumerate(reader, start=2)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint="give a CSV file") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} is not CSV in UTF-8: {error}") from error


def _take(session: Session, campaign: Campaign, number: int, row: dict[str, str], result: ImportResult) -> None:
    try:
        item = _item(session, campaign, row)
        name = " ".join((row["annotator"] or "").split())[:100]
        if not name:
            raise AnswerError("there is no annotator")
        answer = check_answer(
            campaign.kind,
            _answer(row["answer"] or ""),
            categories=[category.slug for category in campaign.categories],
            attributes=[a.as_schema() for a in item.category.attributes] if item.category else [],
            size=(item.image.width, item.image.height),
        )
    except AnswerError as error:
        result.refused.append((number, str(error)))
        return
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None:
        person = Person(name=name, role="annotator")
        session.add(person)
        session.flush()
    known = uuid.uuid5(_NAMESPACE, f"{campaign.id}/{item.id}/{name}")
    before = session.get(Judgment, known)
    if before is not None:
        if before.answer == answer:
            result.duplicate += 1
        else:
            result.refused.append((number, f"{name} answered item {item.id} otherwise in an earlier row or file"))
        return
    mine = select(Judgment.id).where(
        Judgment.item_id == item.id, Judgment.person_id == person.id, Judgment.active, Judgment.role == "annotator"
    )
    if session.scalar(mine) is not None:
        result.refused.append((number, f"{name} has already judged item {item.id}"))
        return
    at = now()
    session.add(Judgment(id=known, item_id=item.id, person_id=person.id, answer=answer, answered_at=at, received_at=at))
    if item.gold is None and not is_flag(answer):
        item.n += 1
    session.flush()
    result.accepted += 1


def _item(session: Session, campaign: Campaign, row: dict[str, str]) -> Item:
    named = (row["item"] or "").strip()
    query = select(Item).where(Item.campaign_id == campaign.id)
    if named.isascii() and named.isdigit() and len(named) < 10:
        query = query.where(Item.id == int(named))
    else:
        query = query.where(Item.image_sha256 == named.lower())
        category = (row.get("category") or "").strip()
        if category:
            ids = [known.id for known in campaign.categories if known.slug == category]
            query = query.where(Item.category_id.in_(ids))
    found = session.scalars(query.with_for_update(of=Item).limit(2)).all()
    if not found:
        raise AnswerError(f"the campaign has no item {named!r}")
    if len(found) > 1:
        raise AnswerError(f"{named} is asked about several categories; a column category says which")
    return found[0]


def _answer(text: str) -> Any:
    text = text.strip()
    if not text.startswith("{"):
        return {"value": text}
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnswerError(f"the answer is neither a word nor JSON: {error}") from error
