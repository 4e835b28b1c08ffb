"""The addresses in work: claimed before they are looked up, released after their commit, so never in work twice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from collector.found import Candidate
from collector.held import Holding
from collector.known import Known
from label_store import url_hash


@dataclass
class Claim:
    """One address in work. Further mentions of it while it is in work wait in `others`."""

    key: str
    candidate: Candidate
    others: list[Candidate] = field(default_factory=list)
    mentions: int = 1
    known: Known | None = None
    """What is recorded of it, where a picture that was got before is asked for again."""
    holding: Holding | None = None
    """Its picture's bytes, counted until they are kept."""

    def add(self, other: Candidate) -> None:
        """Another mention of the same address."""
        self.mentions += 1
        self.candidate = self.candidate.with_gaps_filled(other)
        if other.category != self.candidate.category and not other.opted_out:
            self.others.append(other)

    def take_all(self) -> tuple[Candidate, ...]:
        """The candidate and what waits with it; later mentions wait anew."""
        taken = (self.candidate, *self.others)
        self.others = []
        return taken


class Claims:
    """All claims of a run; `settled` hears how many mentions each one was when it is released."""

    def __init__(self, settled: Callable[[int], None]) -> None:
        self._settled = settled
        self._claims: dict[str, Claim] = {}
        self._none_left = asyncio.Event()

    def __len__(self) -> int:
        return len(self._claims)

    def claim(self, found: Candidate) -> Claim | None:
        """A new claim; None where the address is in work, and this mention was added to it."""
        found = found.storable()
        key = url_hash(found.url)
        if (claim := self._claims.get(key)) is not None:
            claim.add(found)
            return None
        claim = self._claims[key] = Claim(key, found)
        return claim

    def release(self, claim: Claim) -> None:
        """Its way is at its end."""
        self._settled(claim.mentions)
        del self._claims[claim.key]
        if not self._claims:
            self._none_left.set()

    async def wait_until_none(self) -> None:
        """Return when there is no claim; at once where the last one was released before this began to wait."""
        while self._claims:
            self._none_left.clear()
            await self._none_left.wait()
