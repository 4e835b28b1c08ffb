"""Safe decoding, canonical pixels, perceptual hashes, near-duplicate checks, thumbnails, encoding."""

from imaging.decode import FORMATS, MAX_PIXELS
from imaging.description import Description, describe, describe_all
from imaging.descriptors import DESCRIPTOR_WIDTH, descriptors, pairs_alike
from imaging.detail import detail
from imaging.encoding import EncodeFormat, Subsampling, encode, thumbnail
from imaging.errors import ImageError, Reason
from imaging.facts import ImageFacts, inspect
from imaging.hashes import (
    PHASH_VERSION,
    dhash_transforms,
    is_plain,
    phash,
    phash_from_hex,
    phash_hex,
    phash_transforms,
    transformed,
)
from imaging.matching import (
    MATCH_THRESHOLD,
    Likeness,
    Prepared,
    compare,
    comparison_picture,
    prepare,
    similarity,
)
from imaging.metadata import FileMetadata, file_metadata
from imaging.neighbours import pairs_across, pairs_within
from imaging.pixels import SmallViews, canonical, hashing_picture, small_views
from imaging.resizing import PIXELS_VERSION, Placement, ResizeMode, resize

__all__ = [
    "SmallViews",
    "small_views",
    "pairs_across",
    "prepare",
    "compare",
    "Prepared",
    "Likeness",
    "pairs_alike",
    "descriptors",
    "detail",
    "dhash_transforms",
    "DESCRIPTOR_WIDTH",
    "Description",
    "EncodeFormat",
    "FORMATS",
    "FileMetadata",
    "ImageError",
    "ImageFacts",
    "MATCH_THRESHOLD",
    "MAX_PIXELS",
    "PHASH_VERSION",
    "PIXELS_VERSION",
    "Placement",
    "Reason",
    "ResizeMode",
    "Subsampling",
    "canonical",
    "comparison_picture",
    "describe",
    "describe_all",
    "encode",
    "file_metadata",
    "hashing_picture",
    "inspect",
    "is_plain",
    "pairs_within",
    "phash",
    "phash_from_hex",
    "phash_hex",
    "phash_transforms",
    "resize",
    "similarity",
    "thumbnail",
    "transformed",
]
