"""Sitemaps (sitemaps.org, with the image extension): pages, pictures and further sitemaps that one file lists.

Read tag by tag, in one pass: no tree is built, no entity but HTML's is expanded, and broken XML says what it can.
"""

import html
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from collector.licenses import spdx
from collector.links import absolute

_MAX_BYTES = 50 * 2**20
"""The protocol's own limit for one sitemap, uncompressed."""
_MAX_PAGES = 50_000
"""The protocol's limit too, as for the sitemaps in an index."""
_MAX_PICTURES = 100_000
_MAX_TAGS = 1_000_000
_MAX_TEXT = 4000


@dataclass(frozen=True)
class SitemapPicture:
    """A picture that a sitemap lists for one page, with what it says of it."""

    page: str
    url: str
    title: str | None = None
    caption: str | None = None
    license: str | None = None


@dataclass(frozen=True)
class Sitemap:
    """What one sitemap lists."""

    pages: tuple[str, ...] = ()
    pictures: tuple[SitemapPicture, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """A sitemap, sitemap index or plain list, gzipped or not. Never raises; nonsense lists nothing."""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, _MAX_BYTES)
        except zlib.error:
            return Sitemap()
    utf16 = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = body[:_MAX_BYTES].decode("utf-16" if utf16 else "utf-8-sig", errors="replace")
    if "<" not in text:
        lines = (absolute(url, line) for line in text.splitlines()[:_MAX_PAGES])
        return Sitemap(pages=tuple(dict.fromkeys(line for line in lines if line)))
    pages: dict[str, None] = {}
    sitemaps: dict[str, None] = {}
    pictures: dict[tuple[str, str], SitemapPicture] = {}
    page, within, listed = url, "", 0
    said: dict[str, str] = {}
    for tag, content in islice(_tags(text), _MAX_TAGS):
        name = "/" * tag.startswith("/") + tag.removeprefix("/").rpartition(":")[2]
        if name in ("sitemap", "url"):
            within = name
        elif name == "image":
            within, said = name, {}
        elif name == "/image":
            within = "url"
            if len(pictures) < _MAX_PICTURES and (address := absolute(url, said.get("loc"))):
                license_ = said.get("license")
                one = SitemapPicture(
                    page, address, said.get("title"), said.get("caption"), spdx(license_) if license_ else None
                )
                pictures.setdefault((page, address), one)
        elif within == "image" and name in ("loc", "title", "caption", "license"):
            said.setdefault(name, content)
        elif name == "loc":
            listed += 1
            if listed > _MAX_PAGES:
                break
            if address := absolute(url, content):
                if within == "sitemap":
                    sitemaps[address] = None
                else:
                    page = address
                    pages[address] = None
    return Sitemap(tuple(pages), tuple(pictures.values()), tuple(sitemaps))


def _tags(text: str) -> Iterator[tuple[str, str]]:
    """Each tag's name in lower case ("/name" for an end) with the text up to the next tag."""
    at = text.find("<")
    while at >= 0:
        if text.startswith("<!--", at):
            end = text.find("-->", at)
            at = text.find("<", end) if end >= 0 else -1
            continue
        end = text.find(">", at)
        if end < 0:
            return
        name = text[at + 1 : min(end, at + 100)].split(None, 1)
        content, at = _text(text, end + 1)
        yield (name[0].removesuffix("/").lower() if name else ""), content


def _text(text: str, at: int) -> tuple[str, int]:
    """The text from a place on, CDATA included, and where the next tag begins (-1: nowhere)."""
    parts: list[str] = []
    size = 0
    while True:
        begin = text.find("<", at)
        end = begin if begin >= 0 else len(text)
        if size < _MAX_TEXT:
            parts.append(html.unescape(text[at : min(end, at + _MAX_TEXT)]))
            size += len(parts[-1])
        if begin < 0 or not text.startswith("<![CDATA[", begin):
            return " ".join("".join(parts).split()), begin
        end = text.find("]]>", begin)
        if end < 0:
            return " ".join("".join(parts).split()), -1
        if size < _MAX_TEXT:
            parts.append(text[begin + 9 : min(end, begin + 9 + _MAX_TEXT)])
            size += len(parts[-1])
        at = end + 3
