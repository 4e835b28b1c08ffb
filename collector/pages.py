"""What one HTML page offers: its pictures with caption, licence and author, its links, its robots directives.

Pure: bytes in, a `Page` out. Never raises, whatever the bytes are; all addresses are absolute http(s).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, LexborNode

from collector.charsets import decoded
from collector.heads import Head
from collector.licenses import spdx
from collector.links import absolute, is_picture_link
from collector.microdata import marked_pictures
from collector.renditions import enclosing_link, is_decoration, renditions
from collector.structured import StructuredPicture, structured_pictures
from collector.surroundings import AROUND, Surroundings, ancestor, attribute, clean, is_license, words

_CREDIT_WORDS = re.compile(
    r"^(?:(?:photo(?:graph)?|picture|image|foto)?\b\s*(?:credits?\b)?\s*(?:by\b|:)|©)[\s:]*", re.IGNORECASE
)
_MAX_LINKS = 5000
_MAX_PICTURES = 5000
_MAX_ELEMENTS = 20_000
"""<img> and <a> elements looked at, also where they name the same pictures again."""
_MAX_TAGS = 25_000
"""Tags of a page that are read. Parsers take time that grows with the square of what is nested or left open."""
_TAG = re.compile(r"<[a-zA-Z/]")
_ABOUT_LEVELS = 6
_PAGE_NUMBER = re.compile(r"(?:^|[?&/_-])(?:page|p|paged|offset|start)(?:=|/|-|_)?\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Picture:
    """One picture a page shows, in its largest rendition."""

    url: str
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None


@dataclass(frozen=True)
class Link:
    """Another page; `pagination` when it continues this one."""

    url: str
    pagination: bool = False


@dataclass(frozen=True)
class Page:
    """All that a crawl needs of a page."""

    title: str | None = None
    pictures: tuple[Picture, ...] = ()
    links: tuple[Link, ...] = ()
    directives: frozenset[str] = field(default=frozenset())
    """Robots directives for us, with `tdmrep` where the page reserves data mining."""
    reservation: bool | None = None
    """What the page's own `tdm-reservation` says; None where it says nothing."""


def read_page(html: bytes | str, url: str) -> Page:
    """What a page at `url` offers. Broken markup gives what can be read of it, in the worst case an empty page."""
    text = html if isinstance(html, str) else decoded(html)
    try:
        # Without events: a <selectedcontent> would copy what is in the page once more, and copies within copies.
        tree = LexborHTMLParser(_bounded(text), options=LexborDocumentOptions.WO_EVENTS.value)
    except Exception:  # selectolax raises bare exceptions for input that is no text at all
        return Page()
    if tree.root is None:
        return Page()
    base = _base(tree, url)
    head = Head.of(tree)
    page_license, page_author = _linked_license(tree, base) or head.license, head.author
    pictures: dict[str, Picture] = {}
    for picture in _all_pictures(tree, base, head):
        if len(pictures) >= _MAX_PICTURES:
            break
        picture = replace(picture, license=picture.license or page_license, author=picture.author or page_author)
        known = pictures.get(picture.url)
        pictures[picture.url] = picture if known is None else _joined(known, picture)
    directives = head.directives
    links: dict[str, Link] = {}
    if "nofollow" not in directives:
        for link in _links(tree, base):
            if len(links) >= _MAX_LINKS:
                break
            if link.url not in links or link.pagination:
                links[link.url] = link
    title = words(tree.css_first("title"))
    return Page(title, tuple(pictures.values()), tuple(links.values()), directives, head.reservation)


def _bounded(text: str) -> str:
    """A page up to the tags that are read of it."""
    if text.count("<") <= _MAX_TAGS:
        return text
    last = next(islice(_TAG.finditer(text), _MAX_TAGS, None), None)
    return text if last is None else text[: last.start()]


def _described(tree: LexborHTMLParser, base: str) -> dict[str, StructuredPicture]:
    """Pictures that JSON-LD, microdata or RDFa describe, by every address they go by."""
    found = structured_pictures(_scripts(tree), base)
    for picture in marked_pictures(tree, base):
        known = found.get(picture.url)
        found[picture.url] = picture if known is None else _both(known, picture)
        if picture.thumbnail:
            found.setdefault(picture.thumbnail, picture)
    return found


