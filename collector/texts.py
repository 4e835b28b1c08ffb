"""Words that came from outside, as every database can keep them."""

import unicodedata
from typing import overload

_UNWANTED = ("Cc", "Cs")
"""Control characters (PostgreSQL takes no NUL) and lone surrogates (no encoding takes them)."""


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
@overload
def storable(text: str | None) -> str | None: ...
def storable(text: str | None) -> str | None:
    """Text without surrogates and control characters; tabs and line ends become spaces."""
    if text is None or text.isprintable():
        return text
    spaced = (" " if c in "\t\n\r\v\f" else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in _UNWANTED)
