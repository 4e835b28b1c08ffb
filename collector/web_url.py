"""Addresses that came from outside, parsed by the parser that the connection uses."""

from yarl import URL


def web_url(text: str) -> URL:
    """The URL that a text is; raises ValueError for whatever is none."""
    try:
        return URL(text)
    except (IndexError, TypeError) as error:  # yarl, of empty brackets as in "http://[]@/"
        raise ValueError(f"{text[:200]!r} cannot be read as a URL") from error
