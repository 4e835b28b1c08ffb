"""The figures of a large campaign, counted at most every so often and kept, so that its page opens at once.

Counting a campaign of a million judgments takes seconds. One that is counted quickly is counted for every page.
"""

import logging
import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from annotate_app.progress import AnnotatorProgress, CategoryProgress, Progress, campaign_progress
from label_store.models import Campaign, CampaignFigures

if TYPE_CHECKING:
    from annotate_app.context import AppContext

QUICK = 0.1
"""Seconds; what is counted within this is not kept."""
SHARE_OF_TIME = 0.05
"""Counting takes at most this share of one core, however often the page is opened."""
log = logging.getLogger("cairn.figures")


class KeptFigures:
    """The figures of campaigns, counted now or a short while ago."""

    def __init__(self, context: "AppContext") -> None:
        self._context = context
        self._counting: set[int] = set()
        self._lock = threading.Lock()

    def of(self, campaign_id: int) -> tuple[Progress, datetime]:
        """The figures and when they were counted; old ones are counted anew behind the page that shows them."""
        at = self._context.clock()
        with self._context.read() as session:
            kept = session.get(CampaignFigures, campaign_id)
            slow = kept is not None and kept.seconds > QUICK
        if kept is None or not slow:
            return self._count(campaign_id), at
        if at - kept.at > timedelta(seconds=kept.seconds / SHARE_OF_TIME):
            with self._lock:
                begin = campaign_id not in self._counting
                self._counting.add(campaign_id)
            if begin:
                threading.Thread(target=self._anew, args=(campaign_id,), daemon=True).start()
        return from_json(kept.figures), kept.at

    def _anew(self, campaign_id: int) -> None:
        try:
            self._count(campaign_id)
        except Exception:  # the page shows the older figures, with their time
            log.exception("the figures of campaign %s could not be counted", campaign_id)
        finally:
            with self._lock:
                self._counting.discard(campaign_id)

    def _count(self, campaign_id: int) -> Progress:
        began, at = time.monotonic(), self._context.clock()
        with self._context.read() as session:
            progress = campaign_progress(session, session.get_one(Campaign, campaign_id), at)
        seconds = time.monotonic() - began
        if seconds > QUICK:
            self._context.transact(lambda session: _keep(session, campaign_id, at, seconds, progress))
        return progress


def _keep(session: Session, campaign_id: int, at: datetime, seconds: float, progress: Progress) -> None:
    session.merge(CampaignFigures(campaign_id=campaign_id, at=at, seconds=seconds, figures=as_json(progress)))


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
            "categories": tuple(CategoryProgress(**row) for row in plain["categories"]),
            "annotators": tuple(
                AnnotatorProgress(**{**row, "last_at": datetime.fromisoformat(row["last_at"])})
                for row in plain["annotators"]
            ),
        }
    )
