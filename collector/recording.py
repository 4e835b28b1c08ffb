"""Results into the label store: gathered for a moment, bytes kept, rows written in one transaction, then told.

What a run reports was committed before; a crash loses at most what it has not reported.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from collector.claims import Claim
from collector.errors import FetchFailed
from collector.found import Candidate
from collector.licenses import spdx
from collector.optout import declared
from collector.takedowns import Takedowns
from collector.texts import storable
from label_store import BlobError, Examined, Failure, Origin, Result, Workspace, record_all
from label_store.models import now

_BATCH = 256
"""Results in one transaction: the more, the less each costs, and the more a crash fetches again."""
_ROOM = 4 * _BATCH
_GATHER_SECONDS = 0.5
"""How long a batch that is not full waits for more, unless nothing else is in work."""
_BAD_RECORD = (IntegrityError, DataError, ProgrammingError, ValueError, OverflowError)
"""What says that a record is at fault, not the database or the disk (UnicodeError is a ValueError)."""


@dataclass(frozen=True)
class Response:
    """What HTTP said of a picture."""

    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    opt_outs: tuple[str, ...] = ()
    fetched_at: datetime = field(default_factory=now)

    def storable(self) -> "Response":
        """This response with every text as the label store can keep it."""
        if (self.etag or "").isprintable() and (self.last_modified or "").isprintable():
            return self
        return replace(self, etag=storable(self.etag), last_modified=storable(self.last_modified))


@dataclass(frozen=True)
class Outcome:
    """The end of one claim: a picture, a failure, the same picture as before, or only a new proposal of it."""

    claim: Claim
    candidates: tuple[Candidate, ...]
    data: bytes | None = None
    """The bytes of a picture, to be kept before it is recorded."""
    examined: Examined | None = None
    failure: FetchFailed | None = None
    unchanged: bool = False
    response: Response = field(default=Response())


@dataclass(frozen=True)
class Recorded:
    """What the commit of one outcome changed."""

    outcome: Outcome
    new_image: bool = False
    new_candidates: int = 0
    reason: str | None = None
    has_picture: bool = False
    """A later mention of the address is a further proposal of its picture."""
    forget: str | None = None
    """SHA-256 of bytes to remove: the picture was taken down while it was on its way."""


class Recorder:
    """Writes outcomes in batches; `done` hears of each batch after its commit, in the event loop.

    `in_work` says how many addresses are in work, those that wait here among them.
    """

    def __init__(
        self,
        workspace: Workspace,
        source: str,
        takedowns: Takedowns,
        overrides: Sequence[str],
        in_work: Callable[[], int],
        done: Callable[[Sequence[Recorded]], None],
    ) -> None:
        self._workspace = workspace
        self._source = source
        self._takedowns = takedowns
        self._overrides = tuple(sorted(overrides))
        self._in_work, self._done = in_work, done
        self._waiting: deque[Outcome] = deque()
        self._ending = False
        self._arrived, self._enough, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def put(self, outcome: Outcome) -> None:
        """Hand over one outcome; waits while many wait already."""
        while len(self._waiting) >= _ROOM:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(outcome)
        self._arrived.set()
        if self._is_enough():
            self._enough.set()

    def finish(self) -> None:
        """Write what is left, then end `run`."""
        self._ending = True
        self._arrived.set()
        self._enough.set()

    async def run(self) -> None:
        """Gather and write until `finish`; raises what the database or disk raises."""
        while True:
            await self._arrived.wait()
            if not self._waiting:
                return  # only `finish` sets the event without an outcome
            if not self._is_enough():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._enough.wait(), _GATHER_SECONDS)
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
            self._room.set()
            if not self._ending:
                if not self._waiting:
                    self._arrived.clear()
                self._enough.clear()
            self._done(await asyncio.to_thread(self._write, batch))

    def _is_enough(self) -> bool:
        """Whether a batch is full, or all that is in work waits in it."""
        return len(self._waiting) >= min(_BATCH, self._in_work())

    def _write(self, batch: Sequence[Outcome]) -> list[Recorded]:
        try:
            kept = [(one.data, one.examined.facts.sha256) for one in batch if one.data is not None and one.examined]
            self._workspace.blobs.put_all([data for data, _ in kept], [sha256 for _, sha256 in kept])
        except BlobError:
            if len(batch) == 1:
                raise
            return [one for outcome in batch for one in self._write([outcome])]  # what still fits is kept
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
            return self._record(session, batch)

    def _record(self, session: Session, batch: Sequence[Outcome]) -> list[Recorded]:
        self._takedowns.refresh(session)
        gone = [self._takedowns.refusal(outcome.examined) if outcome.examined else None for outcome in batch]
        results = [self._result(outcome, why) for outcome, why in zip(batch, gone, strict=True)]
        return [
            Recorded(
                outcome,
                new_image=made.new_image,
                new_candidates=made.new_candidates,
                reason=result.failure.reason if result.failure else None,
                has_picture=result.failure is None,
                forget=outcome.examined.facts.sha256 if why and outcome.examined else None,
            )
            for outcome, result, why, made in zip(batch, results, gone, record_all(session, results), strict=True)
        ]

    def _result(self, outcome: Outcome, gone: str | None) -> Result:
        """What the label store is told; `gone` says why a picture that came was taken down meanwhile."""
        first, *rest = outcome.candidates
        if gone is not None:
            return Result(self._origin(first, outcome.response), failure=Failure("takedown", gone))
        if (failure := outcome.failure) is not None:
            response = replace(outcome.response, http_status=failure.http_status, opt_outs=failure.opt_outs)
            retry_at = failure.retry_at or (now() if failure.may_pass else None)
            told = Failure(failure.reason, storable(failure.detail), retry_at)
            return Result(self._origin(first, response), failure=told)
        more = tuple(self._origin(one, Response()) for one in rest if one.category)
        origin = self._origin(_with_file(first, outcome.examined), outcome.response)
        return Result(origin, outcome.examined, unchanged=outcome.unchanged, more=more)

    def _origin(self, candidate: Candidate, response: Response) -> Origin:
        candidate, response = candidate.storable(), response.storable()
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
            http_status=response.http_status,
            etag=response.etag,
            last_modified=response.last_modified,
            overrides=self._overrides,
            opt_outs=declared(candidate.opt_outs, response.opt_outs),
            fetched_at=response.fetched_at,
        )


def _with_file(candidate: Candidate, examined: Examined | None) -> Candidate:
    """The candidate, with what its file says where the page and the list said nothing."""
    if examined is None:
        return candidate
    file = examined.file
    found = spdx(file.license) if file.license else None
    if found is None and file.creator is None:
        return candidate
    return replace(candidate, license=candidate.license or found, author=candidate.author or file.creator)
