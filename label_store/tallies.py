"""How much each person has judged in a campaign: counted in the transaction that changes it, so that nobody counts.

An annotator's active judgment counts, whatever it says (an answer, a flag, to gold or not): it is what is paid for.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from label_store.models import Tally

Key = tuple[int, int, int | None]
"""(campaign, person, category; None where the items have none)."""

# The same words in SQLite and PostgreSQL.
_ADD = text(
    "INSERT INTO tallies (campaign_id, person_id, category_id, judgments) VALUES (:campaign, :person, :category, :by) "
    "ON CONFLICT (campaign_id, person_id, category_id) DO UPDATE SET judgments = tallies.judgments + excluded.judgments"
)
_OF_PERSON = select(Tally.category_id, Tally.judgments).where(
    Tally.campaign_id == bindparam("campaign"), Tally.person_id == bindparam("person")
)
_OF_CAMPAIGN = select(func.coalesce(func.sum(Tally.judgments), 0)).where(Tally.campaign_id == bindparam("campaign"))


def count(session: Session, changes: Mapping[Key, int]) -> None:
    """Add so many judgments (below zero: take away), in the order of the keys, so that nobody waits in a circle."""
    rows = [
        {"campaign": campaign, "person": person, "category": category or 0, "by": by}
        for (campaign, person, category), by in sorted(changes.items(), key=lambda change: _order(change[0]))
        if by
    ]
    if rows:
        session.connection().execute(_ADD, rows)


def judged(session: Session, campaign_id: int, person_id: int) -> dict[int | None, int]:
    """Judgments of one person in a campaign, by category."""
    rows = session.connection().execute(_OF_PERSON, {"campaign": campaign_id, "person": person_id})
    return {row[0] or None: row[1] for row in rows}


def of_campaign(session: Session, campaign_id: int) -> int:
    """Judgments of a campaign, by anybody."""
    return int(session.connection().scalar(_OF_CAMPAIGN, {"campaign": campaign_id}) or 0)


def _order(key: Key) -> tuple[int, int, int]:
    return key[0], key[1], key[2] or 0
