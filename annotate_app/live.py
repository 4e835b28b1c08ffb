"""Live consensus: while people judge, campaigns with a risk rule are settled again every little while.

Without it such a campaign would ask for its most judgments everywhere. The thread sleeps until somebody has
judged, and afterwards at least twenty times as long as settling took, so that it never costs more than 5 %.
"""

import logging
import threading
import time

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from label_store import CairnError, Workspace, settle
from label_store.models import Campaign

SHORTEST_PAUSE = 0.5
SHARE_OF_TIME = 0.05
log = logging.getLogger("cairn.live")


class LiveConsensus:
    """A thread that settles the risk-rule campaigns that were judged since it last looked."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._judged: set[int] = set()
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
        """Settle the campaigns that were judged and have a risk rule; their slugs."""
        with self._lock:
            ids, self._judged = self._judged, set()
        with self.workspace.read() as session:
            campaigns = session.scalars(select(Campaign).where(Campaign.id.in_(ids), Campaign.state == "open"))
            slugs = [campaign.slug for campaign in campaigns if campaign.stopping.get("rule") == "risk"]
        for slug in slugs:
            settle(self.workspace, slug, told=False)
        return slugs

    def _watch(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            try:
                self.settle_now()
            except IntegrityError:
                pass  # another process settled the same campaign at the same moment: its rows are as good
            except CairnError as error:
                log.warning("live consensus: %s", error)
            took = time.monotonic() - began
            self._stopping.wait(max(SHORTEST_PAUSE, took / SHARE_OF_TIME))
