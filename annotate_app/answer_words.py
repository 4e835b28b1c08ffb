"""An answer or a reason in a few words, for people who read lists of them; of drawings, how many there are of what."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from label_store import as_word

_MOST = 300


def in_words(answer: Mapping[str, Any]) -> str:
    """A word where it is one, "2 boat, 1 cup" or "nothing" of drawings, else JSON; without its comment."""
    for objects in ("boxes", "shapes"):
        if objects in answer:
            found = Counter(entry["category"] for entry in answer[objects])
            return ", ".join(f"{n} {category}" for category, n in sorted(found.items())) or "nothing"
    return as_word({key: value for key, value in answer.items() if key != "comment"})


def brief(text: str) -> str:
    """The beginning of what may repeat megabytes of a file, as reasons do."""
    return text if len(text) <= _MOST else text[:_MOST] + "…"
