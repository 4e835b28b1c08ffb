"""Pictures described in JSON-LD: schema.org ImageObject with contentUrl, licence, creator and caption."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collector.licenses import spdx
from collector.links import absolute

_IMAGE_TYPES = frozenset({"imageobject", "photograph", "barcode"})
_MAX_NODES = 20_000
_MAX_SEVERAL = 100
_WRAPPERS = (("//<![CDATA[", "//]]>"), ("/*<![CDATA[*/", "/*]]>*/"), ("<![CDATA[", "]]>"), ("<!--", "-->"))
"""Comments in which old generators hide the JSON from old browsers."""


@dataclass(frozen=True)
class StructuredPicture:
    """One described picture; `url` is its full rendition."""

    url: str
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    thumbnail: str | None = None


def structured_pictures(scripts: Iterable[str], base: str) -> dict[str, StructuredPicture]:
    """Pictures by every address they go by (full and thumbnail), from JSON-LD scripts. Never raises."""
    found: dict[str, StructuredPicture] = {}
    for script in scripts:
        try:
            document = json.loads(_unwrapped(script))
        except (ValueError, RecursionError):
            continue
        every = list(_objects(document))
        named = {key: node for node in every if isinstance(key := node.get("@id"), str) and len(node) > 1}
        for node in every:
            if not _is_image(node):
                continue
            node = {key: _resolved(value, named) for key, value in node.items()}
            full = _address(base, node.get("contentUrl")) or _address(base, node.get("url"))
            if full is None:
                continue
            picture = StructuredPicture(
                url=full,
                title=_text(node.get("name")) or _text(node.get("headline")),
                caption=_text(node.get("caption")) or _text(node.get("description")),
                license=_license(node),
                author=_name(node.get("creator"))
                or _name(node.get("author"))
                or _text(node.get("creditText"))
                or _name(node.get("copyrightHolder")),
            )
            found.setdefault(full, picture)
            for thumbnail in _several(node.get("thumbnailUrl")) + _several(node.get("thumbnail")):
                address = _address(base, thumbnail)
                if address:
                    found.setdefault(address, picture)
    return found


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every object anywhere in a document, without recursion."""
    todo: list[Any] = [document]
    for _ in range(_MAX_NODES):
        if not todo:
            return
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(reversed(node))
        elif isinstance(node, dict):
            yield node
            todo.extend(value for value in reversed(node.values()) if isinstance(value, dict | list))


def _is_image(node: dict[str, Any]) -> bool:
    kinds = {str(kind).rsplit("/", 1)[-1].rpartition(":")[2].lower() for kind in _several(node.get("@type"))}
    return bool(kinds & _IMAGE_TYPES)


def _resolved(value: Any, named: Mapping[str, dict[str, Any]]) -> Any:
    """What a reference by @id stands for, where the document says it."""
    if isinstance(value, list):
        return [_resolved(one, named) for one in value[:_MAX_SEVERAL] if not isinstance(one, list)]
    if isinstance(value, dict) and value.keys() == {"@id"} and isinstance(value["@id"], str):
        return named.get(value["@id"], value)
    return value


def _unwrapped(script: str) -> str:
    script = script.strip()
    for begin, end in _WRAPPERS:
        if script.startswith(begin):
            script = script.removeprefix(begin).removesuffix(end).strip()
    return script


def _license(node: dict[str, Any]) -> str | None:
    for value in _several(node.get("license")):
        text = _text(value.get("url") or value.get("@id") or value.get("name")) if isinstance(value, dict) else None
        text = text or _text(value)
        if text:
            return spdx(text)
    # No licence, but the words that say so, or where one can be had.
    notice = _text(node.get("copyrightNotice")) or _text(node.get("acquireLicensePage"))
    return spdx(notice) if notice else None


def _name(value: Any) -> str | None:
    names = [_text(one.get("name")) if isinstance(one, dict) else _text(one) for one in _several(value)]
    return ", ".join(name for name in names if name) or None


def _address(base: str, value: Any) -> str | None:
    for one in _several(value):
        if isinstance(one, dict):
            one = one.get("contentUrl") or one.get("url") or one.get("@id")
        if isinstance(one, str) and (address := absolute(base, one)):
            return address
    return None


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    return value[:_MAX_SEVERAL] if isinstance(value, list) else [value]


def _text(value: Any) -> str | None:
    if not isinstance(value, str | int | float):
        return None
    return " ".join(str(value).split())[:1000] or None
