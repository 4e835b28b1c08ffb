"""Addresses as pages write them, made absolute: http(s) only, without fragment, of bounded length."""

import re

from collector.web_url import web_url

MAX_ADDRESS = 4000
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".tif", ".tiff", ".bmp", ".jp2")
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:", re.ASCII)


def absolute(base: str, href: str | None) -> str | None:
    """An http(s) address without a fragment, or None for everything else."""
    if not href or len(href) > MAX_ADDRESS:
        return None
    href = href.strip()
    if _SCHEME.match(href) and not href.lower().startswith(("http:", "https:")):
        return None
    try:
        joined = web_url(base).join(web_url(href)).with_fragment(None)
        if joined.scheme not in ("http", "https") or not joined.raw_host:
            return None
        address = str(joined)
    except (ValueError, TypeError):
        return None
    return address if len(address) <= MAX_ADDRESS else None


def is_picture_link(url: str) -> bool:
    """Whether an address looks like that of a picture file."""
    try:
        return web_url(url).path.lower().endswith(PICTURE_SUFFIXES)
    except ValueError:
        return False
