"""What belongs to each picture of a page: caption, credit and licence of the element around it.

Every element is looked at once, however many pictures share it or elements are nested.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

AROUND = ("figure", "li", "article", "td")
"""Elements that hold one picture with what belongs to it."""
CREDITS = (
    "[rel=author], [itemprop=author], [itemprop=creator], [property='cc:attributionName'], [property='dc:creator'],"
    " .author, .credit, .photographer"
)
_LEVELS = 12
_MAX_NODES = 500
"""Parts of one element's text that are read."""
_MAX_WORDS = 1000


@dataclass(frozen=True)
class Surroundings:
    """By an element's identity, the first caption, credit and licence link within it."""

    captions: dict[int, LexborNode] = field(default_factory=dict)
    credits: dict[int, LexborNode] = field(default_factory=dict)
    licenses: dict[int, LexborNode] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: LexborHTMLParser) -> "Surroundings":
        """Those of a whole page."""
        licenses = (node for node in tree.css("a[rel][href]") if is_license(node))
        return cls(_firsts(tree.css("figcaption")), _firsts(tree.css(CREDITS)), _firsts(licenses))


def _firsts(nodes: Iterable[LexborNode]) -> dict[int, LexborNode]:
    """For every element around one of these nodes (in document order), the first of them."""
    found: dict[int, LexborNode] = {}
    for node in nodes:
        parent = node.parent
        for _ in range(_LEVELS):
            if parent is None:
                break
            if parent.tag in AROUND:
                found.setdefault(parent.mem_id, node)
            parent = parent.parent
    return found


def ancestor(node: LexborNode, tags: tuple[str, ...]) -> LexborNode | None:
    """The nearest element of these tags that holds a node, within a dozen levels."""
    parent = node.parent
    for _ in range(_LEVELS):
        if parent is None:
            return None
        if parent.tag in tags:
            return parent
        parent = parent.parent
    return None


def words(node: LexborNode | None) -> str | None:
    """The text of an element, as far as it is read."""
    if node is None:
        return None
    parts = (part.text_content or "" for part in islice(node.traverse(include_text=True), _MAX_NODES))
    return clean(" ".join(parts))


def clean(text: str | None, most: int = _MAX_WORDS) -> str | None:
    """Text with single spaces, cut to what is kept; None for nothing."""
    return " ".join((text or "").split())[:most] or None


def attribute(node: LexborNode, name: str) -> str | None:
    """The value of an attribute without spaces around it; None for none and for an empty one."""
    value = node.attributes.get(name)
    return (value.strip() or None) if value else None


def is_license(node: LexborNode) -> bool:
    """Whether a link leads to a licence: `rel=license`, also as ccREL writes it."""
    relations = (node.attributes.get("rel") or "").lower().split()
    return "license" in relations or "cc:license" in relations
