"""What a file to import says, one row an answer: where it stands, of which picture, by whom; or why it is no answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from annotate_app.answer_words import brief
from label_store import AnswerError

MOST_BYTES = 16 * 2**20
"""Of one line, field or label file: what is longer is a bad row, so that memory stays bounded."""


@dataclass(frozen=True)
class Bad:
    """A row that cannot be taken: its place in the file ("line 7"), and the reason as a sentence, both cut short."""

    place: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("place", "reason"):
            object.__setattr__(self, name, brief(getattr(self, name)))


@dataclass(frozen=True)
class Asked:
    """What an answer must fit: the campaign's kind, the picture's (width, height) in pixels, names of categories.

    `skip_unknown`: an object of a category that the campaign does not ask about is left out; else it is an error.
    """

    kind: str
    size: tuple[int, int]
    slugs: Mapping[str, str]
    skip_unknown: bool = False

    def category(self, name: Any) -> str | None:
        """The slug that a file's word for a category means; None: leave the object out. AnswerError."""
        slug = self.slugs.get(word(name)) if isinstance(name, str) else None
        if slug is None and not self.skip_unknown:
            known = ", ".join(list(dict.fromkeys(self.slugs.values()))[:12])
            raise AnswerError(f"category {name!r} is not one of {known}")
        return slug


@dataclass(frozen=True)
class Row:
    """One answer. `read` gives it for what is asked, not yet checked, or raises AnswerError.

    `item` is what a table calls it (an item's number, a SHA-256, a picture's name), `picture` the name, path or URL of
    the picture. Empty: the file does not say.
    """

    place: str
    read: Callable[[Asked], Any]
    item: str = ""
    picture: str = ""
    category: str = ""
    annotator: str = ""
    role: str = ""
    size: tuple[int, int] | None = None
    """(width, height) of the picture as the file says it."""
    shown_at: Any = None
    answered_at: Any = None
    active_ms: Any = 0
    suggested: Callable[[Asked], Any] | None = None
    """What a model suggested when it was answered, and whether the person saw that: as `read`, where a file tells."""
    suggestion_shown: Any = None
    bytes: int = 0
    """About how much of the file's content the row holds until it is taken."""


def word(name: str) -> str:
    """A category's name for comparison."""
    return " ".join(name.split()).casefold()
