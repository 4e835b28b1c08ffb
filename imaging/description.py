"""All that the label store keeps of a picture, from one decoding of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.decode import MAX_PIXELS, decode
from imaging.errors import ImageError
from imaging.facts import ImageFacts, facts_of
from imaging.hashes import phash_unless_plain
from imaging.metadata import FileMetadata, file_metadata
from imaging.pixels import LUMA_SIDE, hashed


@dataclass(frozen=True)
class Description:
    """What a picture is, what it looks like, and what its file says of it."""

    facts: ImageFacts
    phash: int | None
    """The perceptual hash; None for a plain picture, whose hash says nothing."""
    file: FileMetadata


def describe(data: bytes, max_pixels: int = MAX_PIXELS) -> Description:
    """Decode completely, once; raises `ImageError` as `inspect` does."""
    decoded = decode(data, max_pixels, LUMA_SIDE)
    facts = facts_of(data, decoded, max_pixels)
    return Description(facts, phash_unless_plain(hashed(decoded)), file_metadata(decoded.image))


def describe_all(pictures: Sequence[bytes], max_pixels: int = MAX_PIXELS) -> list[Description | ImageError]:
    """`describe` of each; what it raises of a picture stands in the picture's place."""
    found: list[Description | ImageError] = []
    for data in pictures:
        try:
            found.append(describe(data, max_pixels))
        except ImageError as error:
            found.append(error)
    return found
