"""What one HTML page offers: its pictures with caption, licence and author, its links, its robots directives.

Pure: bytes in, a `Page` out. Never raises, whatever the bytes are; all addresses are absolute http(s).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from selectolax.lexbor import LexborHTMLParser, LexborNode
from yarl import URL

from collector.charsets import decoded
from collector.licenses import spdx
from collector.optout import PRODUCT, directives
from collector.structured import StructuredPicture, structured_pictures
from collector.surroundings import AROUND, Surroundings, ancestor, clean, words
from collector.tdmrep import NAME, reservation

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".jp2")
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-url")
_FULL = (
    "data-full",
    "data-full-src",
    "data-large",
    "data-large-src",
    "data-zoom-image",
    "data-hires",
    "data-orig",
)
_LAZY_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_CREDIT_WORDS = re.compile(
    r"^(?:(?:photo(?:graph)?|picture|image|foto)?\b\s*(?:credits?\b)?\s*(?:by\b|:)|©)[\s:]*", re.IGNORECASE
)
_MAX_LINKS = 5000
_MAX_PICTURES = 5000
_MAX_ELEMENTS = 20_000
"""<img> and <a> elements looked at, also where they name the same pictures again."""
_MAX_RENDITIONS = 100
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
        tree = LexborHTMLParser(text)
    except Exception:  # selectolax raises bare exceptions for input that is no text at all
        return Page()
    if tree.root is None:
        return Page()
    base = _base(tree, url)
    found = _robots(tree)
    structured = structured_pictures(_scripts(tree), base)
    page_license = _page_license(tree, base)
    page_author = _meta(tree, "author", "dc.creator", "dcterms.creator")
    pictures: dict[str, Picture] = {}
    for picture in _all_pictures(tree, base, structured):
        if len(pictures) >= _MAX_PICTURES:
            break
        picture = replace(picture, license=picture.license or page_license, author=picture.author or page_author)
        known = pictures.get(picture.url)
        pictures[picture.url] = picture if known is None else _joined(known, picture)
    links: dict[str, Link] = {}
    if "nofollow" not in found:
        for link in _links(tree, base):
            if len(links) >= _MAX_LINKS:
                break
            if link.url not in links or link.pagination:
                links[link.url] = link
    title = tree.css_first("title")
    reserved = reservation(_meta(tree, NAME))
    found |= {"tdmrep"} if reserved else frozenset()
    return Page(words(title), tuple(pictures.values()), tuple(links.values()), found, reserved)


def absolute(base: str, href: str | None) -> str | None:
    """An http(s) address without a fragment, or None for everything else."""
    if not href or len(href) > 4000:
        return None
    href = href.strip()
    if re.match(r"[A-Za-z][\w+.-]*:", href) and not href.lower().startswith(("http:", "https:")):
        return None
    try:
        joined = URL(base).join(URL(href)).with_fragment(None)
        if joined.scheme not in ("http", "https") or not joined.raw_host:
            return None
        return str(joined)
    except (ValueError, TypeError):
        return None


def is_picture_link(url: str) -> bool:
    """Whether an address looks like that of a picture file."""
    try:
        return URL(url).path.lower().endswith(PICTURE_SUFFIXES)
    except ValueError:
        return False


def _all_pictures(tree: LexborHTMLParser, base: str, structured: Mapping[str, StructuredPicture]) -> Iterator[Picture]:
    shown: set[str] = set()
    for picture in structured.values():
        shown.add(picture.url)
        yield Picture(picture.url, picture.title, picture.caption, picture.license, picture.author)
    inside_links: set[str] = set()
    surroundings = Surroundings.of(tree)
    for image in tree.css("img")[:_MAX_ELEMENTS]:
        renditions, full = _renditions(image, base)
        link = _enclosing_picture_link(image, base)
        if link:
            inside_links.add(link)
        known = next((structured[url] for url in renditions if url in structured), None)
        chosen = known.url if known else full or link or next(iter(renditions), None)
        if chosen is None or _is_decoration(image):
            continue
        around = ancestor(image, AROUND)
        yield Picture(
            chosen,
            title=_attribute(image, "title"),
            caption=_figcaption(surroundings, around) or _attribute(image, "alt"),
            license=_near_license(surroundings, around, base),
            author=_near_author(surroundings, around),
        )
    for anchor in tree.css("a[href]")[:_MAX_ELEMENTS]:
        target = absolute(base, _attribute(anchor, "href"))
        if target and target not in inside_links and is_picture_link(target):
            around = ancestor(anchor, AROUND)
            yield Picture(
                target,
                title=_attribute(anchor, "title"),
                caption=_figcaption(surroundings, around) or words(anchor),
                license=_near_license(surroundings, around, base),
                author=_near_author(surroundings, around),
            )
    for name in ("og:image:secure_url", "og:image", "twitter:image"):
        target = absolute(base, _meta(tree, name))
        if target:
            yield Picture(target, title=_meta(tree, "og:title"), caption=_meta(tree, "og:image:alt", "og:description"))
            break
    for node in tree.css("link[rel=image_src]"):
        target = absolute(base, _attribute(node, "href"))
        if target:
            yield Picture(target)


def _renditions(image: LexborNode, base: str) -> tuple[list[str], str | None]:
    """All addresses of one <img>, largest first, and the one that its markup names as the full picture."""
    sized: dict[str, float] = {}
    sources = [image]
    parent = image.parent
    if parent is not None and parent.tag == "picture":
        sources += _sources(image)
    for node in sources:
        for name in _LAZY_SETS:
            for address, size in srcset(_attribute(node, name) or ""):
                target = absolute(base, address)
                if target:
                    sized[target] = max(size, sized.get(target, 0.0))
    for name in ("src", *_LAZY):
        target = absolute(base, _attribute(image, name))
        if target:
            sized.setdefault(target, 0.5 if name != "src" else 0.25)  # a lazy image's src is its placeholder
    full = next((target for name in _FULL if (target := absolute(base, _attribute(image, name)))), None)
    return sorted(sized, key=lambda address: -sized[address]), full


def _sources(image: LexborNode) -> list[LexborNode]:
    """The <source> elements of a <picture> that come before its <img>, and belong to no earlier one."""
    found: list[LexborNode] = []
    node = image.prev
    for _ in range(_MAX_RENDITIONS):
        if node is None or node.tag == "img":
            break
        if node.tag == "source":
            found.insert(0, node)
        node = node.prev
    return found


def srcset(value: str) -> list[tuple[str, float]]:
    """The candidates of a `srcset` with their width in pixels (or density x, which orders the same way)."""
    found: list[tuple[str, float]] = []
    for part in re.split(r",\s+|,(?=https?:|/)", value[:20_000]):
        words = part.strip().strip(",").split()
        if not words or words[0].lower().startswith("data:"):
            continue
        size = 1.0
        if len(words) > 1 and (measure := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)[wxh]", words[-1])):
            size = float(measure[1])
        found.append((words[0], size))
    return found


def _is_decoration(image: LexborNode) -> bool:
    """Declared smaller than anything worth labelling: icons, spacers, counters."""
    for name in ("width", "height"):
        value = (_attribute(image, name) or "").removesuffix("px")
        if value.isascii() and value.isdigit() and len(value) < 9 and int(value) < 32:
            return True
    return False


def _enclosing_picture_link(image: LexborNode, base: str) -> str | None:
    anchor = ancestor(image, ("a",))
    target = absolute(base, _attribute(anchor, "href")) if anchor is not None else None
    return target if target and is_picture_link(target) else None


def _links(tree: LexborHTMLParser, base: str) -> Iterator[Link]:
    for node in tree.css("link[rel][href], a[href], area[href]"):
        relation = (_attribute(node, "rel") or "").lower().split()
        following = "next" in relation or "prev" in relation
        if (node.tag == "link" and not following) or "nofollow" in relation or "license" in relation:
            continue
        target = absolute(base, _attribute(node, "href"))
        if target and not is_picture_link(target):
            yield Link(target, following or bool(_PAGE_NUMBER.search(target.partition("://")[2])))


def _robots(tree: LexborHTMLParser) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for node in tree.css("meta[name][content]"):
        if (_attribute(node, "name") or "").strip().lower() in ("robots", PRODUCT):
            found |= directives(_attribute(node, "content") or "")
    return found


def _page_license(tree: LexborHTMLParser, base: str) -> str | None:
    """The licence of the whole page: `rel=license` outside any one picture's element, then Dublin Core."""
    for node in tree.css("link[rel][href], a[rel][href]"):
        if "license" in (_attribute(node, "rel") or "").lower().split() and ancestor(node, ("figure", "li")) is None:
            return _license_of(node, base)
    words = _meta(tree, "dcterms.license", "dc.rights", "dcterms.rights", "license")
    return spdx(words) if words else None


