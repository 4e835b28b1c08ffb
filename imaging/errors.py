"""The one exception of this room: a picture that cannot be used, with a sentence for a person."""

from typing import Literal

Reason = Literal["not_image", "undecodable", "too_large"]

_HINTS: dict[Reason, str] = {
    "not_image": "Check that the link or file leads to a picture itself and not to a page about it.",
    "undecodable": "Fetch or export the picture again, as JPEG, PNG or WebP.",
    "too_large": "Scale the picture down, or raise the limit of pixels.",
}


class ImageError(ValueError):
    """A picture was refused. `str()` says why; `reason` is the word that tables keep.

    `reason` is "not_image" (the bytes are something else), "undecodable" (broken, truncated or in an
    encoding not read here) or "too_large" (declares more pixels than allowed).
    """

    exit_code: int = 1

    def __init__(self, reason: Reason, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.hint: str = _HINTS[reason] if hint is None else hint

    def __reduce__(self) -> tuple[type["ImageError"], tuple[Reason, str, str]]:
        # Exceptions pickle by their `args`; without this, one raised in a worker process is lost on the way.
        return (type(self), (self.reason, str(self), self.hint))
