"""`openverse`: openly licensed pictures of many museums and sites, found by Openverse's image search.

The API: https://api.openverse.org/v1/. Its limits: https://docs.openverse.org/api/reference/authentication_and_throttling.html
and `api/api/constants/restricted_features.py` of WordPress/openverse; its terms forbid to scrape the catalogue.
"""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from yarl import URL

from collector.found import Candidate, Categories, Context, Found
from collector.licenses import spdx
from collector.queries import Query
from collector.sources.apis import Answer, ApiFailed, ask, check_queries, each_query, text_of, wanted_of
from label_store import UsageError

API = "https://api.openverse.org/v1/"
NAME = "Openverse"
MOST = 240
"""Results of one query that anybody may page through, with a key or without."""
LICENSES = ("by", "by-nc", "by-nc-nd", "by-nc-sa", "by-nd", "by-sa", "cc0", "nc-sampling+", "pdm", "sampling+")
LICENSE_TYPES = ("all", "all-cc", "commercial", "modification")
_ANONYMOUS_PAGE, _PAGE = 20, 48  # with a key up to 50 a page; 48 divides MOST
_MOST_CHARACTERS = 200
_SECONDS = {"s": 1, "m": 60}
"""Of the periods of rate limits that a run keeps by its pace; a limit by the hour or day is met, then waited for."""


@dataclass(frozen=True)
class Openverse:
    """What Openverse finds for each query."""

    queries: tuple[Query, ...]
    limit: int = 200
    """Pictures of each query that says no number of its own; neither is more than MOST."""
    licenses: tuple[str, ...] = ()
    """Only these, of LICENSES."""
    license_types: tuple[str, ...] = ()
    """Only licences of all these groups, of LICENSE_TYPES."""
    mature: bool = False
    """Also what is marked as not for everybody."""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    """Of a registered application; without it Openverse answers fewer requests."""
    api: str = API

    name = "openverse"

    def named_categories(self) -> Collection[str]:
        """What the queries are for."""
        return {query.category for query in self.queries}

    def check(self, categories: Categories, category: str | None) -> None:
        """There is something to ask for that Openverse's terms allow, and the filters are its own."""
        check_queries(self.queries, self.limit)
        if max(self.limit, *(wanted_of(query, 0) for query in self.queries)) > MOST:
            raise UsageError(
                f"{NAME} shows at most {MOST} results of one query, and its terms forbid to get around it",
                hint=f"say --limit {MOST}, and more queries: --query WORDS",
            )
        for option, given, known in (
            ("--license", self.licenses, LICENSES),
            ("--license-type", self.license_types, LICENSE_TYPES),
        ):
            for word in given:
                if word.lower() not in known:
                    raise UsageError(f"{option} {word!r} is none of {NAME}'s", hint=f"one of {', '.join(known)}")
        for query in self.queries:
            if len(query.words) > _MOST_CHARACTERS:
                raise UsageError(
                    f"the query {query.words[:40]!r}… is longer than the {_MOST_CHARACTERS} that {NAME} reads",
                    hint="say it in fewer words",
                )
        if bool(self.client_id) != bool(self.client_secret):
            missing = "openverse_client_secret" if self.client_id else "openverse_client_id"
            raise UsageError(f"{NAME}'s key is not whole: {missing} is empty", hint="set both, or none")

    def total(self) -> int | None:
        """The most that can come."""
        return sum(wanted_of(query, self.limit) for query in self.queries)

    @property
    def page_size(self) -> int:
        """Results of one request."""
        return _PAGE if self.client_id else _ANONYMOUS_PAGE

    async def candidates(self, context: Context) -> AsyncIterator[Found]:
        """Pictures query by query, a page of the API at a time."""
        asking = _Asking(self, context)
        async for found in each_query(NAME, self.queries, asking.search):
            yield found


