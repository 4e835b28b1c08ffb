"""Live consensus: while people judge, campaigns with a risk rule are settled again every little while.

Without it such a campaign would ask for its most judgments everywhere. The thread sleeps until somebody has
judged, and afterwards at least twenty times as long as settling took, so that it never costs more than 5 %.
"""

import logging
import threading
import time

from sqlalchemy import select

from label_store import Workspace, settle
from label_store.models import Campaign

SHORTEST_PAUSE = 0.5
SHARE_OF_TIME = 0.05
LONGEST_RETRY = 60.0
"""Seconds; a campaign that failed is tried again after 1, 2, 4, ... and at most so many."""
log = logging.getLogger("cairn.live")


class LiveConsensus:
    """A thread that settles the risk-rule campaigns that were judged since it last looked."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._judged: set[int] = set()
        self._failed = False
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def judged(self, campaign_ids: set[int]) -> None:
        """Say that these campaigns have new judgments (or some fewer)."""
        with self._lock:
            self._judged |= campaign_ids
        self._wake.set()

    def start(self) -> None:
        """Begin to watch; also settles what was judged before a restart."""
        with self.workspace.read() as session:
            self.judged(set(session.scalars(select(Campaign.id).where(Campaign.state == "open"))))
        self._thread = threading.Thread(target=self._watch, name="live-consensus", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; settles nothing more."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def settle_now(self) -> list[str]:
        """Settle the judged campaigns that have a risk rule, by the method their curator chose; their slugs.

        What fails is logged and kept for the next time; it keeps no other campaign from being settled.
        """
        with self._lock:
            ids, self._judged = self._judged, set()
        try:
            with self.workspace.read() as session:
                campaigns = session.scalars(select(Campaign).where(Campaign.id.in_(ids), Campaign.state == "open"))
                todo = {campaign.id: campaign.slug for campaign in campaigns if campaign.stopping.get("rule") == "risk"}
        except Exception:  # told by _watch; here only so that no campaign is forgotten
            self._again(ids)
            raise
        done = []
        for campaign_id, slug in todo.items():
            try:
                settle(self.workspace, slug, method=None, told=False)
            except Exception:  # one campaign's trouble must not keep the others waiting
                log.exception("live consensus of %s failed and will be tried again", slug)
                self._again({campaign_id})
            else:
                done.append(slug)
        return done

    def _again(self, campaign_ids: set[int]) -> None:
        with self._lock:
            self._judged |= campaign_ids
            self._failed = True

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            self._failed = False
            try:
                self.settle_now()
            except Exception:  # nobody would start the thread again
                log.exception("live consensus failed and will be tried again")
            took = time.monotonic() - began
            failures = failures + 1 if self._failed else 0
            pause = max(SHORTEST_PAUSE, took / SHARE_OF_TIME)
            if failures:
                pause = max(pause, min(LONGEST_RETRY, 2.0 ** min(failures - 1, 6)))
                self._wake.set()
            self._stopping.wait(pause)
