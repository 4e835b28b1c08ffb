"""The TDM Reservation Protocol (W3C Community Group report, 10 May 2024): who reserves text and data mining.

A site says it in `/.well-known/tdmrep.json` by path, a response in its header `tdm-reservation`, a page in a `<meta>`
of that name; each supersedes the one before. Pure, and never raises: what cannot be read reserves nothing.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from yarl import URL

PATH = "/.well-known/tdmrep.json"
NAME = "tdm-reservation"
"""Of the header, the `<meta>` and the key in the file."""
MAX_BYTES = 256 * 1024
_MAX_RULES = 2000
_MAX_PATTERN = 2000
_UNRESERVED = re.compile(r"%(2[DE]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])", re.IGNORECASE)


@dataclass(frozen=True)
class _Rule:
    parts: tuple[str, ...]
    """What stands between the pattern's stars."""
    ends: bool
    reserved: bool

    def matches(self, path: str) -> bool:
        first, *rest = self.parts
        if not path.startswith(first):
            return False
        if not rest:
            return not self.ends or path == first
        at = len(first)
        *middle, last = rest
        for part in middle:
            at = path.find(part, at)
            if at < 0:
                return False
            at += len(part)
        if self.ends:
            return len(path) - len(last) >= at and path.endswith(last)
        return path.find(last, at) >= 0


@dataclass(frozen=True)
class Reservations:
    """The rules of one site's file, in its order."""

    rules: tuple[_Rule, ...] = ()

    def reserve(self, url: URL) -> bool:
        """Whether mining of this URL is reserved: the first rule whose pattern matches says so."""
        if not self.rules:
            return False
        path = _normal(url.raw_path_qs)
        return next((rule.reserved for rule in self.rules if rule.matches(path)), False)


def read_tdmrep(body: bytes) -> Reservations:
    """The rules of a tdmrep.json; a rule that is not one is passed over."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Reservations()
    rows = document if isinstance(document, list) else [document]  # a single rule without its brackets is meant as one
    rules = (_rule(row) for row in rows[:_MAX_RULES])
    return Reservations(tuple(rule for rule in rules if rule is not None))


def reservation(value: object) -> bool | None:
    """What a value of `tdm-reservation` says: 1 reserves, 0 does not, anything else is unset."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return {"1": True, "0": False}.get(text)


def _rule(row: Any) -> _Rule | None:
    if not isinstance(row, dict):
        return None
    pattern, reserved = row.get("location"), reservation(row.get(NAME))
    if not isinstance(pattern, str) or not 0 < len(pattern) <= _MAX_PATTERN or reserved is None:
        return None
    if not pattern.startswith(("/", "*")):
        pattern = f"/{pattern}"
    ends = pattern.endswith("$")
    parts = re.sub(r"\*+", "*", pattern.removesuffix("$")).split("*")
    return _Rule(tuple(_normal(part) for part in parts), ends, reserved)


def _normal(path: str) -> str:
    """A path or a part of one as both sides are compared: unreserved characters plain, what is not ASCII encoded."""
    plain = _UNRESERVED.sub(lambda found: unquote(found[0]), path)
    encoded = plain if plain.isascii() else quote(plain, safe="".join(map(chr, range(33, 127))))
    return re.sub(r"%[0-9a-f]{2}", lambda found: found[0].upper(), encoded) if "%" in encoded else encoded
