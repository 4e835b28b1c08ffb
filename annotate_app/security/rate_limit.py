"""Guessing is slow: after a number of failures in a window, a key (an address, a name) has to wait."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from annotate_app.problems import Problem


class FailureLimit:
    """At most `most` failures of one key within `window`; held in memory, for one process."""

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        most: int = 10,
        window: timedelta = timedelta(minutes=5),
        sentence: str = "too many failed attempts",
    ) -> None:
        self._clock = clock
        self._most = most
        self._window = window
        self._sentence = sentence
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def check(self, *keys: str) -> None:
        """Raise Problem 429 when one of the keys has failed too often; says how long to wait."""
        at = self._clock()
        with self._lock:
            for key in keys:
                failures = self._recent(key, at)
                if len(failures) >= self._most:
                    wait = max(1, int((failures[0] + self._window - at).total_seconds()) + 1)
                    raise Problem(
                        429,
                        f"{self._sentence}; try again in {wait} seconds",
                        headers={"Retry-After": str(wait)},
                    )

    def failed(self, *keys: str) -> None:
        """Count a failure."""
        at = self._clock()
        with self._lock:
            if len(self._failures) > 10_000:  # a scan from many addresses must not fill the memory
                self._failures = {key: kept for key in self._failures if (kept := self._recent(key, at))}
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=self._most)).append(at)

    def _recent(self, key: str, at: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= at - self._window:
            failures.popleft()
        return failures
