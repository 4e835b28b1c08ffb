"""The pages of the demo's site: galleries with pagination, a home page, sitemap, robots.txt and the URL list.

Absolute URLs are written with `BASE`, which the server replaces by its own address.
"""

import csv
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from cairn.demo.site_plan import ALL_RIGHTS_RESERVED, CLOSED_PREFIX, GALLERIES, LICENSES, Gallery

__all__ = [
    "BASE",
    "LIST_PATH",
    "SLOW_PAGE",
    "SLOW_PICTURE",
    "Offer",
    "gallery_pages",
    "home",
    "robots",
    "sitemap",
    "url_list",
]

BASE = "http://demo.invalid"
LIST_PATH = "/urls.csv"
SLOW_PAGE = "/slow/archive.html"
SLOW_PICTURE = "/slow/picture.jpg"
PER_PAGE = 24

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
main{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem}
figure{margin:0}figure img{width:100%;height:8rem;object-fit:cover;border-radius:4px;background:#ddd}
figcaption{font-size:.8rem;color:#555}nav a{margin-right:.75rem}"""
_SCENES = (
    "in the morning",
    "last summer",
    "near our house",
    "in the rain",
    "on a Sunday",
    "from the archive",
    "at noon",
)


@dataclass(frozen=True)
class Offer:
    """A picture as a page or the URL list offers it."""

    path: str
    claim: str
    license: str
    author: str
    width: int
    height: int
    thumb: str | None

    @property
    def caption(self) -> str:
        """What the page says is on it."""
        number = sum(map(ord, self.path))
        return f"{'Our' if number % 3 else 'A'} {self.claim} {_SCENES[number % len(_SCENES)]}"


def _document(title: str, body: str, head: str = "") -> str:
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n{head}</head>\n<body>\n{body}\n</body></html>\n"
    )


def _figure(offer: Offer) -> str:
    caption, author = html.escape(offer.caption), html.escape(offer.author)
    if offer.thumb is None:
        image = f'<img src="{offer.path}" alt="{caption}" loading="lazy">'
    else:
        image = (
            f'<img src="{offer.thumb}" srcset="{offer.thumb} 64w, {offer.path} {offer.width}w" sizes="9rem" '
            f'alt="{caption}" loading="lazy">'
        )
    return (
        f'<figure><a href="{offer.path}">{image}</a>'
        f'<figcaption>{caption} <span class="author">Photo: {author}</span></figcaption></figure>'
    )


def _json_ld(gallery: Gallery, offers: Sequence[Offer]) -> str:
    objects = []
    for offer in offers:
        described = {
            "@type": "ImageObject",
            "contentUrl": BASE + offer.path,
            "caption": offer.caption,
            "creator": {"@type": "Person", "name": offer.author},
        }
        if gallery.license == ALL_RIGHTS_RESERVED:
            described["copyrightNotice"] = "All rights reserved"
        else:
            described["license"] = LICENSES[gallery.license]
        objects.append(described)
    graph = json.dumps({"@context": "https://schema.org", "@graph": objects}, indent=1)
    return f'<script type="application/ld+json">{graph}</script>\n'


def _terms(gallery: Gallery) -> str:
    if gallery.license == ALL_RIGHTS_RESERVED:
        return "<p>© the photographers. All rights reserved.</p>"
    if gallery.markup == "jsonld":
        return "<p>Licences are given with each picture.</p>"
    url = LICENSES[gallery.license]
    return f'<p>Pictures on this page: <a rel="license" href="{url}">{gallery.license}</a></p>'


def page_path(gallery: Gallery, number: int) -> str:
    """URL path of page `number`, counted from 1."""
    return gallery.root if number == 1 else f"{gallery.root}page-{number}.html"


def gallery_pages(gallery: Gallery, offers: Sequence[Offer]) -> dict[str, str]:
    """URL path -> HTML of every page of one gallery."""
    chunks = [offers[i : i + PER_PAGE] for i in range(0, len(offers), PER_PAGE)] or [[]]
    pages = {}
    for number, chunk in enumerate(chunks, start=1):
        links = [f'<a href="{page_path(gallery, k)}">{k}</a>' for k in range(1, len(chunks) + 1)]
        head = ""
        if number < len(chunks):
            links.append(f'<a rel="next" href="{page_path(gallery, number + 1)}">next</a>')
            head = f'<link rel="next" href="{page_path(gallery, number + 1)}">\n'
        if gallery.markup in ("jsonld", "both"):
            head += _json_ld(gallery, chunk)
        extra = []
        if number == 1 and gallery.slug == "truck":
            extra.append(f'<p><a href="{SLOW_PAGE}">older pictures</a></p>')
        title = f"{gallery.slug.capitalize()}, page {number} of {len(chunks)}"
        body = "\n".join(
            [
                f"<h1>{title}</h1>",
                '<nav><a href="/">home</a></nav>',
                "<main>",
                *map(_figure, chunk),
                "</main>",
                *extra,
                f"<nav>{' '.join(links)}</nav>",
                _terms(gallery),
            ]
        )
        pages[page_path(gallery, number)] = _document(title, body, head)
    return pages


def home() -> str:
    """The front page: a link to every gallery, the closed one too."""
    items = "\n".join(f'<li><a href="{g.root}">{g.slug}</a></li>' for g in GALLERIES)
    return _document("A small picture site", f"<h1>A small picture site</h1>\n<ul>\n{items}\n</ul>")


def robots() -> str:
    """robots.txt: everything is open but one gallery."""
    return f"User-agent: *\nDisallow: {CLOSED_PREFIX}\n\nSitemap: {BASE}/sitemap.xml\n"


def sitemap(paths: Sequence[str]) -> str:
    """sitemap.xml of the open pages."""
    entries = "\n".join(f"<url><loc>{html.escape(BASE + path)}</loc></url>" for path in paths)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{entries}\n</urlset>\n'
    )


def url_list(
    offers: Sequence[Offer], dead: Sequence[str], closed: Sequence[Offer]
) -> tuple[str, int, tuple[int, ...], tuple[int, ...]]:
    """The CSV list, the number of its rows, the broken rows, and the rows that point into the closed gallery.

    Columns are url, category, caption, license; rows are counted from 1 below the header.
    """
    rows: list[tuple[str, str, str, str]] = [(BASE + o.path, o.claim, o.caption, o.license) for o in offers]
    rows += [(BASE + path, "car", "No longer here", "CC0-1.0") for path in dead]
    broken = [
        ("", "dog", "A row without a URL", "CC0-1.0"),
        ("see the attached picture", "cat", "A row whose URL is not one", "CC0-1.0"),
        ("http://", "bus", "A URL without a host", "CC-BY-4.0"),
    ]
    for k, row in enumerate(broken):
        rows.insert((k + 1) * len(rows) // 4, row)
    rows += [(BASE + o.path, o.claim, o.caption, o.license) for o in closed]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("url", "category", "caption", "license"))
    writer.writerows(rows)
    numbers = tuple(k for k, row in enumerate(rows, start=1) if row in broken)
    closed_numbers = tuple(range(len(rows) - len(closed) + 1, len(rows) + 1))
    return buffer.getvalue(), len(rows), numbers, closed_numbers
