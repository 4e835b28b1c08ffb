"""The append-only record of who did what."""

from typing import Any

from sqlalchemy.orm import Session

from label_store.models import Event


def log_event(session: Session, action: str, subject: str = "", *, person_id: int | None = None, **detail: Any) -> None:
    """Add an event in the transaction of the deed itself, so that neither is without the other."""
    session.add(Event(action=action, subject=subject, person_id=person_id, detail=detail))
