"""The preview as one HTML file that needs nothing else: no script, no network, every text from outside escaped."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from collector.preview import Preview
from collector.preview_sample import CategoryPreview, LeftOut, QueryPreview, Shown
from collector.web_url import web_url

_REASONS = {
    "dns": "the host has no address",
    "connect": "no connection, or it broke off",
    "tls": "the host's certificate is not valid",
    "timeout": "did not finish in time",
    "http_4xx": "not there, or not for us",
    "http_5xx": "the server was in trouble",
    "robots": "closed by robots.txt",
    "opted_out": "its site keeps pictures out of datasets",
    "private_address": "an address that may not be fetched",
    "too_large": "more bytes or pixels than allowed",
    "not_image": "something other than a picture",
    "undecodable": "a broken picture, or not the bytes that the list said",
    "takedown": "taken down",
}
_CAPTION = 140


def page(preview: Preview) -> str:
    """The whole file."""
    style = files("collector").joinpath("templates/preview.css").read_text(encoding="utf-8")
    title = f"{preview.workspace}: what was collected"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p class="lead">{_lead(preview)}</p>
{_contents(preview)}
</header>
<main>
{"".join(_category(one, preview.thumbnail_side) for one in preview.categories)}
{_left_out(preview.left_out)}
</main>
<footer><p>{_footer(preview)}</p></footer>
</body>
</html>
"""


def _lead(preview: Preview) -> str:
    candidates = sum(one.candidates for one in preview.categories)
    refused = sum(one.addresses for one in preview.left_out)
    shown = len(preview.categories)
    words = f"{_many(candidates, 'candidate')} in {_many(shown, 'category', 'categories')}"
    if preview.categories_not_shown:
        words += f", those with the most of {shown + preview.categories_not_shown:,}"
    if refused:
        words += f'; <a href="#left-out">{_many(refused, "address", "addresses")} brought no picture</a>'
    return f"{words}. {_many(preview.pictures, 'picture is', 'pictures are')} shown, drawn by lot."


def _contents(preview: Preview) -> str:
    rows = "".join(
        f'<tr><th scope="row"><a href="#{escape(one.slug)}">{escape(one.name)}</a></th><td>{one.candidates:,}</td>'
        f"<td>{one.images:,}</td><td>{one.look_alikes:,}</td><td>{len(one.queries):,}</td></tr>"
        for one in preview.categories
    )
    return _table(
        "Categories",
        '<th scope="col">Category</th><th scope="col">Candidates</th><th scope="col">Pictures</th>'
        '<th scope="col">Alike</th><th scope="col">Queries</th>',
        rows,
    )


def _category(category: CategoryPreview, side: int) -> str:
    definition = f'<p class="definition">{escape(category.definition)}</p>' if category.definition else ""
    alike = f", of which {category.look_alikes:,} look like another one" if category.look_alikes else ""
    groups = "".join(_query(one, side) for one in category.queries)
    return f"""<section id="{escape(category.slug)}" aria-labelledby="{escape(category.slug)}-name">
<h2 id="{escape(category.slug)}-name">{escape(category.name)}</h2>
{definition}<p>{_many(category.candidates, "candidate")}, {_many(category.images, "picture")}{alike}.</p>
{groups}</section>
"""


def _query(query: QueryPreview, side: int) -> str:
    name = f"“{escape(query.query)}”" if query.query else "no query"
    shown = len(query.pictures)
    count = _many(query.images, "picture") + (f", {shown} shown" if shown < query.images else "")
    figures = "".join(_figure(one) for one in query.pictures)
    heading = f'<h3>{name} <span class="dim">by {escape(query.source)} · {count}</span></h3>'
    return f'{heading}\n<ul class="sheet" style="--side: {side}px">\n{figures}</ul>\n' if figures else heading + "\n"


def _figure(one: Shown) -> str:
    words = " ".join((one.caption or one.title or "").split())
    short = words if len(words) <= _CAPTION else words[: _CAPTION - 1].rstrip() + "…"
    place = _host(one.page_url) or _host(one.url)
    alt = short or f"a picture without a caption{f' from {place}' if place else ''}"
    data = b64encode(one.thumbnail).decode()
    image = f'<img src="data:image/jpeg;base64,{data}" alt="{escape(alt)}">'
    link = next((url for url in (one.page_url, one.url) if _host(url)), None)
    if link is not None:
        image = f'<a href="{escape(link)}" rel="noreferrer noopener" target="_blank">{image}</a>'
    license_words = escape(one.license) if one.license else '<span class="warn">? licence not known</span>'
    facts = [license_words, f"{one.width:,}\u202f×\u202f{one.height:,}"]
    if one.author:
        facts.append(escape(one.author[:60]))
    if place:
        facts.append(escape(place))
    lines = "".join(f"<span>{fact}</span>" for fact in facts)
    near = f'<span class="near">≈ {one.near:,} like it</span>' if one.near else ""
    caption = f'<span class="words">{escape(short)}</span>' if short else '<span class="words dim">no caption</span>'
    return (
        f'<li><figure><div class="frame">{image}{near}</div>'
        f'<figcaption>{caption}<span class="facts">{lines}</span></figcaption></figure></li>\n'
    )


def _left_out(left_out: Sequence[LeftOut]) -> str:
    if not left_out:
        return '<section id="left-out"><h2>What did not come</h2><p>Every address brought its picture.</p></section>'
    rows = "".join(
        f'<tr><th scope="row">{_REASONS.get(one.reason, one.reason)} <code>{escape(one.reason)}</code></th>'
        f"<td data-name='Addresses'>{one.addresses:,}</td><td class='text' data-name='Source'>{escape(one.source)}</td>"
        f"<td class='text' data-name='Query'>{escape(one.query or '–')}</td>"
        f"<td class='text example'><span>{escape(_short(one.example, 90))}</span>"
        f"<span class='dim'>{escape(_short(one.detail or '', 160))}</span></td></tr>"
        for one in left_out
    )
    heads = "".join(
        f'<th scope="col"{kind}>{name}</th>'
        for name, kind in (("Why", ""), ("Addresses", ""), ("Source", " class='text'"), ("Query", " class='text'"),
                           ("For example", " class='text'"))
    )  # fmt: skip
    table = _table("What did not come", heads, rows, "stack")
    return f'<section id="left-out"><h2>What did not come</h2>{table}</section>'


def _footer(preview: Preview) -> str:
    words = f"Made {preview.at:%Y-%m-%d %H:%M} UTC by <code>cairn collect preview</code>."
    words += " Alike: pictures of a category whose perceptual hashes differ in at most 6 of 64 bits."
    if preview.not_shown:
        words += f" {_many(preview.not_shown, 'picture')} of the sample could not be shown or had no room."
    if preview.categories_not_shown:
        more = _many(preview.categories_not_shown, "more category has", "more categories have")
        words += f" {more} pictures: <code>cairn collect preview --category C</code>."
    return words


def _table(label: str, heads: str, rows: str, kind: str = "") -> str:
    return (
        f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0"><table class="{kind}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _host(url: str | None) -> str | None:
    """The host of an http(s) address; None for all that a page may not link to."""
    try:
        parsed = web_url(url or "")
    except ValueError:
        return None
    return parsed.host if parsed.scheme in ("http", "https") else None


def _short(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1] + "…"


def _many(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
