"""Which campaigns a person may see and work in; one they may not see does not exist for them."""

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from annotate_app.problems import Problem
from annotate_app.security.roles import REVIEWS
from annotate_app.security.sessions import SignedIn
from label_store.models import Campaign, Invitation


def visible_campaigns(person: SignedIn) -> Select[Campaign]:
    """All campaigns for those who curate, review or watch; else those open to all or joined by invitation."""
    query = select(Campaign).order_by(Campaign.id)
    if person.role in (*REVIEWS, "viewer"):
        return query
    invited = exists().where(Invitation.campaign_id == Campaign.id, Invitation.used_by_id == person.id)
    return query.where(or_(Campaign.open_to_all, invited), Campaign.state != "draft")


def find_campaign(session: Session, person: SignedIn, id_or_slug: str) -> Campaign:
    """The campaign of this slug or number; Problem 404 when there is none that the person may see."""
    query = visible_campaigns(person)
    campaign = session.scalar(query.where(Campaign.slug == id_or_slug))
    if campaign is None and id_or_slug.isascii() and id_or_slug.isdigit() and len(id_or_slug) < 10:
        campaign = session.scalar(query.where(Campaign.id == int(id_or_slug)))
    if campaign is None:
        raise Problem(404, f"there is no campaign {id_or_slug!r} that is open to you")
    return campaign
