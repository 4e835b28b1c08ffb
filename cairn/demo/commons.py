"""Pictures of a category from Wikimedia Commons, as rows of a URL list with licence and author.

One search a category through the MediaWiki API (https://www.mediawiki.org/wiki/API:Imageinfo), with a
descriptive User-Agent and `maxlag`, as https://foundation.wikimedia.org/wiki/Policy:User-Agent_policy asks.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from label_store import CairnError

API = "https://commons.wikimedia.org/w/api.php"
USER_AGENT = "CairnDemo/0.1 (demonstration of an image dataset tool; https://example.org/cairn-demo)"
SIDE = 640
"""Width in pixels of the rendition that is asked for: no more bytes than are needed."""


class NoInternet(CairnError):
    """Commons cannot be reached from here."""


@dataclass(frozen=True)
class Row:
    """One picture of the URL list."""

    url: str
    category: str
    caption: str
    license: str
    author: str
    page_url: str


def search(category: str, n: int, api: str = API, timeout: float = 15.0) -> list[Row]:
    """Up to `n` photographs (n <= 50) that Commons finds for the category; NoInternet when it cannot be asked."""
    query = {
        "action": "query",
        "format": "json",
        "formatversion": "2",
        "maxlag": "5",
        "generator": "search",
        "gsrsearch": f"filetype:bitmap {category}",
        "gsrnamespace": "6",
        "gsrlimit": str(min(n, 50)),
        "prop": "imageinfo",
        "iiprop": "url|mime|extmetadata",
        "iiurlwidth": str(SIDE),
        "iiextmetadatafilter": "LicenseShortName|Artist|ImageDescription",
    }
    request = urllib.request.Request(  # noqa: S310  the address is ours
        f"{api}?{urllib.parse.urlencode(query)}", headers={"User-Agent": USER_AGENT}
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310  the address is ours
            answered = json.load(response)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise NoInternet(
            f"Wikimedia Commons cannot be reached from here ({getattr(error, 'reason', error)})",
            hint="run `cairn demo` without --live; it needs no internet",
        ) from error
    if "error" in answered:
        raise CairnError(f"Wikimedia Commons answered: {answered['error'].get('info', answered['error'])}")
    pages = answered.get("query", {}).get("pages", [])
    return [row for page in sorted(pages, key=lambda page: page.get("index", 0)) if (row := _row(category, page))]


def _row(category: str, page: dict[str, Any]) -> Row | None:
    info = (page.get("imageinfo") or [{}])[0]
    if info.get("mime") not in ("image/jpeg", "image/png", "image/webp") or "thumburl" not in info:
        return None
    told = {name: plain(entry.get("value", "")) for name, entry in info.get("extmetadata", {}).items()}
    return Row(
        url=info["thumburl"],
        category=category,
        caption=told.get("ImageDescription", page.get("title", ""))[:300],
        license=told.get("LicenseShortName", ""),
        author=told.get("Artist", ""),
        page_url=info.get("descriptionurl", ""),
    )


def plain(html: str) -> str:
    """The words of a piece of HTML."""
    words: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            words.append(data)

    Text().feed(str(html))
    return " ".join(" ".join(words).split())
