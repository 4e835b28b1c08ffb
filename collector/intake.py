"""Intake: what a source finds, minus what is known, each address sent where it has to go.

Nowhere where it was settled before, straight to the record where nothing is to be fetched, else to be fetched.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from collector.claims import Claim, Claims
from collector.errors import FetchFailed
from collector.found import BadRow, Candidate, Context, Found, PageSeen, Source
from collector.known import CHUNK, Known, look_up, taken_down, what_to_do
from collector.recording import Outcome
from collector.report import BadRows, Tally
from label_store import Workspace
from label_store.models import now


@dataclass(frozen=True)
class Ways:
    """Where the intake sends what it took in; `fetch` and `record` wait while there is too much."""

    fetch: Callable[[Claim], Awaitable[None]]
    record: Callable[[Outcome], Awaitable[None]]
    show: Callable[[], None]
    refresh: bool = False
    """Also pictures that are here are sent to be asked for, whether they are still the same."""
    again: Callable[[Known], bool] = field(default=lambda _: False)
    """Whether an address that was left out is fetched now all the same."""


class Intake:
    """The intake of one run."""

    def __init__(
        self,
        workspace: Workspace,
        source: Source,
        context: Context,
        claims: Claims,
        tally: Tally,
        bad: BadRows,
        ways: Ways,
    ) -> None:
        self.total: int | None = None
        """How many candidates will come, once that is known and where it can be."""
        self._workspace, self._source, self._context = workspace, source, context
        self._claims, self._tally, self._bad, self._ways = claims, tally, bad, ways
        self._began = now()

    async def run(self) -> None:
        """Everything that the source finds; raises what the source raises."""
        self.total = await asyncio.to_thread(self._source.total)
        queue: asyncio.Queue[Found | BaseException | None] = asyncio.Queue(maxsize=2 * CHUNK)
        pump = asyncio.create_task(_pump(self._source.candidates(self._context), queue))
        try:
            while True:
                chunk = [await queue.get()]
                while len(chunk) < CHUNK and not queue.empty():
                    chunk.append(queue.get_nowait())
                await self._take([found for found in chunk if isinstance(found, Candidate | BadRow | PageSeen)])
                for end in chunk:
                    if isinstance(end, BaseException):
                        raise end
                    if end is None:
                        return
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _take(self, chunk: Sequence[Found]) -> None:
        fresh: list[Claim] = []
        for found in chunk:
            if isinstance(found, BadRow):
                self._bad.add(found)
                self._tally.settle(found.rows)
            elif isinstance(found, PageSeen):
                if found.problem is None:
                    self._tally.pages += 1
                    if found.unknown_category is not None:
                        self._tally.unknown_category(found.unknown_category)
                else:
                    self._tally.pages_left_out[found.problem] += 1
            elif (claim := self._claims.claim(found)) is not None:
                fresh.append(claim)
        if fresh:
            known, gone = await asyncio.to_thread(self._look_up, [claim.key for claim in fresh])
            # Bytes may be gone: somebody removed a damaged file, or a disk lost it.
            kept = {one.sha256 for one in known.values() if one.sha256}
            lost = await asyncio.to_thread(self._workspace.blobs.missing, kept) if kept else set()
            for claim in fresh:
                one = known.get(claim.key)
                await self._route(claim, one, gone.get(claim.key), one is not None and one.sha256 in lost)
        self._ways.show()

    def _look_up(self, keys: list[str]) -> tuple[Mapping[str, Known], Mapping[str, str]]:
        with self._workspace.read() as session:
            return look_up(session, keys), taken_down(session, keys)

    async def _route(self, claim: Claim, known: Known | None, gone: str | None, lost: bool) -> None:
        again = known is not None and self._ways.again(known)
        todo = what_to_do(known, self._began, now(), lost, self._ways.refresh, again)
        if gone is not None:
            if known is None or known.status not in ("ok", "refused"):
                await self._refuse(claim, FetchFailed("takedown", f"the address was taken down ({gone})"))
            else:
                self._settle_before(claim, known, "done")
        elif known is not None and todo != "fetch":
            new = known.status == "ok" and any(self._is_new(one, known) for one in (claim.candidate, *claim.others))
            self._settle_before(claim, known, todo, keep=new)
            if new:
                candidates = tuple(one for one in claim.take_all() if self._is_new(one, known))
                await self._ways.record(Outcome(claim, candidates))
        elif claim.candidate.opted_out:
            await self._refuse(claim, FetchFailed("opted_out", claim.candidate.opted_out))
        else:
            claim.known = known if known is not None and known.status == "ok" and not lost else None
            await self._ways.fetch(claim)

    async def _refuse(self, claim: Claim, failure: FetchFailed) -> None:
        await self._ways.record(Outcome(claim, claim.take_all(), failure=failure))

    def _is_new(self, candidate: Candidate, known: Known) -> bool:
        """Whether a picture that is here would be proposed for one more category."""
        if candidate.category is None or candidate.opted_out:
            return False
        return self._context.categories.slugs[candidate.category] not in known.category_ids

    def _settle_before(self, claim: Claim, known: Known, todo: str, keep: bool = False) -> None:
        if todo == "wait":
            self._tally.waiting += 1
        else:
            self._tally.already += 1
            if known.reason is not None:
                self._tally.already_left_out[known.reason] += 1
        if not keep:
            self._claims.release(claim)


async def _pump(found: AsyncIterator[Found], queue: "asyncio.Queue[Found | BaseException | None]") -> None:
    """Move what a source finds into the queue, then None, or the error by which the source ended."""
    try:
        async for one in found:
            await queue.put(one)
        await queue.put(None)
    except Exception as error:
        await queue.put(error)
