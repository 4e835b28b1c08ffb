"""What a run may be told beyond the workspace's settings, and the name it goes by."""

import os
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from aiohttp.abc import AbstractResolver

from collector.optout import OPT_OUTS
from label_store import Settings, UsageError
from label_store.models import FETCH_REASONS

OVERRIDES = ("robots", *OPT_OUTS)
"""What a curator may turn off by name; each picture got so says so in its record."""

RETRIABLE = tuple(reason for reason in FETCH_REASONS if reason != "takedown")
"""What may be asked for again by name; what was taken down never is."""


@dataclass(frozen=True)
class CollectOptions:
    """Options of one run; None takes the workspace's setting."""

    host_delay: float | None = None
    """Seconds between two requests to one host."""
    per_host: int = 4
    """Requests in flight to one host; with a delay this matters only where answers take longer than the delay."""
    processes: int | None = None
    """Processes that decode and hash; None: one a core, 0: a thread of this process."""
    overrides: frozenset[str] = field(default=frozenset())
    refresh: bool = False
    """Ask of every picture that earlier runs brought whether it is still the same (RFC 9110, 13.1)."""
    retry: frozenset[str] = field(default=frozenset())
    """Reasons of FETCH_REASONS: what earlier runs left out for one of them is asked for again."""
    max_pending: int = 20_000
    """Candidates held in memory at once."""
    resolver: AbstractResolver | None = None
    """Asked for addresses instead of the system's; its answers are checked all the same."""

    def check(self) -> None:
        """Raise UsageError for an opt-out or a reason that does not exist."""
        unknown = sorted(self.overrides - set(OVERRIDES))
        if unknown:
            raise UsageError(f"{unknown[0]!r} cannot be turned off", hint=f"these can: {', '.join(OVERRIDES)}")

        odd = sorted(self.retry - set(RETRIABLE))
        if odd:
            raise UsageError(f"{odd[0]!r} is no reason to try again", hint=f"these are: {', '.join(RETRIABLE)}")

    @property
    def decoders(self) -> int:
        """How many processes decode."""
        return (os.cpu_count() or 1) if self.processes is None else self.processes


def user_agent(settings: Settings) -> str:
    """Who is asking, and where to complain."""
    try:
        release = version("cairn-dataset")
    except PackageNotFoundError:
        release = "0"
    contact = "".join(c for c in settings.contact if c.isprintable()).strip()
    complaints = f"contact: {contact}" if contact else "no contact given"
    return f"Cairn/{release} (collects pictures for image datasets; {complaints})"
