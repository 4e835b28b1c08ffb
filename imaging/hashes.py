"""The perceptual hash: pHash, reached by one fixed path and one fixed arithmetic.

pHash: the signs, against their median, of the 8 x 8 lowest frequencies of a 32 x 32 grey picture's cosine
transform (DCT-II; what `imagehash.phash` computes with its defaults). Hashes in the store stay comparable only while
every step stays the same: `hashing_picture` (a JPEG's luma decoded at reduced scale), grey, Lanczos to 32 x 32,
the transform. Change a step and `PHASH_VERSION` must change with it.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PHASH_VERSION: int = 3

_SIDE = 32
_KEPT = 8
_PLAIN_DEVIATION = 5.0
_SIGNS = np.where(np.arange(_KEPT) % 2, -1.0, 1.0)


def _cosines() -> NDArray[np.float64]:
    """DCT-II of the lowest frequencies, float64 [8, 32], rounded to whole numbers of 2^-17.

    With such numbers every product and sum below is exact in float64 (under 2^53), so that the bits are the same
    on every machine, whatever library multiplies, and mirrored pictures have exactly the mirrored signs.
    """
    k, x = np.arange(_KEPT)[:, None], np.arange(_SIDE // 2)[None, :]
    left = np.rint(2.0**17 * np.cos(np.pi * k * (2 * x + 1) / (2 * _SIDE)))
    return np.concatenate([left, left[:, ::-1] * _SIGNS[:, None]], axis=1)


_COSINES = _cosines()

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


# Mirroring left and right changes the signs of odd columns of frequencies, top and bottom those of odd rows,
# and transposing transposes. Each name: (left and right, top and bottom) first, then transposed or not.
_DERIVED: dict[str, tuple[bool, bool, bool]] = {
    "identity": (False, False, False),
    "mirror": (True, False, False),
    "rotate90": (True, False, True),
    "rotate180": (True, True, False),
    "rotate270": (False, True, True),
    "mirror_rotate90": (False, False, True),
    "mirror_rotate180": (False, True, False),
    "mirror_rotate270": (True, True, True),
}


def phash(image: Image.Image) -> int:
    """The 64-bit perceptual hash of a `hashing_picture`, or of any picture.

    The bits run row by row from the lowest frequency, the first is the highest.
    """
    return _number(_bits(_spectrum(_grey(image))))


def phash_transforms(image: Image.Image) -> dict[str, int]:
    """The hashes of the eight ways a square can lie: what `transformed` names, applied before hashing.

    `identity`, `mirror` (left and right changed), `rotate90` (anticlockwise), `rotate180`, `rotate270`,
    and `mirror_rotate90` ...: first mirrored, then turned. All from one cosine transform, and equal to the last bit
    to the hash of the 32 x 32 picture so moved.
    """
    spectrum = _spectrum(_grey(image))
    found: dict[str, int] = {}
    for name, (across, down, transposed) in _DERIVED.items():
        signed = spectrum * _SIGNS if across else spectrum
        bits = _bits(signed * _SIGNS[:, None] if down else signed)
        found[name] = _number(bits.T if transposed else bits)
    return found


def transformed(image: Image.Image, name: str) -> Image.Image:
    """The image after the transform that `phash_transforms` calls `name`."""
    move = _DIHEDRAL[name]
    return image if move is None else image.transpose(move)


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
    return _is_plain(_grey(image))


def phash_unless_plain(image: Image.Image) -> int | None:
    """`phash`, or None where `is_plain`, at the cost of one of them."""
    grey = _grey(image)
    return None if _is_plain(grey) else _number(_bits(_spectrum(grey)))


def working_picture(image: Image.Image, size: tuple[float, float] | None = None) -> Image.Image:
    """The grey picture of 32 x 32 that is hashed; `size`, from the top left, is the part of `image` that counts."""
    grey = image if image.mode == "L" else image.convert("L")
    whole = grey.size
    if whole == (_SIDE, _SIDE) == (size or whole):
        return grey
    box = (0.0, 0.0, *(size or (float(whole[0]), float(whole[1]))))
    return grey.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0)


def _grey(image: Image.Image) -> NDArray[np.float64]:
    """float64 [32, 32], whole numbers 0 to 255."""
    return np.asarray(working_picture(image), dtype=np.float64)


def _is_plain(grey: NDArray[np.float64]) -> bool:
    return float(grey.std()) < _PLAIN_DEVIATION


def _spectrum(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest frequencies, float64 [8, 8]: rows run down the picture, columns across."""
    return _COSINES @ grey @ _COSINES.T


def _bits(spectrum: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frequencies are over the median; over the lower of the middle two is the same, and exact."""
    return spectrum > np.partition(spectrum, _KEPT * _KEPT // 2 - 1, axis=None)[_KEPT * _KEPT // 2 - 1]


def _number(bits: NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
