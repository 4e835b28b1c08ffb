"""Workers of a crowd platform come by a link: their id in, a completion code out, no password.

Prolific adds PROLIFIC_PID to the link, Mechanical Turk workerId. Whoever holds the link can claim any worker's id,
as everywhere that survey links are used: a claimed id can judge, and do nothing else.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from annotate_app.security.sessions import hash_secret, new_secret
from label_store import UsageError, log_event
from label_store.models import Campaign, Invitation, Item, Judgment, Person

PLATFORMS = {"prolific": "PROLIFIC_PID", "mturk": "workerId"}
"""Each platform and the parameter in which it names the worker."""
COMPLETE = "https://app.prolific.com/submissions/complete?cc="
_PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE"
_WORKER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CODE = re.compile(r"[A-Za-z0-9-]{4,64}")


@dataclass(frozen=True)
class Worker:
    """Who came, and how far they are."""

    person_id: int
    judged: int
    wanted: int
    code: str | None
    """Told once they have judged what was wanted, or there is nothing left for them."""


def open_to_crowd(session: Session, campaign: Campaign, platform: str, items: int, code: str | None = None) -> str:
    """Open a campaign to a platform's workers: the secret of its link, told once; an earlier link ends.

    Each worker judges `items` and is told `code` (made here when None). Raises UsageError.
    """
    if platform not in PLATFORMS:
        raise UsageError(f"there is no crowd platform {platform!r}", hint=f"it is one of {', '.join(PLATFORMS)}")
    if items < 1:
        raise UsageError("a worker judges at least one item")
    code = code or secrets.token_hex(4).upper()
    if not _CODE.fullmatch(code):
        raise UsageError(f"{code!r} cannot be a completion code", hint="4 to 64 letters, digits and hyphens")
    secret = new_secret()
    campaign.crowd = {"platform": platform, "link_hash": hash_secret(secret), "code": code, "items": items}
    campaign.per_person_limit = items
    log_event(session, "campaign.crowd", f"campaigns:{campaign.id}", platform=platform, items=items)
    return secret


def close_to_crowd(session: Session, campaign: Campaign) -> None:
    """End the link; who came by it keeps the session until it runs out."""
    campaign.crowd = None
    log_event(session, "campaign.crowd", f"campaigns:{campaign.id}", platform=None)


def campaign_of_link(session: Session, secret: str) -> Campaign | None:
    """The open campaign whose link this is."""
    return session.scalar(
        select(Campaign).where(Campaign.crowd["link_hash"].as_string() == hash_secret(secret), Campaign.state == "open")
    )


def worker_name(campaign: Campaign, parameters: dict[str, str]) -> str | None:
    """The account's name of the worker that the platform named in the link; None for a preview or none at all."""
    crowd: dict[str, Any] = campaign.crowd or {}
    worker = parameters.get(PLATFORMS.get(crowd.get("platform", ""), ""), "")
    if parameters.get("assignmentId") == _PREVIEW or not _WORKER.fullmatch(worker):
        return None
    return f"{crowd['platform']}:{worker}"


def arrive(session: Session, campaign: Campaign, name: str, at: datetime) -> Worker:
    """The worker's account, made when it is new, with a way into this campaign; and how far they are.

    Raises UsageError when the account was shut out.
    """
    person = session.scalar(select(Person).where(Person.name == name))
    if person is None:
        person = Person(name=name, role="annotator")
        session.add(person)
        session.flush()
        log_event(session, "person.add", f"people:{person.id}", name=name, role="annotator")
    if person.disabled_at is not None or person.role != "annotator":
        raise UsageError("this account takes no part any more", hint="ask whoever runs the study")
    came = select(Invitation.token_hash).where(
        Invitation.campaign_id == campaign.id, Invitation.used_by_id == person.id
    )
    if session.scalar(came.limit(1)) is None:
        session.add(
            Invitation(
                token_hash=hash_secret(new_secret()),
                role="annotator",
                campaign_id=campaign.id,
                created_at=at,
                expires_at=at,
                used_at=at,
                used_by_id=person.id,
            )
        )
    judged = session.scalar(
        select(func.count())
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .where(
            Item.campaign_id == campaign.id,
            Judgment.person_id == person.id,
            Judgment.active,
            Judgment.role == "annotator",
        )
    )
    crowd: dict[str, Any] = campaign.crowd or {}
    done = (judged or 0) >= crowd["items"]
    return Worker(person.id, judged or 0, crowd["items"], crowd["code"] if done else None)
