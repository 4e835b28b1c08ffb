"""What a search source is asked: one query's words, the category they are for, and where the words came from."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["given", "name", "synonym", "parent", "translation"]


@dataclass(frozen=True)
class Query:
    """One query of a search source."""

    words: str
    category: str
    """Slug of the category that its pictures are proposed for."""
    kind: Kind = "given"
    """Where the words come from: the curator, the category's name, a synonym, a parent's word, a translation."""
    language: str = "en"
    """BCP 47 tag of the words."""
    limit: int | None = None
    """Pictures wanted of it, where that is not the source's own limit."""