class _Asking:
    """The requests of one run, and the token that they carry."""

    def __init__(self, source: Openverse, context: Context) -> None:
        self._source, self._context = source, context
        self._token = ""

    async def search(self, query: Query) -> AsyncIterator[Candidate]:
        """The different pictures wanted of one query; no page is asked for beyond what is wanted and allowed."""
        wanted = wanted_of(query, self._source.limit)
        if wanted < 1:
            return
        size = min(self._source.page_size, wanted)
        category = self._context.categories.resolve(query.category) or query.category
        seen: set[str] = set()
        for number in range(1, MOST // size + 1):
            data = await self._page(query, number, size)
            for result in data["results"]:
                candidate = _candidate(result, query.words, category)
                if candidate is None or candidate.url in seen:
                    continue
                seen.add(candidate.url)
                yield candidate
                if len(seen) >= wanted:
                    return
            if number >= int(data["page_count"]):
                return

    async def _page(self, query: Query, number: int, size: int) -> Mapping[str, Any]:
        source = self._source
        parameters = {"q": query.words, "page": str(number), "page_size": str(size), "mature": _word(source.mature)}
        if source.licenses:
            parameters["license"] = ",".join(source.licenses).lower()
        if source.license_types:
            parameters["license_type"] = ",".join(source.license_types).lower()
        answer = await self._ask(parameters)
        if answer.status == 401 and self._token:  # tokens end after some hours; a run may take longer
            self._token = ""
            answer = await self._ask(parameters)
        if answer.status == 401:
            raise ApiFailed(f"{NAME} refused the request: {_detail(answer)}", hint=_KEY_HINT)
        if answer.status >= 400:
            raise ApiFailed(f"{NAME} answered {answer.status}: {_detail(answer)}", for_all=answer.status == 403)
        return answer.data

    async def _ask(self, parameters: Mapping[str, str]) -> Answer:
        headers: dict[str, str] = {}
        if self._source.client_id:
            self._token = self._token or await self._new_token()
            headers["Authorization"] = f"Bearer {self._token}"
        url = str(URL(self._source.api) / "images/")
        answer = await ask(self._context.fetcher, NAME, url, parameters, headers=headers)
        self._keep_pace(answer)
        return answer

    async def _new_token(self) -> str:
        """By client credentials (RFC 6749, 4.4); neither the secret nor the token is ever shown or recorded."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._source.client_id,
            "client_secret": self._source.client_secret,
        }
        url = str(URL(self._source.api) / "auth_tokens/token/")
        answer = await ask(self._context.fetcher, NAME, url, {}, form=form)
        token = answer.data.get("access_token")
        if answer.status != 200 or not isinstance(token, str):
            raise ApiFailed(f"{NAME} does not know this key ({_detail(answer)})", hint=_KEY_HINT)
        return token

    def _keep_pace(self, answer: Answer) -> None:
        """Ask no faster than the limits that came with an answer: `X-RateLimit-Limit-anon_burst: 20/min`."""
        for name, value in answer.headers.items():
            limit = re.fullmatch(r"(\d+)/([sm])\w*", value.strip())
            if limit and int(limit[1]) and name.lower().startswith("x-ratelimit-limit-"):
                self._context.fetcher.hosts.of(URL(self._source.api)).slow_down(_SECONDS[limit[2]] / int(limit[1]))


_KEY_HINT = "check openverse_client_id and openverse_client_secret; without both Openverse answers anybody, more slowly"


def _candidate(result: Mapping[str, Any], words: str, category: str) -> Candidate | None:
    url = result.get("url")
    if not isinstance(url, str) or not url:
        return None
    return Candidate(
        url=url,
        category=category,
        query=words,
        page_url=text_of(result.get("foreign_landing_url")),
        title=text_of(result.get("title")),
        caption=_tags(result.get("tags")),
        license=_license(result),
        author=text_of(result.get("creator")),
    )


def _tags(tags: Any) -> str | None:
    """The tags that people gave; those of machines have an accuracy."""
    names = [str(tag["name"]) for tag in tags or () if tag.get("name") and tag.get("accuracy") is None]
    return text_of(", ".join(dict.fromkeys(names)))


def _license(result: Mapping[str, Any]) -> str | None:
    """SPDX by its address, else by code and version; "pdm" is the Public Domain Mark."""
    code, version = str(result.get("license") or ""), str(result.get("license_version") or "")
    address = str(result.get("license_url") or "")
    known = spdx(address)
    if known != address:
        return known
    if code in ("cc0", "pdm"):
        return {"cc0": "CC0-1.0", "pdm": "CC-PDM-1.0"}[code]
    return spdx(f"CC {code} {version}".strip()) if code else address or None


def _detail(answer: Answer) -> str:
    """What an error says of itself, on one line; OAuth's errors have other names."""
    detail = next((answer.data[key] for key in ("detail", "error_description", "error") if answer.data.get(key)), "")
    return " ".join(str(detail).split())[:300] or "it does not say why"


def _word(value: bool) -> str:
    return "true" if value else "false"
