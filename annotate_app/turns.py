"""Who waits for whom in a campaign on PostgreSQL, by advisory locks of (campaign, person); SQLite has one writer.

https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS. Taken before any row is locked.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

_EVERYBODY = 0
"""Nobody's number, in the place of a person's."""


def lock_suggestions(session: Session, campaign_id: int) -> None:
    """On PostgreSQL, until this transaction ends, nobody is given items of the campaign: their suggestions change.

    A lease waits for this lock while it holds no rows.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(campaign_id, _EVERYBODY)))


def lock_person(session: Session, campaign_id: int, person_id: int) -> None:
    """On PostgreSQL: one request of a person at a time, who would else have twice what is left to them.

    And none while suggestions change, so that what a lease says was shown is what was.
    """
    if session.get_bind().dialect.name == "postgresql":
        own = func.pg_advisory_xact_lock(campaign_id, person_id)
        session.execute(select(own, func.pg_advisory_xact_lock_shared(campaign_id, _EVERYBODY)))
