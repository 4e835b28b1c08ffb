"""The perceptual hash of canonical pixels: imagehash's pHash, reached by one fixed path.

pHash: the signs, against their median, of the 8 x 8 lowest frequencies of a 32 x 32 grey picture's cosine
transform. Hashes in the store stay comparable only while every step before stays the same: `hashing_picture`
(a JPEG decoded at reduced scale), grey, box average to 128 x 128, `imagehash.phash`. Change a step and
`PHASH_VERSION` must change with it.
"""

import numpy as np
from PIL import Image

PHASH_VERSION: int = 2

HASHING_SIDE = 128
_PLAIN_DEVIATION = 5.0

_DIHEDRAL: dict[str, Image.Transpose | None] = {
    "identity": None,
    "mirror": Image.Transpose.FLIP_LEFT_RIGHT,
    "rotate90": Image.Transpose.ROTATE_90,
    "rotate180": Image.Transpose.ROTATE_180,
    "rotate270": Image.Transpose.ROTATE_270,
    "mirror_rotate90": Image.Transpose.TRANSPOSE,
    "mirror_rotate180": Image.Transpose.FLIP_TOP_BOTTOM,
    "mirror_rotate270": Image.Transpose.TRANSVERSE,
}


def phash(image: Image.Image) -> int:
    """The 64-bit perceptual hash of a `hashing_picture`; the first bit of imagehash's order is the highest."""
    return _phash_of_working(_working(image))


def phash_transforms(image: Image.Image) -> dict[str, int]:
    """The hashes of the eight ways a square can lie: what `transformed` names, applied before hashing.

    `identity`, `mirror` (left and right changed), `rotate90` (anticlockwise), `rotate180`, `rotate270`,
    and `mirror_rotate90` ...: first mirrored, then turned.
    """
    working = _working(image)
    return {name: _phash_of_working(_moved(working, move)) for name, move in _DIHEDRAL.items()}


def transformed(image: Image.Image, name: str) -> Image.Image:
    """The image after the transform that `phash_transforms` calls `name`."""
    return _moved(image, _DIHEDRAL[name])


def phash_hex(value: int) -> str:
    """The hash as 16 hex digits, the form of tables and releases."""
    if not 0 <= value < 1 << 64:
        raise ValueError(f"{value} is not a 64-bit hash")
    return f"{value:016x}"


def phash_from_hex(text: str) -> int:
    """The inverse of `phash_hex`; raises `ValueError` for anything but 16 hex digits."""
    if len(text) != 16 or not all(digit in "0123456789abcdefABCDEF" for digit in text):
        raise ValueError(f"{text!r} is not a hash of 16 hex digits")
    return int(text, 16)


def is_plain(image: Image.Image) -> bool:
    """Whether a picture is nearly one tone, so that its hash says nothing: never pair two such by hash."""
    return _is_plain_working(_working(image))


def phash_unless_plain(image: Image.Image) -> int | None:
    """`phash`, or None where `is_plain`, at the cost of one of them."""
    working = _working(image)
    return None if _is_plain_working(working) else _phash_of_working(working)


def _is_plain_working(working: Image.Image) -> bool:
    grey = np.asarray(working.resize((32, 32), Image.Resampling.BOX), dtype=np.float32)
    return float(grey.std()) < _PLAIN_DEVIATION


def _working(image: Image.Image) -> Image.Image:
    return image.convert("L").resize((HASHING_SIDE, HASHING_SIDE), Image.Resampling.BOX)


def _moved(image: Image.Image, move: Image.Transpose | None) -> Image.Image:
    return image if move is None else image.transpose(move)


def _phash_of_working(working: Image.Image) -> int:
    import imagehash  # with scipy behind it, half a second to import; the trainer must not need it

    bits = imagehash.phash(working, hash_size=8, highfreq_factor=4).hash
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")
