"""Pictures described in JSON-LD: schema.org ImageObject with contentUrl, licence, creator and caption."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from yarl import URL

from collector.licenses import spdx

_IMAGE_TYPES = frozenset({"imageobject", "photograph", "barcode"})
_MAX_NODES = 20_000


@dataclass(frozen=True)
class StructuredPicture:
    """One described picture; `url` is its full rendition."""

    url: str
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None


def structured_pictures(scripts: Iterable[str], base: str) -> dict[str, StructuredPicture]:
    """Pictures by every address they go by (full and thumbnail), from JSON-LD scripts. Never raises."""
    found: dict[str, StructuredPicture] = {}
    for script in scripts:
        try:
            document = json.loads(script)
        except (ValueError, RecursionError):
            continue
        for node in _nodes(document):
            full = _address(base, node.get("contentUrl")) or _address(base, node.get("url"))
            if full is None:
                continue
            picture = StructuredPicture(
                url=full,
                title=_text(node.get("name")) or _text(node.get("headline")),
                caption=_text(node.get("caption")) or _text(node.get("description")),
                license=_license(node),
                author=_name(node.get("creator")) or _name(node.get("author")) or _text(node.get("creditText")),
            )
            found.setdefault(full, picture)
            for thumbnail in _several(node.get("thumbnailUrl")) + _several(node.get("thumbnail")):
                address = _address(base, thumbnail)
                if address:
                    found.setdefault(address, picture)
    return found


def _nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every ImageObject anywhere in a document, without recursion."""
    todo: list[Any] = [document]
    for _ in range(_MAX_NODES):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(reversed(node))
        elif isinstance(node, dict):
            kinds = {str(kind).rsplit("/", 1)[-1].lower() for kind in _several(node.get("@type"))}
            if kinds & _IMAGE_TYPES:
                yield node
            todo.extend(value for value in reversed(node.values()) if isinstance(value, dict | list))


def _license(node: dict[str, Any]) -> str | None:
    for value in _several(node.get("license")):
        text = _text(value.get("url") or value.get("@id") or value.get("name")) if isinstance(value, dict) else None
        text = text or _text(value)
        if text:
            return spdx(text)
    notice = _text(node.get("copyrightNotice"))  # no licence, but the words that say so
    return spdx(notice) if notice else None


def _name(value: Any) -> str | None:
    names = [_text(one.get("name")) if isinstance(one, dict) else _text(one) for one in _several(value)]
    return ", ".join(name for name in names if name) or None


def _address(base: str, value: Any) -> str | None:
    for one in _several(value):
        if isinstance(one, dict):
            one = one.get("contentUrl") or one.get("url") or one.get("@id")
        if isinstance(one, str) and 0 < len(one) <= 4000:
            try:
                joined = URL(base).join(URL(one.strip())).with_fragment(None)
            except (ValueError, TypeError):
                continue
            if joined.scheme in ("http", "https") and joined.raw_host:
                return str(joined)
    return None


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    if not isinstance(value, str | int | float):
        return None
    return " ".join(str(value).split())[:1000] or None
