"""What is known of a picture before it is recorded: where it came from, and what its own bytes say."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

import imaging

_ALREADY_NORMAL = re.compile(r"https?://[a-z0-9.-]+(?::(?!(?:80|443)/)[1-9][0-9]*)?/[!-\"$-~]*(?<!\?)")
"""Most addresses: ASCII without a fragment, the host lower case, no default port, no empty query."""


@dataclass(frozen=True)
class Origin:
    """Where a picture came from. `url` names it for ever (`file:` URLs for folders)."""

    source: str
    url: str
    category: str | None = None
    query: str | None = None
    page_url: str | None = None
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    http_status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    overrides: tuple[str, ...] = ()
    """Opt-outs that the curator turned off by name."""
    opt_outs: tuple[str, ...] = ()
    """Opt-outs that were in force."""
    contributor_id: int | None = None
    fetched_at: datetime | None = None
    approved: bool = True


@dataclass(frozen=True)
class Examined:
    """What the bytes of a picture say of themselves; raises nothing more after this."""

    facts: imaging.ImageFacts
    phash: str | None
    """16 hex digits; None for a plain picture, which is like no other."""
    file: imaging.FileMetadata = field(default=imaging.FileMetadata())
    """What its file says of itself; where it was taken only where that was asked for."""


def url_hash(url: str) -> str:
    """SHA-256 hex of the URL in its normal form: host lower case, no default port, no fragment (RFC 3986, 6.2)."""
    normal = url if _ALREADY_NORMAL.fullmatch(url) else _normal(url)
    return hashlib.sha256(normal.encode("utf-8", "surrogatepass")).hexdigest()


def _normal(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").lower()
        if ":" in host:
            host = f"[{host}]"
        port = parts.port
        default = {"http": 80, "https": 443}.get(parts.scheme.lower())
        netloc = host if port in (None, default) else f"{host}:{port}"
        return urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, ""))
    except ValueError:  # a broken port or bracket: the words themselves are its name
        return url.strip()
