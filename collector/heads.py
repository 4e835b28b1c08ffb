"""What a page's <meta> and <link> elements say: robots, reservation, licence, author, and the pictures of previews."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser

from collector.licenses import spdx
from collector.links import absolute
from collector.optout import PRODUCT, directives
from collector.structured import StructuredPicture
from collector.surroundings import attribute, clean
from collector.tdmrep import NAME, reservation

_MAX_METAS = 2000
_LICENSES = (
    "dcterms.license", "dc.rights.license", "cc:license", "license", "dcterms.rights", "dc.rights", "rights",
    "copyright",
)  # fmt: skip
_AUTHORS = ("cc:attributionname", "dcterms.creator", "dc.creator", "author", "article:author")
_PREVIEWS = ("og:image", "og:image:url", "og:image:secure_url")
_TWITTER = ("twitter:image", "twitter:image:src")


@dataclass(frozen=True)
class Head:
    """The named values of a page, each name in lower case with its first value; `every` has all in their order."""

    first: Mapping[str, str] = field(default_factory=dict)
    every: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, tree: LexborHTMLParser) -> "Head":
        """Those of a page: `<meta>` by name, property or itemprop."""
        every: list[tuple[str, str]] = []
        for node in tree.css("meta[content]")[:_MAX_METAS]:
            content = clean(attribute(node, "content"), 4000)
            names = {(attribute(node, key) or "").lower() for key in ("property", "name", "itemprop")}
            every.extend((name, content) for name in sorted(names) if name and content)
        return cls(dict(reversed(every)), tuple(every))

    @property
    def directives(self) -> frozenset[str]:
        """The robots directives for us, with `tdmrep` where the page reserves data mining."""
        found: frozenset[str] = frozenset({"tdmrep"}) if self.reservation else frozenset()
        for name, content in self.every:
            if name in ("robots", PRODUCT):
                found |= directives(content)
        return found

    @property
    def reservation(self) -> bool | None:
        """What the page's own `tdm-reservation` says."""
        return reservation(self.first.get(NAME))

    @property
    def author(self) -> str | None:
        """Of the whole page."""
        return clean(next((self.first[name] for name in _AUTHORS if name in self.first), None))

    @property
    def license(self) -> str | None:
        """Of the whole page: Dublin Core, Creative Commons, then words."""
        words = next((self.first[name] for name in _LICENSES if name in self.first), None)
        return spdx(words) if words else None

    def pictures(self, base: str) -> Iterator[StructuredPicture]:
        """The pictures by which Open Graph (ogp.me) has a page shown elsewhere, else that of Twitter's cards.

        Each `og:image` begins one, its other properties follow; of two addresses of one the secure is taken.
        """
        title, words = clean(self.first.get("og:title")), self.first.get("og:description")
        groups: list[dict[str, str]] = []
        for name, content in self.every:
            if name == "og:image" or (name in _PREVIEWS and (not groups or name in groups[-1])):
                groups.append({})
            if name.startswith("og:image") and groups:
                groups[-1].setdefault(name, content)
        for group in groups:
            url = next((url for name in reversed(_PREVIEWS) if (url := absolute(base, group.get(name)))), None)
            if url and not _is_tiny(group):
                yield StructuredPicture(url, title, clean(group.get("og:image:alt") or words))
        if not groups:
            url = next((url for name in _TWITTER if (url := absolute(base, self.first.get(name)))), None)
            if url:
                yield StructuredPicture(url, title, clean(self.first.get("twitter:image:alt") or words))


def _is_tiny(group: Mapping[str, str]) -> bool:
    sizes = (group.get(f"og:image:{side}", "") for side in ("width", "height"))
    return any(size.isascii() and size.isdigit() and len(size) < 9 and int(size) < 32 for size in sizes)
