"""Items whose answer is known: shown unmarked among the others, counted for nobody's n; whether an answer is right."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.answer_words import brief
from annotate_app.choosing import no_image, not_approved
from annotate_app.moderation import held_back
from consensus.objects import same_objects
from label_store import AnswerError, UsageError, Workspace, check_answer, find_campaign, is_flag, log_event
from label_store.models import Campaign, Category, Image, Item

_AT_ONCE = 500
"""Rows of one transaction, so that nobody who writes meanwhile waits long."""
_MOST_CHARACTERS = 16 * 2**20
"""Of a field, as of files that are imported: the limit is one for the whole process."""
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class GoldTaken:
    """What became of a table of known answers: how many were taken, and which lines were not, with the reason."""

    accepted: int
    refused: tuple[tuple[int, str], ...]


def add_gold(workspace: Workspace, slug: str, answers: Mapping[str | tuple[str, str], Mapping[str, Any]]) -> int:
    """Make items gold: their answer is known, they are shown unmarked, and they count for nobody's n.

    Keys are an image's SHA-256, or (SHA-256, category) where a campaign asks about several; values are
    answers in the shape of the campaign's kind. An image that is no item yet becomes one. Returns how many.

    Raises AnswerError for an answer that does not fit, as one that reaches outside its picture, and UsageError.
    """
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        named = [(key if isinstance(key, tuple) else (key, None), answer) for key, answer in answers.items()]
        making = _Making(session, campaign, [sha256 for (sha256, _), _ in named])
        for (sha256, category), answer in named:
            making.make(sha256, category, answer)
        log_event(session, "campaign.gold", f"campaigns:{campaign.id}", items=len(answers))
    return len(answers)


def take_gold(
    write: Callable[[], AbstractContextManager[Session]],
    slug: str,
    table: str,
    *,
    person_id: int | None = None,
    most: int | None = None,
) -> GoldTaken:
    """Known answers from a CSV with the columns image, answer and, where it is asked about several, category.

    An answer that is not one word is JSON. A row that cannot be taken is told with its line, and keeps no other out.
    `write` begins a transaction, one every few hundred rows: those before one that fails stay taken. UsageError for
    what is no such table or has more than `most` rows, of which nothing is taken.
    """
    rows = list(_rows(table))
    if most is not None and len(rows) > most:
        raise UsageError(
            f"the table has {len(rows):,} rows, and at most {most:,} are taken at once",
            hint="give it in parts, or as a file to `cairn campaign gold`",
        )
    accepted, refused = 0, []
    for start in range(0, max(1, len(rows)), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        wrong = []
        with write() as session:
            campaign = find_campaign(session, slug)
            making = _Making(session, campaign, [row.image for row in part])
            for row in part:
                try:
                    if row.wrong:
                        raise UsageError(row.wrong)
                    making.make(row.image, row.category or None, parse_answer(row.answer))
                except UsageError as error:
                    wrong.append((row.line, brief(str(error))))
            taken = len(part) - len(wrong)
            log_event(
                session, "campaign.gold", f"campaigns:{campaign.id}", person_id=person_id, items=taken,
                refused=len(wrong),
            )  # fmt: skip
        accepted += taken
        refused += wrong
    return GoldTaken(accepted, tuple(refused))


def make_gold(
    session: Session, campaign: Campaign, sha256: str, category: str | None, answer: Mapping[str, Any]
) -> None:
    """One item; AnswerError and UsageError as for many, and nothing is changed then."""
    _Making(session, campaign, [sha256]).make(sha256, category, answer)


class _Making:
    """Makes items of these images gold, whose rows are read together."""

    def __init__(self, session: Session, campaign: Campaign, images: Iterable[str]) -> None:
        self._session, self._campaign = session, campaign
        self._by_slug = {one.slug: one for one in campaign.categories}
        self._images: dict[str, tuple[tuple[int, int], bool]] = {}
        self._items: dict[tuple[str, int | None], Item] = {}
        wanted = sorted({image for image in images if _SHA256.fullmatch(image)})
        for start in range(0, len(wanted), _AT_ONCE):
            some = wanted[start : start + _AT_ONCE]
            columns = (Image.sha256, Image.width, Image.height, held_back())
            for sha256, width, height, held in session.execute(select(*columns).where(Image.sha256.in_(some))):
                self._images[sha256] = ((width, height), held)
            of_campaign = select(Item).where(Item.campaign_id == campaign.id, Item.image_sha256.in_(some))
            self._items |= {(item.image_sha256, item.category_id): item for item in session.scalars(of_campaign)}

    def make(self, sha256: str, category: str | None, answer: Mapping[str, Any]) -> None:
        """One of them; AnswerError or UsageError, and nothing is changed then."""
        asked = _category(self._campaign, self._by_slug, category)
        if sha256 not in self._images:
            raise no_image(sha256)
        size, held = self._images[sha256]
        if held:
            raise not_approved(sha256)
        known = check_answer(
            self._campaign.kind,
            answer,
            categories=list(self._by_slug),
            attributes=[attribute.as_schema() for attribute in asked.attributes] if asked else [],
            size=size,
        )
        if is_flag(known):
            raise UsageError(f"a flag cannot be the known answer of {sha256}")
        place = (sha256, asked.id if asked else None)
        item = self._items.get(place)
        if item is None:
            item = Item(campaign_id=self._campaign.id, image_sha256=sha256, category_id=place[1])
            self._session.add(item)
            self._items[place] = item
        item.gold, item.n = known, 0


@dataclass(frozen=True)
class _Row:
    """A row of a table of known answers: the line on which it begins, and what it says or why it is none."""

    line: int
    image: str = ""
    answer: str = ""
    category: str = ""
    wrong: str = ""


def _rows(table: str) -> Iterator[_Row]:
    csv.field_size_limit(_MOST_CHARACTERS)
    reader = csv.reader(io.StringIO(table.removeprefix("\ufeff"), newline=""))
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise UsageError(f"the known answers are not CSV: {error}") from error
    missing = {"image", "answer"} - set(names)
    if missing:
        raise UsageError(
            f"the known answers have no column {' and no '.join(sorted(missing))}",
            hint="the first line names the columns: image,answer or image,answer,category",
        )
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _Row(line, wrong=f"it is not CSV: {error}")
            continue
        if values:
            said = dict(zip(names, map(str.strip, values), strict=False))
            yield _Row(line, said.get("image", ""), said.get("answer", ""), said.get("category", ""))


def parse_answer(text: str) -> dict[str, Any]:
    """An answer as people write it: a word, or a JSON object where one word does not say it; AnswerError."""
    text = text.strip()
    if not text.startswith("{"):
        return {"value": text}
    try:
        parsed: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"the answer is not JSON: {error}") from error
    return parsed


def same_answer(answer: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether an answer is the known one: of objects, the same ones (an IoU of a half); a comment does not matter."""
    for objects in ("boxes", "shapes"):
        if objects in known:
            return objects in answer and same_objects(answer, known)
    return _bare(answer) == _bare(known)


def _bare(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "comment"}


def _category(campaign: Campaign, by_slug: Mapping[str, Category], name: str | None) -> Category | None:
    """What the item asks about; None where the items of a campaign have no category."""
    if campaign.kind not in ("verify", "attributes"):
        return None
    if name is not None:
        if name not in by_slug:
            raise UsageError(f"the campaign {campaign.slug!r} does not ask about {name!r}")
        return by_slug[name]
    if len(by_slug) != 1:
        raise UsageError(
            f"the campaign {campaign.slug!r} asks about several categories",
            hint="name the category of each gold item: (sha256, category)",
        )
    return next(iter(by_slug.values()))
