"""Items for a preview of a campaign, whatever its state: some of them as they would be shown, held by nobody."""

from datetime import datetime
from random import Random

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from annotate_app.asking import asking
from annotate_app.holding import LeasedItem, shown
from annotate_app.leasing import Wish
from label_store.models import Item, Takedown


def preview(
    session: Session, campaign_id: int, person_id: int, wish: Wish, at: datetime, random: Random
) -> tuple[LeasedItem, ...]:
    """Ordinary items from a random place on, of one category where that is wished."""
    of_campaign: tuple[ColumnElement[bool], ...] = (
        Item.campaign_id == campaign_id,
        Item.gold.is_(None),
        ~exists().where(Takedown.sha256 == Item.image_sha256),
    )
    if wish.category_id is not None:
        of_campaign += (Item.category_id == wish.category_id,)
    first, last = session.execute(select(func.min(Item.id), func.max(Item.id)).where(*of_campaign)).one()
    if first is None:
        return ()
    rows: list[tuple[int, int | None]] = []
    place = random.randint(first, last)
    for side in (Item.id >= place, Item.id < place):
        query = select(Item.id, Item.category_id).where(*of_campaign, side).order_by(Item.id)
        rows += [(row[0], row[1]) for row in session.execute(query.limit(wish.wanted - len(rows)))]
    if wish.one_category:
        rows = [row for row in rows if row[1] == rows[0][1]]
    return shown(session, asking(session, campaign_id, person_id, at), [row[0] for row in rows])
