"""Pictures described by attributes of the markup itself: schema.org microdata and RDFa, Creative Commons' marks.

Sources: WHATWG HTML 5.2 (microdata), RDFa Lite 1.1, and the ccREL vocabulary (`about`, `rel=license`,
`cc:attributionName`), each as far as it says a picture's address, caption, licence and author.
"""

from collections.abc import Iterator
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from collector.licenses import spdx
from collector.links import absolute, is_picture_link
from collector.structured import StructuredPicture
from collector.surroundings import attribute, clean, words

_TYPES = ("imageobject", "photograph")
_ADDRESSES = ("contenturl", "url", "image")
_CAPTIONS = ("caption", "description")
_AUTHORS = ("creator", "author", "attributionname", "credittext", "copyrightholder")
_LICENSES = ("license", "copyrightnotice", "acquirelicensepage")
_MAX_ITEMS = 1000
_MAX_NODES = 120
"""Elements looked at within one description."""


def marked_pictures(tree: LexborHTMLParser, base: str) -> Iterator[StructuredPicture]:
    """The pictures that items of type ImageObject, or elements `about` a picture, describe. Never raises."""
    for item in tree.css("[itemtype], [typeof], [about]")[:_MAX_ITEMS]:
        kinds = f"{attribute(item, 'itemtype') or ''} {attribute(item, 'typeof') or ''}".lower().split()
        about = absolute(base, attribute(item, "about") or attribute(item, "resource") or attribute(item, "itemid"))
        is_picture = any(kind.rpartition("/")[2].rpartition(":")[2] in _TYPES for kind in kinds)
        if not is_picture and not (about and is_picture_link(about)):
            continue
        said = _properties(item, base)
        url = next((url for name in _ADDRESSES if (url := absolute(base, said.get(name)))), None)
        url = url if is_picture and url else about
        if url:
            license_ = next((said[name] for name in _LICENSES if name in said), None)
            author = next((said[name] for name in _AUTHORS if name in said), None)
            yield StructuredPicture(
                url=url,
                title=clean(said.get("name") or said.get("headline")),
                caption=clean(next((said[name] for name in _CAPTIONS if name in said), None)),
                license=spdx(license_) if license_ else None,
                author=clean(author),
                thumbnail=absolute(base, said.get("thumbnailurl") or said.get("thumbnail")),
            )


def _properties(item: LexborNode, base: str) -> dict[str, str]:
    """Property names in lower case, without prefix or vocabulary, with their first value."""
    found: dict[str, str] = {}
    for node in islice(item.traverse(include_text=False), _MAX_NODES):
        given = node.attributes
        for key in ("itemprop", "property", "rel"):
            for name in (given.get(key) or "").lower().split():
                name = name.rpartition("/")[2].rpartition("#")[2].rpartition(":")[2]
                if key == "rel" and name != "license":
                    continue
                value = _value(node, base, words_first=name in _AUTHORS)
                if value:
                    found.setdefault(name, value)
    return found


def _value(node: LexborNode, base: str, words_first: bool) -> str | None:
    if content := attribute(node, "content"):
        return content
    if words_first and (said := words(node)):
        return said
    for name in ("href", "src", "data", "resource"):
        if target := absolute(base, attribute(node, name)):
            return target
    return words(node)
