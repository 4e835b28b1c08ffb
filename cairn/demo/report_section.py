"""One section of the demo's report, and how its figures are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

PicturesOf = Callable[[str], str | None]
"""The small picture of a SHA-256 as a data URI; None where it was not collected."""


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Section:
    """One step of the chain: what was found, in words, in a chart, in pictures, and by which command."""

    anchor: str
    title: str
    finding: str
    parts: Sequence[str]
    commands: Sequence[str]
    table: Table | None = None


def percent(share: float | None) -> str:
    """A share in per cent, a dash where there is none; small ones with more digits."""
    if share is None:
        return "–"
    return f"{share:.2%}" if 0 < share < 0.01 else f"{share:.1%}"
