"""What an answer that brings nothing means: statuses, redirects, `Retry-After`, and what a connection can fail by.

Each as a FetchFailed with a reason of the closed list.
"""

import email.utils
import os
import ssl
from datetime import UTC, datetime, timedelta

import aiohttp
from yarl import URL

from collector.connections import RefusedAddress
from collector.errors import FetchFailed
from collector.hosts import Host
from collector.web_url import web_url

MAX_WAIT = 30.0
"""Seconds of `Retry-After` that a run waits for; longer ones are left for a later run."""
_TOO_BUSY = (429, 503)


def refuse_status(response: aiohttp.ClientResponse, host: Host) -> None:
    """Raise FetchFailed for a status that brings no body; a host that is too busy gets the pause that it asks for."""
    status = response.status
    if status < 400 and status not in (204, 304):
        return
    words = f"answered {status} {response.reason or ''}".strip()
    wait = _retry_after(response.headers.get("Retry-After")) if status in _TOO_BUSY else None
    may_pass = status >= 500 or status in (408, 425, 429)
    retry_at = None
    if wait is not None and wait > MAX_WAIT:
        retry_at = datetime.now(UTC) + timedelta(seconds=wait)
    failure = FetchFailed(
        "http_5xx" if status >= 500 else "http_4xx",
        words + (f" and asked to wait {wait:.0f} s" if wait else ""),
        http_status=status,
        may_pass=may_pass,
        retry_at=retry_at,
    )
    if retry_at is not None:
        host.close(failure)
    elif status in _TOO_BUSY:
        host.pause(wait if wait is not None else 1.0)
    raise failure


def redirect(url: URL, response: aiohttp.ClientResponse) -> URL:
    """Where an answer redirects to; FetchFailed where it does not say."""
    location = response.headers.get("Location", "")
    if not location:
        raise FetchFailed(
            "http_4xx", f"answered {response.status} without saying where to", http_status=response.status
        )
    try:
        return url.join(web_url(location.strip())).with_fragment(None)
    except ValueError as error:
        raise FetchFailed(
            "http_4xx", f"redirects to {location[:200]!r}: {error}", http_status=response.status
        ) from error


def _retry_after(value: str | None) -> float | None:
    """Seconds to wait, from a number or an HTTP date (RFC 9110, 10.2.3); None when there is neither."""
    if not value:
        return None
    if value.strip().isascii() and value.strip().isdigit():
        return min(float(value), 7 * 86400.0)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), 7 * 86400.0)


def failure_of(error: Exception, url: URL, timeout: float) -> FetchFailed:
    """The reason, of the closed list, why a request did not end in a response."""
    if isinstance(error, TimeoutError):
        return FetchFailed("timeout", f"{url.host} did not finish within {timeout:g} s", may_pass=True)
    inner = getattr(error, "os_error", None) or error.__cause__
    for cause in (error, inner):
        if isinstance(cause, RefusedAddress):
            return FetchFailed("private_address", str(cause))
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return FetchFailed("dns", f"{url.host} has no address: {inner or error}", may_pass=True)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return FetchFailed("tls", f"{url.host}: {error}", may_pass=True)
    if isinstance(error, aiohttp.InvalidURL):
        return FetchFailed("http_4xx", f"{url} is not a URL: {error}")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return FetchFailed("connect", f"{url.host} closed the connection", may_pass=True)
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        words = os.strerror(error.os_error.errno)  # its own words repeat the address in Python's notation
        return FetchFailed("connect", f"{url.host}, port {url.port}: {words}", may_pass=True)
    return FetchFailed("connect", f"{url.host}: {error or type(error).__name__}", may_pass=True)
