"""Results into the label store: gathered for a moment, then written in one transaction, then told.

What a run reports was committed before; a crash loses at most what it has not reported.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from collector.errors import FetchFailed
from collector.found import Candidate
from collector.takedowns import Takedowns
from collector.texts import storable
from label_store import Examined, Origin, Workspace, propose, record, record_failure
from label_store.models import Fetch, now

_BATCH = 64
_GATHER_SECONDS = 0.05
_BAD_RECORD = (IntegrityError, DataError, ProgrammingError, ValueError, OverflowError)
"""What says that a record is at fault, not the database or the disk (UnicodeError is a ValueError)."""


@dataclass
class Claim:
    """One address in work. Further mentions of it while it is in work wait in `others`."""

    key: str
    candidate: Candidate
    others: list[Candidate] = field(default_factory=list)
    mentions: int = 1

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


@dataclass(frozen=True)
class Response:
    """What HTTP said of a picture."""

    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    fetched_at: datetime = field(default_factory=now)

    def storable(self) -> "Response":
        """This response with every text as the label store can keep it."""
        return replace(self, etag=storable(self.etag), last_modified=storable(self.last_modified))


@dataclass(frozen=True)
class Outcome:
    """The end of one claim: a picture whose bytes are kept, a failure, or only a new proposal of a known fetch."""

    claim: Claim
    candidates: tuple[Candidate, ...]
    examined: Examined | None = None
    failure: FetchFailed | None = None
    fetch_id: int | None = None
    response: Response = field(default=Response())


@dataclass(frozen=True)
class Recorded:
    """What the commit of one outcome changed."""

    outcome: Outcome
    new_image: bool = False
    new_candidates: int = 0
    reason: str | None = None
    fetch_id: int | None = None
    forget: str | None = None
    """SHA-256 of bytes to remove: the picture was taken down while it was on its way."""


class Recorder:
    """Writes outcomes in batches; `done` hears of each batch after its commit, in the event loop."""

    def __init__(
        self,
        workspace: Workspace,
        source: str,
        takedowns: Takedowns,
        overrides: Sequence[str],
        done: Callable[[Sequence[Recorded]], None],
    ) -> None:
        self._workspace = workspace
        self._source = source
        self._takedowns = takedowns
        self._overrides = tuple(sorted(overrides))
        self._done = done
        self._queue: asyncio.Queue[Outcome | None] = asyncio.Queue(maxsize=4 * _BATCH)

    async def put(self, outcome: Outcome) -> None:
        """Hand over one outcome."""
        await self._queue.put(outcome)

    async def finish(self) -> None:
        """Write what is left, then end `run`."""
        await self._queue.put(None)

    async def run(self) -> None:
        """Gather and write until `finish`; raises what the database or disk raises."""
        last = False
        while not last:
            batch: list[Outcome] = []
            first = await self._queue.get()
            if first is None:
                return
            batch.append(first)
            closes = asyncio.get_running_loop().time() + _GATHER_SECONDS
            while len(batch) < _BATCH:
                left = closes - asyncio.get_running_loop().time()
                if self._queue.empty() and left <= 0:
                    break
                try:
                    following = await asyncio.wait_for(self._queue.get(), max(left, 0.001))
                except TimeoutError:
                    break
                if following is None:
                    last = True
                    break
                batch.append(following)
            self._done(await asyncio.to_thread(self._write, batch))

    def _write(self, batch: Sequence[Outcome]) -> list[Recorded]:
        try:
            recorded = self._commit(batch)
        except _BAD_RECORD:
            # One record is at fault, or another collector wrote the same picture or address since our look.
            recorded = [self._write_alone(outcome) for outcome in batch]
        for one in recorded:
            if one.forget:
                self._workspace.blobs.remove(one.forget)
        return recorded

    def _write_alone(self, outcome: Outcome) -> Recorded:
        try:
            return self._commit([outcome])[0]
        except _BAD_RECORD as error:
            words = f"its record could not be written: {type(error).__name__}"
            bare = Candidate(storable(outcome.candidates[0].url))
            failure = FetchFailed("undecodable", words, may_pass=isinstance(error, IntegrityError))
            return self._commit([Outcome(outcome.claim, (bare,), failure=failure)])[0]

    def _commit(self, batch: Sequence[Outcome]) -> list[Recorded]:
        with self._workspace.write() as session:
            self._takedowns.refresh(session)
            return [self._one(session, outcome) for outcome in batch]

    def _one(self, session: Session, outcome: Outcome) -> Recorded:
        first, *rest = outcome.candidates
        if outcome.failure is not None:
            failure = outcome.failure
            retry_at = failure.retry_at or (now() if failure.may_pass else None)
            origin = self._origin(first, outcome, failure.http_status)
            record_failure(session, origin, failure.reason, storable(failure.detail), retry_at=retry_at)
            return Recorded(outcome, reason=failure.reason)
        if outcome.examined is None:
            fetch = session.get_one(Fetch, outcome.fetch_id)
            made = self._propose(session, fetch, outcome.candidates)
            return Recorded(outcome, new_candidates=made, fetch_id=fetch.id)
        examined = outcome.examined
        if why := self._takedowns.refusal(examined):
            record_failure(session, self._origin(first, outcome), "takedown", why)
            return Recorded(outcome, reason="takedown", forget=examined.facts.sha256)
        ingested = record(session, examined, self._origin(first, outcome))
        more = self._propose(session, session.get_one(Fetch, ingested.fetch_id), rest)
        return Recorded(outcome, ingested.new_image, ingested.new_candidate + more, fetch_id=ingested.fetch_id)

    def _propose(self, session: Session, fetch: Fetch, candidates: Sequence[Candidate]) -> int:
        asked = {one.category: one for one in reversed(candidates) if one.category}
        return sum(propose(session, fetch, self._origin(one)) for one in asked.values())

    def _origin(self, candidate: Candidate, outcome: Outcome | None = None, http_status: int | None = None) -> Origin:
        candidate = candidate.storable()
        response = (outcome.response if outcome else Response()).storable()
        return Origin(
            source=self._source,
            url=candidate.url,
            category=candidate.category,
            query=candidate.query,
            page_url=candidate.page_url,
            title=candidate.title,
            caption=candidate.caption,
            license=candidate.license,
            author=candidate.author,
            http_status=http_status or response.http_status,
            etag=response.etag,
            last_modified=response.last_modified,
            overrides=self._overrides,
            fetched_at=response.fetched_at,
        )
