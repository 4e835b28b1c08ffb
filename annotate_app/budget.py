"""What a campaign may still cost: judgments given, and items that somebody holds, count against its budget.

Whoever leases, answers or undoes does so under SQLite's one write lock or, on PostgreSQL, with the campaign's row
locked, and only where there is a budget: it is never exceeded, however many do it at once. Rows of items are locked
before those of campaigns, and campaigns in the order of their ids, so that nobody waits in a circle; a lease, which has
the campaign first, waits for no item.
"""

import math
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from label_store import tallies
from label_store.models import Campaign, Lease

_CAMPAIGN = select(Campaign.budget, Campaign.price_per_judgment).where(Campaign.id == bindparam("campaign"))
_LOCKED = _CAMPAIGN.with_for_update(key_share=True)
_LOCK = (
    select(Campaign.id)
    .where(Campaign.id.in_(bindparam("campaigns", expanding=True)))
    .order_by(Campaign.id)
    .with_for_update(key_share=True)
)
_PROMISED = select(func.count()).where(Lease.campaign_id == bindparam("campaign"), Lease.deadline > bindparam("at"))


def lock(session: Session, campaigns: Iterable[int]) -> None:
    """Keep what these campaigns have given and promised as it is until the transaction ends, but for one's own changes.

    What is read of a clock afterwards is later than everything that others did.
    """
    asked = sorted(campaigns)
    if asked and session.get_bind().dialect.name == "postgresql":
        session.connection().execute(_LOCK, {"campaigns": asked})


def left(session: Session, campaign_id: int, at: datetime, *, locked: bool) -> int | None:
    """Judgments that are paid for and neither given nor promised; None where the campaign has no budget.

    `locked`: it stays so until the transaction ends.
    """
    row = session.connection().execute(_LOCKED if locked else _CAMPAIGN, {"campaign": campaign_id}).one()
    most = pays_for(row.budget, row.price_per_judgment)
    if most is None:
        return None
    promised = session.scalar(_PROMISED, {"campaign": campaign_id, "at": at}) or 0
    return most - tallies.of_campaign(session, campaign_id) - promised


def spent(session: Session, campaign_id: int) -> bool:
    """Whether all that the budget pays for has been judged: the campaign gives nothing more until it is raised."""
    row = session.connection().execute(_CAMPAIGN, {"campaign": campaign_id}).one()
    most = pays_for(row.budget, row.price_per_judgment)
    return most is not None and tallies.of_campaign(session, campaign_id) >= most


def pays_for(budget: float | None, price: float) -> int | None:
    """Judgments of this price that a budget pays for; None where there is no end to them."""
    if budget is None or price <= 0:
        return None
    quotient = budget / price
    # Ten judgments of a tenth are paid by one, whatever binary fractions make of it.
    return math.floor(quotient * (1 + 1e-12)) if math.isfinite(quotient) else None
