"""Two APIs on loopback that answer as their documentation says, limits and errors included, and count what was asked.

The shapes follow the documentation, not a recording: Commons' by https://www.mediawiki.org/wiki/API:Query,
API:Imageinfo, API:Categorymembers, API:Search, API:Errors_and_warnings (formatversion 2) and Manual:Maxlag_parameter;
Openverse's by https://api.openverse.org/v1/ and the examples and limits in the API's own repository,
WordPress/openverse (`api/api/examples/`, `restricted_features.py`, `throttle.py`).
"""

import asyncio
import hashlib
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from collector import Categories, Context, Source
from collector.addresses import AllowList
from collector.fetching import Fetcher
from collector.found import Found
from tests.collector.site import Site, jpeg

Trouble = Callable[[web.Request], Awaitable[web.StreamResponse]]


def found_by(source: Source, site: Site) -> tuple[list[Found], Fetcher]:
    """What a source finds for the category car, without fetching the pictures; and the fetcher that it asked by."""

    async def gather() -> tuple[list[Found], Fetcher]:
        allow = AllowList.parse([site.netloc])
        async with Fetcher(user_agent="x", allow=allow, delay=0, per_host=1, in_flight=1, timeout=5) as fetcher:
            return [one async for one in source.candidates(Context(fetcher, Categories({"car": 1})))], fetcher

    return asyncio.run(gather())


class Api:
    """What both have in common: troubles that come before the next answers, and a record of the requests."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.pictures = site
        self.troubles: deque[Trouble] = deque()
        self.asked: list[dict[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self.most_at_once = 0
        self._now = 0

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        self.asked.append(dict(request.query))
        self.headers.append(request.headers)
        try:
            if self.troubles:
                return await self.troubles.popleft()(request)
            return await self.answer(request)
        finally:
            self._now -= 1

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """What the API says when nothing is wrong with it."""
        raise NotImplementedError

    def picture(self, number: int) -> str:
        """The address of a real JPEG of its own for each number."""
        return self.pictures.put(f"/pictures/{number}.jpg", jpeg(number))


def says(data: object, status: int = 200, **headers: str) -> Trouble:
    """An answer in JSON, whatever was asked."""

    async def trouble(_: web.Request) -> web.Response:
        return _json(data, status, headers)

    return trouble


def sends(body: str, kind: str, status: int = 200) -> Trouble:
    """A body that is not the API's JSON."""

    async def trouble(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type=kind, status=status)

    return trouble


async def hangs(_: web.Request) -> web.StreamResponse:
    """Nothing, for longer than anybody waits."""
    await asyncio.sleep(60)
    raise AssertionError("the client has gone by now")


def maxlag(retry_after: int) -> Trouble:
    """MediaWiki's refusal while its databases lag behind: status 200, an error, and how long to wait."""
    error = {"code": "maxlag", "info": "Waiting for 10.64.16.7: 6.2 seconds lagged.", "host": "10.64.16.7", "lag": 6.2}
    return says({"error": error, "servedby": "mw1"}, Retry_After=str(retry_after), X_Database_Lag="6")


