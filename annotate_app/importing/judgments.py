"""Judgments from a file into a campaign: some hundred rows a transaction, each row by itself, any number of times.

Rows of items are locked in the order of their ids, then the campaign's, then people and tallies in theirs, as answers
of the app do (annotate_app/batch.py), so that an import and people at work never wait for each other in a circle.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from annotate_app import budget
from annotate_app.importing.chunks import ImportResult, Progress, Told, chunks, lock_items
from annotate_app.importing.files import Wanted, rows_of
from annotate_app.importing.items import Items, Meant
from annotate_app.importing.pictures import Pictures
from annotate_app.importing.rows import Bad, Row
from label_store import AnswerError, UsageError, Workspace, find_campaign, is_flag, log_event, tallies
from label_store.models import JUDGMENT_ROLES, Campaign, Item, Judgment, Person, now
from label_store.one_step import insert_rows

_NAMESPACE = uuid.UUID("6f1c3d0a-3f0e-4b0e-9a55-3a2f5d1f7c11")
_ROUNDING = 0.02
"""Pixels."""
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class ImportWish:
    """How a file is read: its format (else found out); for answers that do not say it, by whom and in which role.

    `skip_unknown`: objects of categories that the campaign does not ask about are left out of the answer.
    """

    format: str = ""
    annotator: str = ""
    role: str = "annotator"
    skip_unknown: bool = False


def import_judgments(
    workspace: Workspace,
    slug: str,
    file: Path,
    wish: ImportWish | None = None,
    *,
    progress: Progress | None = None,
    told: Told | None = None,
    write: Callable[[], AbstractContextManager[Session]] | None = None,
    person_id: int | None = None,
) -> ImportResult:
    """Take the answers of a file; `told` hears of every bad row, `write` begins a transaction (else the workspace).

    A judgment's id follows from campaign, item, annotator and role, so that twice is the same as once, and an import
    that was cut off goes on when it is begun again. Imported judgments are above the campaign's leases and its
    stopping rule: they were given elsewhere. Raises UsageError when the file or one of its columns is missing.
    """
    wish, write = wish or ImportWish(), write or workspace.write
    if wish.role not in JUDGMENT_ROLES:
        raise UsageError(f"there is no role {wish.role!r} of a judgment", hint=f"choose {', '.join(JUDGMENT_ROLES)}")
    with workspace.read() as session:
        campaign = find_campaign(session, slug)
        campaign_id, kind = campaign.id, campaign.kind
    result = ImportResult()
    pictures = Pictures(workspace, campaign_id)
    try:
        rows = rows_of(file, kind, wish.format, Wanted(names_people=not wish.annotator))
        for chunk in chunks(rows, result, progress, told):
            with write() as session:
                taken = _Chunk(session, find_campaign(session, slug), pictures, chunk, wish).take()
            # Told and counted once it is on disk: a transaction that is begun again would count twice.
            result.accepted += taken.accepted
            result.duplicate += taken.duplicate
            for bad in taken.bad:
                result.refuse(bad, told)
    finally:
        pictures.close()
    with write() as session:
        log_event(
            session, "campaign.import", f"campaigns:{campaign_id}", person_id=person_id,
            file=file.name, accepted=result.accepted, refused=result.refused,
        )  # fmt: skip
    return result


@dataclass(frozen=True)
class _Ready:
    """A row that says what it must: its item, by whom, what."""

    row: Row
    item: Meant
    name: str
    role: str
    answer: dict[str, Any]
    id: uuid.UUID
    suggestion: dict[str, Any] | None
    suggestion_shown: bool | None


@dataclass
class _Taken:
    accepted: int = 0
    duplicate: int = 0
    bad: list[Bad] = field(default_factory=list)


class _Chunk:
    """Some hundred rows: what they name is read at once, each is decided by itself, all are written at once."""

    def __init__(
        self, session: Session, campaign: Campaign, pictures: Pictures, rows: Sequence[Row], wish: ImportWish
    ) -> None:
        self.session = session
        self.campaign = campaign
        self.wish = wish
        self.rows = rows
        self.taken = _Taken()
        self.items = Items(session, campaign, pictures, rows, skip_unknown=wish.skip_unknown)
        self.written: list[dict[str, Any]] = []
        self.counts: Counter[int] = Counter()
        self.decided: dict[int, str] = {}
        self.tallied: Counter[tallies.Key] = Counter()
        self.gold: set[int] = set()

    def take(self) -> _Taken:
        """Decide and write."""
        ready = self._ready()
        self.gold = lock_items(self.session, {one.item.id for one in ready})
        budget.lock(self.session, [self.campaign.id] if self.campaign.has_budget else [])
        people = _people(self.session, {one.name for one in ready})
        known, given = self._known(ready, set(people.values()))
        at = now()
        for one in ready:
            person = people[one.name]
            try:
                if _is_known(one, known, given.get((one.item.id, person, one.role))):
                    self.taken.duplicate += 1
                    continue
            except AnswerError as error:
                self.taken.bad.append(Bad(one.row.place, str(error)))
                continue
            known[one.id] = one.answer
            given[one.item.id, person, one.role] = one.answer
            self._write(one, person, at)
        self._flush()
        return self.taken

    def _ready(self) -> list[_Ready]:
        ready = []
        for row in self.rows:
            try:
                ready.append(self._one_ready(row))
            except AnswerError as error:
                self.taken.bad.append(Bad(row.place, str(error)))
        return ready

    def _one_ready(self, row: Row) -> _Ready:
        item = self.items.meant(row)
        name = " ".join((row.annotator or self.wish.annotator).split())[:100]
        if not name:
            raise AnswerError("there is no annotator")
        if not name.isprintable():
            raise AnswerError("the annotator's name is not printable")
        role = row.role or self.wish.role
        if role not in JUDGMENT_ROLES:
            raise AnswerError(f"role {role!r} is not one of {', '.join(JUDGMENT_ROLES)}")
        answer = self.items.answer(row, item)
        named = f"{self.campaign.id}/{item.id}/{name}" + ("" if role == "annotator" else f"/{role}")
        return _Ready(row, item, name, role, answer, uuid.uuid5(_NAMESPACE, named), *self.items.suggested(row, item))

    def _known(
        self, ready: Sequence[_Ready], people: set[int]
    ) -> tuple[dict[uuid.UUID, dict[str, Any]], dict[tuple[int, int, str], dict[str, Any]]]:
        """Answers by the id of their judgment, and the active ones by item, person and role."""
        ids, items = {one.id for one in ready}, {one.item.id for one in ready}
        known = {
            row.id: row.answer
            for row in self.session.execute(select(Judgment.id, Judgment.answer).where(Judgment.id.in_(ids)))
        }
        given = select(Judgment.item_id, Judgment.person_id, Judgment.role, Judgment.answer).where(
            Judgment.item_id.in_(items), Judgment.person_id.in_(people), Judgment.active
        )
        return known, {(row[0], row[1], row[2]): row[3] for row in self.session.execute(given)}

    def _write(self, one: _Ready, person: int, at: datetime) -> None:
        self.written.append(
            {
                "id": one.id, "item_id": one.item.id, "person_id": person, "role": one.role, "answer": one.answer,
                "shown_at": _time(one.row.shown_at, at), "answered_at": _time(one.row.answered_at, at) or at,
                "received_at": at, "active_ms": _milliseconds(one.row.active_ms), "supersedes": None,
                "active": True, "undone_at": None, "suggestion": one.suggestion,
                "suggestion_shown": one.suggestion_shown,
            }
        )  # fmt: skip
        if one.role == "annotator":
            self.tallied[self.campaign.id, person, one.item.category_id] += 1
            if one.item.id not in self.gold and not is_flag(one.answer):
                self.counts[one.item.id] += 1
        elif one.role == "reviewer":
            self.decided[one.item.id] = "disputed" if is_flag(one.answer) else "settled"
        self.taken.accepted += 1

    def _flush(self) -> None:
        insert_rows(self.session.connection(), Judgment.__table__, self.written)  # type: ignore[arg-type]  # it is a Table
        for by in sorted(set(self.counts.values())):
            _change(self.session, [item for item, n in self.counts.items() if n == by], n=Item.n + by)
        for state in sorted(set(self.decided.values())):
            items = [item for item, to in self.decided.items() if to == state]
            _change(self.session, items, state=state, priority=0, extra=0)
        tallies.count(self.session, self.tallied)


def _change(session: Session, items: list[int], **values: Any) -> None:
    session.execute(
        update(Item).where(Item.id.in_(items)).values(**values).execution_options(synchronize_session=False)
    )


def _people(session: Session, names: set[str]) -> dict[str, int]:
    """Accounts by name; those that are new cannot be signed in to."""
    asked = select(Person.name, Person.id).where(Person.name.in_(names))
    there: dict[str, int] = {row.name: row.id for row in session.execute(asked)}
    # In the order of their names, and none is an error: another import may make the same at this moment.
    fresh = [{"name": name, "role": "annotator"} for name in sorted(names - there.keys())]
    if not fresh:
        return there
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(insert(Person).on_conflict_do_nothing(), fresh)
    return {row.name: row.id for row in session.execute(asked)}


def _is_known(one: _Ready, known: dict[uuid.UUID, dict[str, Any]], present: dict[str, Any] | None) -> bool:
    """Whether the row was taken before, or given in the app. AnswerError where the person has said something else."""
    before = known.get(one.id)
    if before is None and present is None:
        return False
    if before is not None and not _alike(before, one.answer):
        raise AnswerError(f"{one.name} answered item {one.item.id} otherwise in an earlier row or file")
    if before is None and not _alike(present, one.answer):
        raise AnswerError(f"{one.name} has already judged item {one.item.id}, and otherwise")
    return True


def _alike(one: Any, other: Any) -> bool:
    """Whether two answers are the same, places to the rounding of the formats that write them as shares of a side."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= _ROUNDING
    return bool(one == other)


def _time(said: Any, at: datetime) -> datetime | None:
    """A moment that a file tells; None where no right clock could have said it."""
    try:
        moment = datetime.fromisoformat(said) if isinstance(said, str) else said
        if not isinstance(moment, datetime):
            return None
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if _EARLIEST <= moment <= at + timedelta(days=1) else None


def _milliseconds(said: Any) -> int:
    try:
        return max(0, min(int(float(said or 0)), _LONGEST_MS))
    except (TypeError, ValueError, OverflowError):
        return 0
