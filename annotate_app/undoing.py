"""Taking one's own judgment back: its row stays, inactive, and the item returns to the queue or to its judge."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from annotate_app import budget
from annotate_app.context import AppContext
from annotate_app.problems import Problem
from annotate_app.security.sessions import SignedIn
from label_store import is_flag, tallies
from label_store.models import Campaign, Item, Judgment, Lease


def undo(context: AppContext, person: SignedIn, judgment_id: UUID, *, hold: bool) -> None:
    """With `hold` the item is leased to the person again, to be answered anew. Undoing twice is the same as once.

    Problem 404 when it is not a judgment of this person, 409 when its campaign is closed: a new answer could
    not be given any more.
    """
    with context.write() as session:
        item_id = session.scalar(
            select(Judgment.item_id).where(Judgment.id == judgment_id, Judgment.person_id == person.id)
        )
        if item_id is None:
            raise Problem(404, f"you have given no judgment {judgment_id}")
        item = session.scalars(select(Item).where(Item.id == item_id).with_for_update()).one()
        judgment = session.get_one(Judgment, judgment_id)
        if not judgment.active:
            return
        campaign = session.get_one(Campaign, item.campaign_id)
        if campaign.state == "closed":
            raise Problem(409, f"the campaign {campaign.slug!r} is closed; the answer stays as it was given")
        budget.lock(session, [campaign.id] if campaign.has_budget else [])
        at = context.clock()
        judgment.active = False
        judgment.undone_at = at
        if judgment.role == "annotator" and item.gold is None and not is_flag(judgment.answer):
            item.n -= 1
        if judgment.role == "annotator":
            tallies.count(session, {(campaign.id, person.id, item.category_id): -1})
        minutes = context.workspace.settings.lease_minutes if hold else 0
        session.merge(
            Lease(
                item_id=item.id,
                person_id=person.id,
                campaign_id=item.campaign_id,
                token=judgment_id,
                leased_at=at,
                deadline=at + timedelta(minutes=minutes),
                suggestion_shown=judgment.suggestion_shown if judgment.suggestion == item.suggestion else None,
            )
        )
    context.live.judged({item.campaign_id})
    context.metrics.add("cairn_undos_total")
