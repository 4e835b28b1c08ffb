"""Takedowns held in memory for a run, so that a refused picture is met before its bytes are kept."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from label_store import Examined
from label_store.models import Takedown
from label_store.takedown import tells_likeness


class Takedowns:
    """All hashes that were taken down, brought up to date with each batch that is written.

    Hashes of an earlier kind are left out, as everywhere: distances between two kinds mean nothing.
    """

    def __init__(self, radius: int) -> None:
        self._radius = radius
        self._newest = 0
        self._sha256s: dict[str, datetime] = {}
        self._phashes: dict[int, datetime] = {}

    def refresh(self, session: Session) -> None:
        """Read what was added since."""
        newest = session.scalar(select(func.max(Takedown.id))) or 0
        if newest == self._newest:
            return
        # Copies, put in place whole: `refusal` reads them in another thread.
        sha256s, phashes = dict(self._sha256s), dict(self._phashes)
        added = Takedown.id > self._newest
        for sha256, at in session.execute(
            select(Takedown.sha256, Takedown.at).where(added, Takedown.sha256.is_not(None))
        ):
            if sha256:
                sha256s[sha256] = at
        for phash, at in session.execute(select(Takedown.phash, Takedown.at).where(added, tells_likeness())):
            if phash:
                phashes[int(phash, 16)] = at
        self._sha256s, self._phashes, self._newest = sha256s, phashes, newest

    def refusal(self, examined: Examined) -> str | None:
        """Why a picture may not enter; None when it may. A plain picture has no likeness."""
        at = self._sha256s.get(examined.facts.sha256)
        if at is not None:
            return f"the picture was taken down on {at:%Y-%m-%d}"
        if examined.phash is not None and self._phashes:
            mine = int(examined.phash, 16)
            for phash, at in self._phashes.items():
                if (phash ^ mine).bit_count() <= self._radius:
                    return f"a picture like this one was taken down on {at:%Y-%m-%d}"
        return None