def _json(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    named = {key.replace("_", "-"): value for key, value in (headers or {}).items()}
    return web.Response(text=json.dumps(data), content_type="application/json", status=status, headers=named)


# Wikimedia Commons


@dataclass(frozen=True)
class File:
    """One file page of the fake."""

    number: int
    title: str
    categories: tuple[str, ...] = ()
    mime: str = "image/jpeg"
    told: Mapping[str, str] = field(default_factory=dict)
    """Its extmetadata: HTML by name."""
    width: int = 4000
    bytes_of: int | None = None
    """The number of another file whose bytes it has."""


class FakeCommons(Api):
    """`/w/api.php` of a wiki with `files` and a tree of `subcategories`; a search finds words in titles."""

    def __init__(
        self, site: Site, files: Sequence[File], subcategories: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        super().__init__(site)
        self.files = list(files)
        self.subcategories = dict(subcategories or {})
        self.most_a_page = 50
        self.infos_an_answer = 500
        """Files whose imageinfo fits into one answer; the rest comes by `iicontinue`."""
        self.warning: str | None = None
        self.api = site.on("/w/api.php", self._answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One query."""
        q = request.query
        assert (q["action"], q["format"], q["formatversion"]) == ("query", "json", "2")
        assert q["maxlag"] == "5"
        data = self._subcategories(q) if q.get("list") == "categorymembers" else self._files(q)
        if self.warning:
            data["warnings"] = {"main": {"warnings": self.warning}}
        response = _json(data)
        response.enable_compression()
        return response

    def _subcategories(self, q: Mapping[str, str]) -> dict[str, Any]:
        assert q["cmtype"] == "subcat"
        below = self.subcategories.get(q["cmtitle"], ())
        members = [{"pageid": 9000 + n, "ns": 14, "title": title} for n, title in enumerate(below)]
        return self._page("cm", q, members, lambda shown: {"categorymembers": shown})

    def _files(self, q: Mapping[str, str]) -> dict[str, Any]:
        if q["generator"] == "search":
            assert q["gsrnamespace"] == "6"
            kind, _, words = q["gsrsearch"].partition(" ")
            assert kind == "filetype:bitmap"
            found = [
                (file, {"index": n + 1})
                for n, file in enumerate(
                    file for file in self.files if words.lower() in file.title.lower() and file.mime != "audio/ogg"
                )
            ]
            prefix = "gsr"
        else:
            assert (q["generator"], q["gcmtype"]) == ("categorymembers", "file")
            found = [(file, {}) for file in self.files if q["gcmtitle"] in file.categories]
            prefix = "gcm"
        return self._page(prefix, q, found, lambda shown: self._with_infos(q, shown))

    def _with_infos(self, q: Mapping[str, str], shown: Sequence[tuple[File, dict[str, int]]]) -> dict[str, Any]:
        first = int(q.get("iicontinue", "0"))
        pages = []
        for n, (file, rank) in enumerate(shown):
            page: dict[str, Any] = {"pageid": file.number, "ns": 6, "title": file.title, **rank}
            if first <= n < first + self.infos_an_answer:
                page["imageinfo"] = [self._info(file, q)]
            pages.append(page)
        pages.sort(key=lambda page: page["pageid"])  # as the wiki does, whatever the generator's order
        query: dict[str, Any] = {"pages": pages} if pages else {}
        if first + self.infos_an_answer < len(shown):
            query["iicontinue"] = str(first + self.infos_an_answer)
        return query

    def _page(
        self, prefix: str, q: Mapping[str, str], found: Sequence[Any], shape: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        name = "gsroffset" if prefix == "gsr" else f"{prefix}continue"
        size = min(int(q[f"{prefix}limit"]), self.most_a_page)
        first = int(q.get(name, "0"))
        query = shape(found[first : first + size])
        following = query.pop("iicontinue", None)
        data: dict[str, Any] = {"query": query} if query else {}
        if following is not None:
            data["continue"] = {"iicontinue": following, "continue": f"{name}||", **({name: first} if first else {})}
            return data
        data["batchcomplete"] = True
        if first + size < len(found):
            data["continue"] = {name: first + size if prefix == "gsr" else str(first + size), "continue": f"{name}||"}
        return data

    def _info(self, file: File, q: Mapping[str, str]) -> dict[str, Any]:
        asked = set(q["iiprop"].split("|"))
        assert asked == {"url", "size", "mime", "sha1", "extmetadata"}
        told = {name: {"value": html, "source": "commons-desc-page"} for name, html in file.told.items()}
        info: dict[str, Any] = {
            "size": 123456,
            "width": file.width,
            "height": 3000,
            "url": self.picture(file.number),
            "descriptionurl": f"https://commons.example/wiki/{file.title.replace(' ', '_')}",
            "descriptionshorturl": f"https://commons.example/w/index.php?curid={file.number}",
            "sha1": hashlib.sha1(jpeg(file.bytes_of or file.number), usedforsecurity=False).hexdigest(),
            "mime": file.mime,
            "extmetadata": told,
        }
        if "iiurlwidth" in q and file.mime.startswith("image/"):
            width = int(q["iiurlwidth"])
            smaller = width < file.width
            info["thumburl"] = self.picture(1000 * width + file.number) if smaller else info["url"]
            info |= {"thumbwidth": min(width, file.width), "thumbheight": 750}
            if smaller:
                info["thumbmime"] = "image/jpeg" if file.mime == "image/tiff" else file.mime
        return info


# Openverse


class FakeOpenverse(Api):
    """`/v1/` with `found` results of every query; a key is known where `key` has one."""

    def __init__(self, site: Site, found: int, key: tuple[str, str] | None = None) -> None:
        super().__init__(site)
        self.found = found
        self.key = key
        self.tokens: list[str] = []
        self.rate = "6000/min"
        self.licences: Mapping[str, Any] = {
            "license": "by-sa",
            "license_version": "2.0",
            "license_url": "https://creativecommons.org/licenses/by-sa/2.0/",
        }
        site.on("/v1/images/", self._answer)
        site.on("/v1/auth_tokens/token/", self._token)
        self.api = site.url("/v1/")

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One page of a search."""
        q = request.query
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer and bearer not in self.tokens:
            return _json({"detail": "Authentication credentials were not provided."}, 401)
        scope = "oauth2_client_credentials_burst" if bearer else "anon_burst"
        headers = {f"X-RateLimit-Limit-{scope}": self.rate, f"X-RateLimit-Available-{scope}": "19"}
        number, size = int(q["page"]), int(q["page_size"])
        most = 50 if bearer else 20
        if size > most:
            whose = "authenticated" if bearer else "anonymous"
            words = f"page_size may not exceed {most} for {whose} requests"
            return _json({"detail": words}, 400 if bearer else 401, headers)
        if number * size > 240:
            return _json({"detail": "Pagination depth may not exceed 240 results."}, 400 if bearer else 401, headers)
        for name in q.get("license", "by").split(","):
            if name not in ("by", "by-sa", "cc0", "pdm"):
                words = f"Invalid input given for fields. 'license' -> License '{name}' does not exist."
                return _json({"error": "InputError", "detail": words, "fields": ["license"]}, 400, headers)
        shown = range((number - 1) * size, min(number * size, self.found))
        data = {
            "result_count": min(self.found, 240),
            "page_count": min(-(-self.found // size), 240 // size),
            "page_size": size,
            "page": number,
            "results": [self._result(n) for n in shown],
        }
        return _json(data, headers=headers)

    def _result(self, n: int) -> dict[str, Any]:
        name = f"00000000-0000-4000-8000-{n:012d}"
        return {
            "id": name,
            "title": f"Tram {n}",
            "indexed_on": "2022-08-27T17:39:48Z",
            "foreign_landing_url": f"https://photos.example/{n}",
            "url": self.picture(n),
            "creator": "Ann Lee",
            "creator_url": "https://photos.example/ann",
            **self.licences,
            "provider": "flickr",
            "source": "flickr",
            "category": None,
            "filesize": None,
            "filetype": None,
            "tags": [
                {"accuracy": None, "name": "tram", "unstable__provider": "flickr"},
                {"accuracy": None, "name": "prague", "unstable__provider": "flickr"},
                {"accuracy": 0.95, "name": "vehicle", "unstable__provider": "machine"},
            ],
            "attribution": f'"Tram {n}" by Ann Lee is licensed under CC BY-SA 2.0.',
            "fields_matched": ["title"],
            "mature": False,
            "height": 683,
            "width": 1024,
            "thumbnail": f"{self.api}images/{name}/thumb/",
            "detail_url": f"{self.api}images/{name}/",
            "related_url": f"{self.api}images/{name}/related/",
            "unstable__sensitivity": [],
        }

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return _json({"error": "unsupported_grant_type"}, 400)
        if (form.get("client_id"), form.get("client_secret")) != self.key:
            return _json({"error": "invalid_client"}, 401)
        self.tokens.append(f"token{len(self.tokens)}")
        scope = {"expires_in": 36000, "token_type": "Bearer", "scope": "read write"}
        return _json({"access_token": self.tokens[-1], **scope})
