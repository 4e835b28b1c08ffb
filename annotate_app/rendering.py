"""Pages from Jinja2 templates: escaped by default, with the few words every page needs."""

import json
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from annotate_app.languages import context_of, count

FOLDER = Path(__file__).parent
_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")


def markdown(text: str) -> Markup:
    """A guideline as HTML; HTML in it is shown as text, and links can only be http(s), mailto or relative."""
    return Markup(_markdown.render(text))  # noqa: S704  html is off: what comes out was made by the parser


def percent(share: float | None, digits: int = 0) -> str:
    """A share for people; an en dash where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def as_json(value: Any) -> str:
    """JSON text; the template escapes it."""
    return json.dumps(value, ensure_ascii=False)


_templates.filters.update(markdown=markdown, percent=percent, count=count, json=as_json)


def render(request: Request, template: str, *, page_status: int = 200, **values: Any) -> HTMLResponse:
    """A page in the reader's language; `person` is whoever is signed in (None: nobody)."""
    values.setdefault("person", getattr(request.state, "person", None))
    html = _templates.get_template(template).render(request=request, **context_of(request), **values)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"}
    return HTMLResponse(html, status_code=page_status, headers=headers)