def _near_license(surroundings: Surroundings, around: LexborNode | None, base: str) -> str | None:
    node = surroundings.licenses.get(around.mem_id) if around is not None else None
    return _license_of(node, base) if node is not None else None


def _license_of(node: LexborNode, base: str) -> str | None:
    href = absolute(base, _attribute(node, "href"))
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


def _meta(tree: LexborHTMLParser, *names: str) -> str | None:
    for node in tree.css("meta[content]"):
        name = (_attribute(node, "property") or _attribute(node, "name") or "").strip().lower()
        if name in names and (content := clean(_attribute(node, "content"))):
            return content
    return None


def _scripts(tree: LexborHTMLParser) -> list[str]:
    return [
        node.text(deep=True)
        for node in tree.css("script[type]")
        if "ld+json" in (_attribute(node, "type") or "").lower()
    ]


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (absolute(url, _attribute(node, "href")) if node is not None else None) or url


def _joined(first: Picture, second: Picture) -> Picture:
    """What two mentions of one picture say together; the first wins."""
    return Picture(
        first.url,
        first.title or second.title,
        first.caption or second.caption,
        first.license or second.license,
        first.author or second.author,
    )


def _attribute(node: LexborNode, name: str) -> str | None:
    value = node.attributes.get(name)
    return value.strip() if value else None
