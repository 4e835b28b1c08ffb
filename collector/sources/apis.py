"""What sources that ask an API share: one polite JSON request, and queries of which one that fails ends no other.

robots.txt is for crawlers; an API is an interface that its owner publishes for programs, so requests to it are not
held to robots.txt (Commons closes `/w/` to crawlers and documents `/w/api.php` for scripts) but to the API's own terms.
Addresses are checked all the same, the host's pace is kept, and the pictures that an API names obey robots.txt.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDictProxy
from yarl import URL

from collector.errors import CollectError, FetchFailed
from collector.fetching import Fetcher, Want
from collector.found import BadRow, Candidate, Found
from collector.queries import Query
from label_store import UsageError

log = logging.getLogger("cairn.collect")

MAX_BYTES = 16 * 2**20
"""Of one answer, unpacked: above MediaWiki's own bound of 12 MiB."""
_EXPLAINED = (400, 401, 403, 404)
"""Errors whose body says what was wrong."""
_ODD_SHAPE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading JSON of another shape than documented ends in."""


class ApiFailed(CollectError):
    """An API gave no result. `for_all`: every other query would end so now (unreachable, busy, no such key)."""

    def __init__(self, sentence: str, *, hint: str = "", for_all: bool = True) -> None:
        super().__init__(sentence, hint=hint)
        self.for_all = for_all


class ApiUnreachable(ApiFailed):
    """The API did not answer, or something else answered in its place."""


@dataclass(frozen=True)
class Answer:
    """What an API said: a JSON object, with the status and headers that it came with."""

    status: int
    headers: CIMultiDictProxy[str]
    data: Mapping[str, Any]


async def ask(
    fetcher: Fetcher,
    name: str,
    url: str,
    parameters: Mapping[str, str],
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> Answer:
    """One request of the API that people know as `name`; with `form` it is posted.

    Statuses 400, 401, 403 and 404 come back as answers where they carry JSON. Raises ApiUnreachable when there was
    no JSON object to be had, and ApiFailed when the API asked to be left alone for longer than a run waits.
    """
    want = Want(
        "application/json",
        MAX_BYTES,
        compressed=True,
        robots=False,
        mining=False,
        headers=headers or {},
        form=form,
        errors=_EXPLAINED,
    )
    try:
        fetched = await fetcher.get(str(URL(url).with_query(dict(parameters))), want)
    except FetchFailed as failure:
        if failure.http_status in (429, 503) or failure.retry_at is not None:
            raise ApiFailed(f"{name} is busy: it {failure.detail}", hint="run the same command again later") from None
        raise ApiUnreachable(
            f"{name} cannot be reached from here ({failure.detail})",
            hint="check the connection, then run the same command again",
        ) from None
    try:
        data = json.loads(fetched.body)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        kind = fetched.headers.get("Content-Type", "nothing said of its kind").partition(";")[0]
        raise ApiUnreachable(
            f"{name} cannot be reached from here: {url} answered {fetched.status} with {kind} where JSON was due",
            hint="check the address in a browser: it is no API, or a network that asks for a sign-in answers for it",
        )
    return Answer(fetched.status, fetched.headers, data)


def text_of(value: object) -> str | None:
    """A text of an answer on one line, at most 1,000 characters; None for what is empty or no text."""
    return " ".join(value.split())[:1000] or None if isinstance(value, str) else None


def wanted_of(query: Query, limit: int) -> int:
    """Pictures wanted of a query: its own number, else the source's."""
    return limit if query.limit is None else query.limit


def check_queries(queries: Sequence[Query], limit: int) -> None:
    """Raise UsageError unless there is something to ask and some of it is wanted."""
    if not queries:
        raise UsageError("there is nothing to search for", hint="say --category, and --query where its name is not it")
    if any(not query.words.strip() for query in queries):
        raise UsageError("a query has no words", hint="say --query WORDS")
    if limit < 1:
        raise UsageError(f"--limit {limit} wants no pictures", hint="say at least 1")


async def each_query(
    name: str, queries: Sequence[Query], search: Callable[[Query], AsyncIterator[Candidate]]
) -> AsyncIterator[Found]:
    """The candidates of every query, one query after another.

    A query that fails is a BadRow and the next one is asked. A failure that holds for all is raised where nothing was
    found yet; later it is a BadRow of all queries that are left, so that pictures on their way still arrive.
    """
    anything = False
    for number, query in enumerate(queries):
        try:
            async for candidate in search(query):
                anything = True
                yield candidate
        except (ApiFailed, *_ODD_SHAPE) as error:
            failure = error if isinstance(error, ApiFailed) else _odd_shape(name, error)
            if failure.for_all and not anything:
                raise failure from None
            left = queries[number:] if failure.for_all else (query,)
            words = ", ".join(repr(one.words) for one in left)
            yield BadRow(f"{name}: {words[:500]}", str(failure), rows=len(left))
            if failure.for_all:
                return


def _odd_shape(name: str, error: Exception) -> ApiFailed:
    log.warning("an answer of %s has not the documented shape", name, exc_info=error)
    return ApiFailed(f"{name} answered in another shape than it documents ({error})", for_all=False)