def _all_pictures(tree: LexborHTMLParser, base: str, head: Head) -> Iterator[Picture]:
    described = _described(tree, base)
    for picture in described.values():
        yield _plain(picture)
    inside_links: set[str] = set()
    surroundings = Surroundings.of(tree)
    for image in tree.css("img, amp-img")[:_MAX_ELEMENTS]:
        offered = renditions(image, base)
        if link := enclosing_link(image, base):
            inside_links.add(link)
        known = next((described[url] for url in offered if url in described), None)
        chosen = known.url if known else next(iter(offered), None)
        if chosen is None or is_decoration(image):
            continue
        yield _in_context(chosen, image, attribute(image, "alt"), surroundings, base)
    for anchor in tree.css("a[href]")[:_MAX_ELEMENTS]:
        target = absolute(base, attribute(anchor, "href"))
        if target and target not in inside_links and is_picture_link(target):
            yield _in_context(target, anchor, words(anchor), surroundings, base)
    for picture in head.pictures(base):
        yield _plain(picture)
    for node in tree.css("link[rel=image_src]")[:_MAX_ELEMENTS]:
        target = absolute(base, attribute(node, "href"))
        if target:
            yield Picture(target)


def _in_context(url: str, node: LexborNode, caption: str | None, surroundings: Surroundings, base: str) -> Picture:
    around = ancestor(node, AROUND)
    return Picture(
        url,
        title=attribute(node, "title"),
        caption=_figcaption(surroundings, around) or caption,
        license=_near_license(surroundings, around, base),
        author=_near_author(surroundings, around),
    )


def _plain(picture: StructuredPicture) -> Picture:
    return Picture(picture.url, picture.title, picture.caption, picture.license, picture.author)


def _links(tree: LexborHTMLParser, base: str) -> Iterator[Link]:
    for node in tree.css("link[rel][href], a[href], area[href]"):
        relation = (attribute(node, "rel") or "").lower().split()
        following = "next" in relation or "prev" in relation
        if (node.tag == "link" and not following) or "nofollow" in relation or is_license(node):
            continue
        target = absolute(base, attribute(node, "href"))
        if target and not is_picture_link(target):
            yield Link(target, following or bool(_PAGE_NUMBER.search(target.partition("://")[2])))


def _linked_license(tree: LexborHTMLParser, base: str) -> str | None:
    """The licence of the whole page: `rel=license` outside any one picture's element."""
    for node in tree.css("link[rel][href], a[rel][href]"):
        if is_license(node) and ancestor(node, ("figure", "li")) is None and not _is_about_another(node):
            return _license_of(node, base)
    return None


def _is_about_another(node: LexborNode) -> bool:
    """Whether a licence stands within an element that is about one picture (ccREL's `about`)."""
    parent = node.parent
    for _ in range(_ABOUT_LEVELS):
        if parent is None:
            return False
        if attribute(parent, "about"):
            return True
        parent = parent.parent
    return False


def _near_license(surroundings: Surroundings, around: LexborNode | None, base: str) -> str | None:
    node = surroundings.licenses.get(around.mem_id) if around is not None else None
    return _license_of(node, base) if node is not None else None


def _license_of(node: LexborNode, base: str) -> str | None:
    href = absolute(base, attribute(node, "href"))
    said = spdx(words(node) or "")
    found = spdx(href) if href else said
    return (said if found == href and said.startswith("CC") else found) or None


def _near_author(surroundings: Surroundings, around: LexborNode | None) -> str | None:
    credit = _credit(surroundings, around)
    return clean(_CREDIT_WORDS.sub("", credit)) if credit else None


def _figcaption(surroundings: Surroundings, around: LexborNode | None) -> str | None:
    """The words under a picture, without the credit at their end."""
    caption = words(surroundings.captions.get(around.mem_id)) if around is not None else None
    credit = _credit(surroundings, around)
    return clean(caption.removesuffix(credit)) or caption if caption and credit else caption


def _credit(surroundings: Surroundings, around: LexborNode | None) -> str | None:
    return words(surroundings.credits.get(around.mem_id)) if around is not None else None


def _scripts(tree: LexborHTMLParser) -> list[str]:
    return [
        node.text(deep=True)
        for node in tree.css("script[type]")
        if "ld+json" in (attribute(node, "type") or "").lower()
    ]


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (absolute(url, attribute(node, "href")) if node is not None else None) or url


def _both(first: StructuredPicture, second: StructuredPicture) -> StructuredPicture:
    return StructuredPicture(
        first.url,
        first.title or second.title,
        first.caption or second.caption,
        first.license or second.license,
        first.author or second.author,
        first.thumbnail or second.thumbnail,
    )


def _joined(first: Picture, second: Picture) -> Picture:
    """What two mentions of one picture say together; the first wins."""
    return Picture(
        first.url,
        first.title or second.title,
        first.caption or second.caption,
        first.license or second.license,
        first.author or second.author,
    )
