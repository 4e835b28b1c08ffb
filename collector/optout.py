"""What a site, page or file says about being collected, as names that a curator can turn off one by one.

Robots directives (`X-Robots-Tag`, `<meta name="robots">`): noindex, noimageindex, noai, noimageai and none; one for
another robot by name is not ours. `tdmrep`: a reservation of text and data mining (collector/tdmrep.py). `plus`: the
data-mining choice of the PLUS coalition inside the file (imaging.file_metadata).
"""

import re
from collections.abc import Collection, Iterable

PRODUCT = "cairn"
"""Our name in robots.txt, in robots directives and in the User-Agent."""
OPT_OUTS = ("noindex", "noimageindex", "noai", "noimageai", "tdmrep", "plus")
"""What keeps pictures out; the robots directive `none` stands for noindex and nofollow."""

_NAMED = re.compile(r"^\s*([A-Za-z][\w.-]*)\s*:\s*(.*)$", re.DOTALL)
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})


def header_directives(values: Iterable[str]) -> frozenset[str]:
    """The directives for us in the `X-Robots-Tag` headers of a response, lower case."""
    found: set[str] = set()
    for value in values:
        named = _NAMED.match(value)
        if named and named[1].lower() not in _WITH_VALUE:
            if named[1].lower() not in (PRODUCT, "*"):
                continue
            value = named[2]
        found |= directives(value)
    return frozenset(found)


def directives(content: str) -> frozenset[str]:
    """The directives in one comma-separated list; `none` is written out."""
    found = {word.strip().lower() for word in content.split(",") if word.strip()}
    if "none" in found:
        found |= {"noindex", "nofollow"}
    return frozenset(found)


def opted_out(found: Collection[str], overrides: Collection[str] = ()) -> str | None:
    """The first directive that keeps pictures out and was not turned off by name; None when they may be taken."""
    return next((name for name in OPT_OUTS if name in found and name not in overrides), None)


def declared(*found: Iterable[str]) -> tuple[str, ...]:
    """All that keeps pictures out among what was found in several places, each once, in the order of OPT_OUTS."""
    every = {name for names in found for name in names}
    return tuple(name for name in OPT_OUTS if name in every)
