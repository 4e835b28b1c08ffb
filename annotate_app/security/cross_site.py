"""Requests that another site makes in a visitor's name are refused, without tokens in forms.

Browsers say where a request comes from (Sec-Fetch-Site, else Origin); programs send neither.
https://words.filippo.io/csrf/
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from annotate_app.problems import Problem

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def is_cross_site(method: str, headers: Headers) -> bool:
    """Whether a request that changes something was made by a page of another origin."""
    if method in _SAFE:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


class RefuseCrossSite:
    """ASGI middleware that answers such requests with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] == "http" and is_cross_site(scope["method"], Headers(scope=scope)):
            request = Request(scope, receive)
            problem = Problem(403, "another site sent this request; it was refused")
            await problem.response(request)(scope, receive, send)
            return
        await self.app(scope, receive, send)
