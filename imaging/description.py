"""All that the label store keeps of a picture, from one decoding of it."""

from dataclasses import dataclass

from imaging.decode import MAX_PIXELS, decode
from imaging.facts import ImageFacts, facts_of
from imaging.hashes import phash_unless_plain
from imaging.pixels import as_seen


@dataclass(frozen=True)
class Description:
    """Facts of a picture, and its perceptual hash; None for a plain one, whose hash says nothing."""

    facts: ImageFacts
    phash: int | None


def describe(data: bytes, max_pixels: int = MAX_PIXELS) -> Description:
    """Decode completely, once; raises `ImageError` as `inspect` does."""
    decoded = decode(data, max_pixels)
    return Description(facts_of(data, decoded, max_pixels), phash_unless_plain(as_seen(decoded)))
