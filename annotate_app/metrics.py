"""Counters for Prometheus, in its text format; no names of people or campaigns leave the app here.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import threading
from collections import Counter

_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_HELP = {
    "cairn_requests_total": "Requests answered, by class of status.",
    "cairn_leased_items_total": "Items leased.",
    "cairn_judgments_total": "Judgments received, by what became of them.",
    "cairn_undos_total": "Judgments undone.",
}


class Metrics:
    """Counts since the process began; safe to call from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._seconds = 0.0
        self._buckets: Counter[float] = Counter()
        self._requests = 0

    def add(self, name: str, label: str = "", by: int = 1) -> None:
        """Count `by` more of `name`; `label` is `key="value"` or nothing."""
        with self._lock:
            self._counts[name, label] += by

    def observe(self, status: int, seconds: float) -> None:
        """Count one answered request and how long it took."""
        with self._lock:
            self._counts["cairn_requests_total", f'status="{status // 100}xx"'] += 1
            self._requests += 1
            self._seconds += seconds
            for bound in _BUCKETS:
                if seconds <= bound:
                    self._buckets[bound] += 1

    def text(self) -> str:
        """All counters in Prometheus' text format."""
        with self._lock:
            counts, buckets = dict(self._counts), dict(self._buckets)
            requests, seconds = self._requests, self._seconds
        lines = []
        for name, explained in _HELP.items():
            lines += [f"# HELP {name} {explained}", f"# TYPE {name} counter"]
            rows = sorted((label, value) for (counted, label), value in counts.items() if counted == name)
            lines += [f"{name}{{{label}}} {value}" if label else f"{name} {value}" for label, value in rows]
            if not rows:
                lines.append(f"{name} 0")
        name = "cairn_request_seconds"
        lines += [f"# HELP {name} How long requests took.", f"# TYPE {name} histogram"]
        lines += [f'{name}_bucket{{le="{bound}"}} {buckets.get(bound, 0)}' for bound in _BUCKETS]
        lines += [
            f'{name}_bucket{{le="+Inf"}} {requests}',
            f"{name}_sum {seconds:.6f}",
            f"{name}_count {requests}",
        ]
        return "\n".join(lines) + "\n"
