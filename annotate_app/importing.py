"""Judgments from a file into a campaign: each row by itself, the same file any number of times."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.import_files import rows_of
from annotate_app.label_studio import answer_of
from label_store import AnswerError, Workspace, check_answer, find_campaign, is_flag, log_event, tallies
from label_store.models import Campaign, Item, Judgment, Person, now

_NAMESPACE = uuid.UUID("6f1c3d0a-3f0e-4b0e-9a55-3a2f5d1f7c11")
_ROWS_AT_ONCE = 500


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
    """Take the rows of a file (CSV, JSONL, Parquet, Label Studio's JSON).

    A judgment's id follows from campaign, item and annotator, so that twice is the same as once.
    Imported judgments are above the campaign's leases and its stopping rule: they were given elsewhere.
    Raises UsageError when the file or one of its columns is missing.
    """
    result = ImportResult()
    rows = rows_of(file)
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


def _take(session: Session, campaign: Campaign, number: int, row: dict[str, Any], result: ImportResult) -> None:
    try:
        item = _item(session, campaign, row)
        name = " ".join(str(row.get("annotator") or "").split())[:100]
        if not name:
            raise AnswerError("there is no annotator")
        answer = check_answer(
            campaign.kind,
            _answer(campaign.kind, row.get("answer"), (item.image.width, item.image.height)),
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
    tallies.count(session, {(campaign.id, person.id, item.category_id): 1})
    result.accepted += 1


def _item(session: Session, campaign: Campaign, row: dict[str, Any]) -> Item:
    named = str(row.get("item") or "").strip()
    query = select(Item).where(Item.campaign_id == campaign.id)
    if named.isascii() and named.isdigit() and len(named) < 10:
        query = query.where(Item.id == int(named))
    else:
        query = query.where(Item.image_sha256 == named.lower())
        category = str(row.get("category") or "").strip()
        if category:
            ids = [known.id for known in campaign.categories if known.slug == category]
            query = query.where(Item.category_id.in_(ids))
    found = session.scalars(query.with_for_update(of=Item).limit(2)).all()
    if not found:
        raise AnswerError(f"the campaign has no item {named!r}")
    if len(found) > 1:
        raise AnswerError(f"{named} is asked about several categories; a column category says which")
    return found[0]


def _answer(kind: str, given: Any, size: tuple[int, int]) -> Any:
    if isinstance(given, dict):
        return given
    if isinstance(given, list):
        return answer_of(kind, given, size)
    text = str(given or "").strip()
    if not text.startswith("{"):
        return {"value": text}
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"the answer is neither a word nor JSON: {error}") from error
