"""The figures of a large campaign, counted at most every so often and kept, so that its page opens at once.

Counting a campaign of a million judgments takes seconds, and is done beside the pages: when the app starts, and behind
a page that shows older figures. Of a campaign that is not large, what is counted quickly is counted for every page,
and nothing of it is kept.
"""

import logging
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotate_app.progress import AnnotatorProgress, CategoryProgress, Progress, campaign_progress
from label_store import tallies
from label_store.models import Campaign, CampaignFigures, Item

if TYPE_CHECKING:
    from annotate_app.context import AppContext

QUICK = 0.1
"""Seconds; what is counted within this is not kept, unless the campaign is large."""
LARGE = 20_000
"""Items or judgments from which on no page waits for the first count."""
SHARE_OF_TIME = 0.05
"""Counting takes at most this share of one core, however often the page is opened."""
log = logging.getLogger("cairn.figures")


class KeptFigures:
    """The figures of campaigns, counted now or a short while ago; no page waits long for them."""

    def __init__(self, context: "AppContext") -> None:
        self._context = context
        self._counting: set[int] = set()
        self._lock = threading.Lock()

    def of(self, campaign_id: int) -> tuple[Progress, datetime] | None:
        """The figures and when they were counted. Old ones are counted anew behind the page that shows them.

        None where those of a large campaign are being counted for the first time.
        """
        at = self._context.clock()
        with self._context.read() as session:
            kept = session.get(CampaignFigures, campaign_id)
            large = kept is None and _is_large(session, campaign_id)
        if large:
            self._begin(campaign_id)
            return None
        if kept is None:
            return self._count(campaign_id), at
        if at - kept.at > timedelta(seconds=kept.seconds / SHARE_OF_TIME):
            self._begin(campaign_id)
        return from_json(kept.figures), kept.at

    def begin(self) -> None:
        """Count what was never counted, so that its first page need not."""
        never = ~exists().where(CampaignFigures.campaign_id == Campaign.id)
        with self._context.read() as session:
            campaigns = session.scalars(select(Campaign.id).where(Campaign.state != "closed", never)).all()
            large = [campaign_id for campaign_id in campaigns if _is_large(session, campaign_id)]
        for campaign_id in large:
            self._begin(campaign_id)

    def _begin(self, campaign_id: int) -> None:
        """Count beside the pages, unless that is under way."""
        with self._lock:
            if campaign_id in self._counting:
                return
            self._counting.add(campaign_id)
        threading.Thread(target=self._anew, args=(campaign_id,), daemon=True).start()

    def _anew(self, campaign_id: int) -> None:
        try:
            self._count(campaign_id, beside=True)
        except Exception:  # the page shows the older figures, with their time
            log.exception("the figures of campaign %s could not be counted", campaign_id)
        finally:
            with self._lock:
                self._counting.discard(campaign_id)

    def _count(self, campaign_id: int, beside: bool = False) -> Progress:
        """`beside`: the pages wait for what is kept of a large campaign; older figures of another go when quick."""
        began, at = time.monotonic(), self._context.clock()
        with self._context.read() as session:
            progress = campaign_progress(session, session.get_one(Campaign, campaign_id), at)
            seconds = time.monotonic() - began
            large = beside and _is_large(session, campaign_id)
        if large or seconds > QUICK:
            # Who counted it at the same moment has kept the same.
            with suppress(IntegrityError):
                self._context.transact(lambda session: _keep(session, campaign_id, at, seconds, progress))
        elif beside:
            self._context.transact(lambda session: _drop(session, campaign_id))
        return progress


def _is_large(session: Session, campaign_id: int) -> bool:
    """Looks at as many entries of an index at most."""
    items = select(Item.id).where(Item.campaign_id == campaign_id).offset(LARGE).limit(1)
    return session.scalar(items) is not None or tallies.of_campaign(session, campaign_id) > LARGE


def _keep(session: Session, campaign_id: int, at: datetime, seconds: float, progress: Progress) -> None:
    session.merge(CampaignFigures(campaign_id=campaign_id, at=at, seconds=seconds, figures=as_json(progress)))


def _drop(session: Session, campaign_id: int) -> None:
    session.execute(delete(CampaignFigures).where(CampaignFigures.campaign_id == campaign_id))


def as_json(progress: Progress) -> dict[str, Any]:
    """Plain values; times as ISO 8601."""
    plain = progress.as_json()
    for row in plain["annotators"]:
        row["last_at"] = row["last_at"].isoformat()
    return plain


def from_json(plain: dict[str, Any]) -> Progress:
    """The inverse of `as_json`."""
    return Progress(
        **{
            **plain,
            "settled_as": tuple((word, number) for word, number in plain.get("settled_as", ())),
            "days": tuple((day, number) for day, number in plain.get("days", ())),
            "categories": tuple(CategoryProgress(**row) for row in plain["categories"]),
            "annotators": tuple(
                AnnotatorProgress(**{**row, "last_at": datetime.fromisoformat(row["last_at"])})
                for row in plain["annotators"]
            ),
        }
    )
