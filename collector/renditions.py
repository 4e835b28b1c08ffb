"""The addresses under which one <img> offers its picture, and which of them is the largest.

Widths (`w`) and densities (`x`) of `srcset` and of the `<source>`s before it, the attributes of lazy loaders, those
that name the full picture, and a link around it that leads to a picture file. Backgrounds of CSS are decoration.
"""

import re

from selectolax.lexbor import LexborNode

from collector.links import absolute, is_picture_link
from collector.surroundings import ancestor, attribute

_LAZY = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-url", "data-img-src", "data-echo", "data-cfsrc",
)  # fmt: skip
_FULL = (
    "data-full", "data-full-src", "data-full-url", "data-fullsrc", "data-large", "data-large-src", "data-large-file",
    "data-zoom-image", "data-zoom-src", "data-hires", "data-highres", "data-hi-res-src", "data-orig", "data-orig-file",
    "data-original-src", "data-image-full",
)  # fmt: skip
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set")
_MAX_SOURCES = 100
_MEASURE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)[wxh]", re.ASCII)


def renditions(image: LexborNode, base: str) -> list[str]:
    """All addresses of one <img>, the one its markup names as full first, then the largest first."""
    sized: dict[str, float] = {}
    sources = [image]
    parent = image.parent
    if parent is not None and parent.tag == "picture":
        sources += _sources(image)
    for node in sources:
        for name in _SETS:
            for address, size in srcset(attribute(node, name) or ""):
                target = absolute(base, address)
                if target:
                    sized[target] = max(size, sized.get(target, 0.0))
    for name in ("src", *_LAZY):
        target = absolute(base, attribute(image, name))
        if target:
            sized.setdefault(target, 0.5 if name != "src" else 0.25)  # a lazy image's src is its placeholder
    anchor = ancestor(image, ("a",))
    full = _named_full(image, base, *_FULL)
    if full is None and anchor is not None:
        full = _named_full(anchor, base, *_FULL, "data-src") or enclosing_link(image, base)
    ordered = sorted(sized, key=lambda address: -sized[address])
    return list(dict.fromkeys([full, *ordered])) if full else ordered


def enclosing_link(image: LexborNode, base: str) -> str | None:
    """The picture file to which the link around an <img> leads."""
    anchor = ancestor(image, ("a",))
    target = absolute(base, attribute(anchor, "href")) if anchor is not None else None
    return target if target and is_picture_link(target) else None


def is_decoration(image: LexborNode) -> bool:
    """Declared smaller than anything worth labelling: icons, spacers, counters."""
    for name in ("width", "height"):
        value = (attribute(image, name) or "").removesuffix("px")
        if value.isascii() and value.isdigit() and len(value) < 9 and int(value) < 32:
            return True
    return False


def srcset(value: str) -> list[tuple[str, float]]:
    """The candidates of a `srcset` with their width in pixels (or density x, which orders the same way)."""
    found: list[tuple[str, float]] = []
    for part in re.split(r",\s+|,(?=https?:|/)", value[:20_000]):
        words = part.strip().strip(",").split()
        if not words or words[0].lower().startswith("data:"):
            continue
        measure = _MEASURE.fullmatch(words[-1]) if len(words) > 1 else None
        found.append((words[0], float(measure[1]) if measure else 1.0))
    return found


def _named_full(node: LexborNode, base: str, *names: str) -> str | None:
    given = node.attributes
    return next((target for name in names if name in given and (target := absolute(base, given[name]))), None)


def _sources(image: LexborNode) -> list[LexborNode]:
    """The <source> elements of a <picture> that come before its <img>, and belong to no earlier one."""
    found: list[LexborNode] = []
    node = image.prev
    for _ in range(_MAX_SOURCES):
        if node is None or node.tag == "img":
            break
        if node.tag == "source":
            found.insert(0, node)
        node = node.prev
    return found
