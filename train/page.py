"""The frame of a page that needs nothing else: its style inside, sections that can be linked to."""

from html import escape
from pathlib import Path


def page(title: str, sections: list[str]) -> str:
    """A whole HTML file."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style><main><h1>{escape(title)}</h1>"
        f"{''.join(sections)}</main></html>\n"
    )


def section(anchor: str, title: str, body: str) -> str:
    """A part of the page that can be linked to."""
    return f'<section id="{anchor}"><h2><a href="#{anchor}">{title}</a></h2>{body}</section>'
