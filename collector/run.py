"""One run: a source's candidates, minus what is known, through the hosts' lines into the label store.

The way of a candidate: intake (claim, look up) -> its host's line -> fetch -> examine -> keep bytes -> record.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from collector.addresses import AllowList
from collector.claims import Claim, Claims
from collector.errors import FetchFailed
from collector.examining import Examiners
from collector.fetching import Fetcher, Want
from collector.found import BadRow, Candidate, Categories, Context, Source, require_category
from collector.held import HeldBytes
from collector.intake import Intake, Ways
from collector.known import Known
from collector.loops import run_to_end
from collector.options import CollectOptions, user_agent
from collector.optout import declared, opted_out
from collector.recording import Outcome, Recorded, Recorder, Response
from collector.report import BadRows, CollectReport, Tally
from collector.takedowns import Takedowns
from label_store import Workspace

Progress = Callable[[int, int | None, str], None]
_HELD_BYTES = 256 * 2**20
"""Pictures on their way and not yet kept, above which only the oldest goes on being read."""


def collect(
    workspace: Workspace,
    source: Source,
    *,
    category: str | None = None,
    options: CollectOptions | None = None,
    progress: Progress | None = None,
) -> CollectReport:
    """Collect everything a source proposes; the same call continues where a stopped one was.

    `category` is proposed where the source says none. Raises UsageError before anything is fetched (unknown
    category, unreadable input) and CairnError when the run cannot go on (disk full); what was recorded stays.
    """
    return run_to_end(collect_async(workspace, source, category=category, options=options, progress=progress))


async def collect_async(
    workspace: Workspace,
    source: Source,
    *,
    category: str | None = None,
    options: CollectOptions | None = None,
    progress: Progress | None = None,
) -> CollectReport:
    """`collect` for callers that have an event loop."""
    options = options or CollectOptions()
    options.check()
    allow = AllowList.parse(workspace.settings.allow_hosts)
    takedowns = Takedowns(workspace.settings.near_takedown_radius)
    with workspace.read() as session:
        categories = Categories.load(session)
        for word in source.named_categories():
            require_category(session, categories, word)
        if category is not None:
            category = require_category(session, categories, category)
        takedowns.refresh(session)
    source.check(categories, category)
    settings = workspace.settings
    async with Fetcher(
        user_agent=user_agent(settings),
        allow=allow,
        delay=settings.host_delay if options.host_delay is None else options.host_delay,
        per_host=options.per_host,
        in_flight=settings.fetch_concurrency,
        timeout=settings.fetch_timeout,
        overrides=options.overrides,
        resolver=options.resolver,
    ) as fetcher:
        context = Context(fetcher, categories, category, options.overrides)
        return await _Run(workspace, source, context, takedowns, options, progress).go()


@dataclass
class _Line:
    """What waits for one host."""

    waiting: deque[Claim] = field(default_factory=deque)
    workers: int = 0


class _Run:
    def __init__(
        self,
        workspace: Workspace,
        source: Source,
        context: Context,
        takedowns: Takedowns,
        options: CollectOptions,
        progress: Progress | None,
    ) -> None:
        settings = workspace.settings
        self._workspace, self._source, self._context = workspace, source, context
        self._takedowns, self._options, self._progress = takedowns, options, progress
        self._clock = monotonic()
        self._tally = Tally()
        self._claims = Claims(self._tally.settle)
        self._bad = BadRows(workspace.folder / "collect" / f"bad-rows-{source.name}.csv")
        self._examiners = Examiners(options.decoders, settings.max_image_pixels, settings.keep_location)
        self._recorder = Recorder(
            workspace, source.name, takedowns, tuple(options.overrides), self._claims.__len__, self._committed
        )
        self._intake = Intake(workspace, source, context, self._claims, self._tally, self._bad, Ways(
            fetch=self._enqueue, record=self._recorder.put, show=self._show, refresh=options.refresh,
            again=lambda known: known.wanted_again(options.retry, options.overrides),
        ))  # fmt: skip
        self._max_bytes = settings.max_image_bytes
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(options.max_pending)
        self._held = HeldBytes(_HELD_BYTES)
        self._fatal: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def go(self) -> CollectReport:
        """Everything, from the first candidate to the last commit."""
        recording = asyncio.create_task(self._recorder.run())
        intake = asyncio.create_task(self._intake.run())
        try:
            await self._watched(intake, recording)
            while self._claims:
                await self._watched(asyncio.create_task(self._claims.wait_until_none()), recording)
        finally:
            for task in (intake, *self._tasks):
                task.cancel()
            await asyncio.gather(intake, *self._tasks, return_exceptions=True)
            self._examiners.close()
            if not recording.done():  # what was got so far is recorded also when the run is stopped
                self._recorder.finish()
                await recording
            self._fatal.cancel()
            self._bad.close()
        return self._tally.report(self._source.name, monotonic() - self._clock, self._bad)

    async def _watched(self, task: "asyncio.Task[None]", recording: "asyncio.Task[None]") -> None:
        """Wait for a task, unless the run has to end before."""
        await asyncio.wait({task, recording, self._fatal}, return_when=asyncio.FIRST_COMPLETED)
        for ended in (self._fatal, recording):
            if ended.done():
                task.cancel()
                ended.result()
        await task

    # ---- work: one line a host ------------------------------------------------------------------------------

    async def _enqueue(self, claim: Claim) -> None:
        await self._room.acquire()
        local = claim.candidate.is_local
        key = "" if local else _line_of(claim.candidate.url)
        line = self._lines.setdefault(key, _Line())
        line.waiting.append(claim)
        if line.workers < (self._options.decoders * 2 + 2 if local else self._options.per_host):
            line.workers += 1
            self._spawn(self._work(key, line))

    async def _work(self, key: str, line: _Line) -> None:
        try:
            while line.waiting:
                claim = line.waiting.popleft()
                try:
                    await self._get(claim)
                finally:
                    self._room.release()
        finally:
            line.workers -= 1
            if not line.workers and not line.waiting:
                self._lines.pop(key, None)

    async def _get(self, claim: Claim) -> None:
        """From address to bytes that wait to be kept; every way it can end is recorded."""
        claim.holding = self._held.holding()
        try:
            outcome = await self._picture(claim)
        except FetchFailed as failure:
            claim.holding.give_back()
            outcome = Outcome(claim, claim.take_all(), failure=failure)
        if outcome is not None:
            await self._recorder.put(outcome)

    async def _picture(self, claim: Claim) -> Outcome | None:
        """A picture; None for a file that cannot be read."""
        assert claim.holding is not None
        if claim.candidate.is_local:
            try:
                data = await asyncio.to_thread(_read, claim.candidate, self._max_bytes)
            except OSError as error:
                self._bad.add(BadRow(claim.candidate.url, f"cannot be read: {error.strerror or error}"))
                self._claims.release(claim)
                return None
            await claim.holding.add(len(data))
            return await self._examined(claim, data, Response())
        want = Want(
            "image/*,*/*;q=0.8", self._max_bytes, look=_look, holding=claim.holding, conditions=_conditions(claim.known)
        )
        fetched = await self._context.fetcher.get(claim.candidate.url, want)
        opt_outs = fetched.opt_outs
        self._refuse_opted_out(opt_outs, "the answer's headers or the site say", fetched.status)
        response = Response(fetched.status, fetched.headers.get("ETag"), fetched.headers.get("Last-Modified"), opt_outs)
        if fetched.status == 304:
            return Outcome(claim, claim.take_all(), unchanged=True, response=response)
        return await self._examined(claim, fetched.body, response)

    async def _examined(self, claim: Claim, data: bytes, response: Response) -> Outcome:
        try:
            claim.candidate.refuse_other_bytes(data)
            examined = await self._examiners.examine(data)
            if examined.file.prohibits_mining:
                response = replace(response, opt_outs=declared(response.opt_outs, ("plus",)))
                if not claim.candidate.is_local:
                    self._refuse_opted_out(response.opt_outs, "the file says", response.http_status)
            if why := self._takedowns.refusal(examined):
                raise FetchFailed("takedown", why)
        except FetchFailed as failure:
            failure.http_status = failure.http_status or response.http_status
            raise
        return Outcome(claim, claim.take_all(), data, examined, response=response)

    def _refuse_opted_out(self, found: tuple[str, ...], who: str, status: int | None) -> None:
        directive = opted_out(found, self._context.overrides)
        if directive:
            raise FetchFailed("opted_out", f"{who} {directive}", http_status=status, opt_outs=found)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._fatal.done():
            self._fatal.set_exception(error)

    # ---- after the commit -----------------------------------------------------------------------------------

    def _committed(self, batch: Sequence[Recorded]) -> None:
        for recorded in batch:
            tally, claim, outcome = self._tally, recorded.outcome.claim, recorded.outcome
            tally.new_images += recorded.new_image
            tally.new_candidates += recorded.new_candidates
            if recorded.reason is not None:
                tally.reasons[recorded.reason] += 1
            elif outcome.examined is not None:
                tally.fetched += 1
                tally.without_category += not any(one.category for one in outcome.candidates)
                tally.bytes += outcome.examined.facts.bytes
            if claim.holding is not None:
                claim.holding.give_back()
            if claim.others and recorded.has_picture:  # mentioned again while this was written
                candidates = tuple(claim.others)
                claim.others = []
                self._spawn(self._recorder.put(Outcome(claim, candidates)))
            else:
                self._claims.release(claim)
        self._show()

    def _show(self) -> None:
        if self._progress is not None:
            tally = self._tally
            left_out = sum(tally.reasons.values()) + self._bad.count
            note = f"{tally.new_images:,} new" + (f", {left_out:,} left out" if left_out else "")
            self._progress(tally.settled, self._intake.total, note)


def _line_of(url: str) -> str:
    """The host of a URL as it is written. The pace is kept by `Host`, also where one host has several lines."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()


def _look(kind: str, first: bytes) -> None:
    """Leave a page that was served in place of a picture as soon as its first bytes are there."""
    if kind.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml") and first.lstrip()[:1] == b"<":
        raise FetchFailed("not_image", "a page was served, not a picture")


def _conditions(known: Known | None) -> dict[str, str]:
    """What makes a request for a picture that is here a question whether it is still the same."""
    if known is None:
        return {}
    named = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in named.items() if value}


def _read(candidate: Candidate, max_bytes: int) -> bytes:
    """The bytes of a local picture."""
    if candidate.read is not None:
        data = candidate.read()
    else:
        assert candidate.path is not None
        with candidate.path.open("rb") as file:
            data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise FetchFailed("too_large", f"is larger than {max_bytes:,} bytes")
    return data
