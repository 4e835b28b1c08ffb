"""Sitemaps (sitemaps.org, with the image extension): pages, pictures and further sitemaps that one file lists."""

import logging
import zlib
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from collector.pages import absolute

log = logging.getLogger("cairn.collect")
_MAX_BYTES = 50 * 2**20
"""The protocol's own limit for one sitemap, uncompressed."""


@dataclass(frozen=True)
class Sitemap:
    """What one sitemap lists; `pictures` maps a page to the pictures on it."""

    pages: tuple[str, ...] = ()
    pictures: tuple[tuple[str, str], ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(body: bytes, url: str) -> Sitemap:
    """A sitemap, sitemap index or plain list, gzipped or not. Never raises; nonsense lists nothing."""
    if body.startswith(b"\x1f\x8b"):
        try:
            body = zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, _MAX_BYTES)
        except zlib.error:
            return Sitemap()
    text = body.decode("utf-8-sig", errors="replace")
    if "<" not in text:
        lines = (absolute(url, line) for line in text.splitlines())
        return Sitemap(pages=tuple(dict.fromkeys(line for line in lines if line)))
    try:
        # An HTML parser on purpose: it expands no entities, loads nothing and survives broken files.
        root = LexborHTMLParser(text).root
    except Exception:  # whatever a parser in C makes of a hostile file: it is a sitemap that lists nothing
        log.warning("the sitemap %s cannot be read", url, exc_info=True)
        return Sitemap()
    pages: dict[str, None] = {}
    pictures: dict[tuple[str, str], None] = {}
    sitemaps: dict[str, None] = {}
    page = url
    for node in root.traverse(include_text=False) if root is not None else ():
        if node.tag not in ("loc", "image:loc"):
            continue
        address = absolute(url, node.text(deep=True))
        if address is None:
            continue
        parent = node.parent.tag if node.parent is not None else ""
        if node.tag == "image:loc":
            pictures[page, address] = None
        elif parent == "sitemap":
            sitemaps[address] = None
        else:
            page = address
            pages[address] = None
    return Sitemap(tuple(pages), tuple(pictures), tuple(sitemaps))
