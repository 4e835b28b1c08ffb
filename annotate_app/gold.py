"""Items whose answer is known: shown unmarked among the others, counted for nobody's n; whether an answer is right."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.choosing import known_images
from consensus.objects import same_objects
from label_store import AnswerError, UsageError, Workspace, check_answer, find_campaign, is_flag, log_event
from label_store.models import Campaign, Category, Image, Item


@dataclass(frozen=True)
class GoldTaken:
    """What became of a table of known answers: how many were taken, and which rows were not, with the reason."""

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
        for key, answer in answers.items():
            sha256, category = key if isinstance(key, tuple) else (key, None)
            make_gold(session, campaign, sha256, category, answer)
        log_event(session, "campaign.gold", f"campaigns:{campaign.id}", items=len(answers))
    return len(answers)


def take_gold(workspace: Workspace, slug: str, table: str, *, person_id: int | None = None) -> GoldTaken:
    """Known answers from a CSV with the columns image, answer and, where it is asked about several, category.

    An answer that is not one word is JSON. A row that cannot be taken is told with its number, and keeps no other out.
    """
    rows = csv.DictReader(io.StringIO(table.lstrip("\ufeff")))
    missing = {"image", "answer"} - set(rows.fieldnames or ())
    if missing:
        raise UsageError(
            f"the known answers have no column {' and no '.join(sorted(missing))}",
            hint="the first line names the columns: image,answer or image,answer,category",
        )
    accepted, refused = 0, []
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        for number, row in enumerate(rows, start=2):
            image, answer, category = ((row.get(name) or "").strip() for name in ("image", "answer", "category"))
            try:
                make_gold(session, campaign, image, category or None, parse_answer(answer))
                accepted += 1
            except UsageError as error:
                refused.append((number, str(error)))
        log_event(
            session, "campaign.gold", f"campaigns:{campaign.id}", person_id=person_id, items=accepted,
            refused=len(refused),
        )  # fmt: skip
    return GoldTaken(accepted, tuple(refused))


def make_gold(
    session: Session, campaign: Campaign, sha256: str, category: str | None, answer: Mapping[str, Any]
) -> None:
    """One item; AnswerError and UsageError as for many, and nothing is changed then."""
    by_slug = {one.slug: one for one in campaign.categories}
    asked = _category(campaign, by_slug, category)
    known_images(session, [sha256])
    image = session.get_one(Image, sha256)
    known = check_answer(
        campaign.kind,
        answer,
        categories=list(by_slug),
        attributes=[attribute.as_schema() for attribute in asked.attributes] if asked else [],
        size=(image.width, image.height),
    )
    if is_flag(known):
        raise UsageError(f"a flag cannot be the known answer of {sha256}")
    item = session.scalar(
        select(Item).where(
            Item.campaign_id == campaign.id,
            Item.image_sha256 == sha256,
            Item.category_id.is_(None) if asked is None else Item.category_id == asked.id,
        )
    )
    if item is None:
        item = Item(campaign_id=campaign.id, image_sha256=sha256, category_id=asked and asked.id)
        session.add(item)
    item.gold, item.n = known, 0


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
