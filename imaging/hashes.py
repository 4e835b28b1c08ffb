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


# Mirroring left and right changes the signs of odd columns of frequencies, top and bottom those of odd rows, and
# transposing transposes: where each name stands among four kinds of signs, then the same four transposed.
_POSITIONS = {
    "identity": 0,
    "mirror": 1,
    "rotate90": 5,
    "rotate180": 3,
    "rotate270": 6,
    "mirror_rotate90": 4,
    "mirror_rotate180": 2,
    "mirror_rotate270": 7,
}
_FOUR_SIGNS = np.stack(np.broadcast_arrays(1.0, _SIGNS, _SIGNS[:, None], _SIGNS * _SIGNS[:, None]))


def phash(image: Image.Image) -> int:
    """The 64-bit perceptual hash of a `hashing_picture`, or of any picture.

    The bits run row by row from the lowest frequency, the first is the highest.
    """
    return _numbers(_bits(_spectrum(_grey(image))[None]))[0]


def phash_transforms(image: Image.Image) -> dict[str, int]:
    """The hashes of the eight ways a square can lie: what `transformed` names, applied before hashing.

    `identity`, `mirror` (left and right changed), `rotate90` (anticlockwise), `rotate180`, `rotate270`,
    and `mirror_rotate90` ...: first mirrored, then turned. All from one cosine transform, and equal to the last bit
    to the hash of the 32 x 32 picture so moved.
    """
    bits = _bits(_spectrum(_grey(image)) * _FOUR_SIGNS)
    numbers = _numbers(np.concatenate([bits, bits.transpose(0, 2, 1)]))
    return {name: numbers[at] for name, at in _POSITIONS.items()}


def dhash_transforms(image: Image.Image) -> dict[str, int]:
    """The difference hashes of the eight ways a picture can lie: 64 bits, whether each of 8 x 8 cells is lighter than
    the one to its left (what `imagehash.dhash` computes with its defaults, here of the same 32 x 32 grey picture)."""
    grey = working_picture(image)
    found = {}
    for name in _DIHEDRAL:
        cells = transformed(grey, name).resize((_KEPT + 1, _KEPT), Image.Resampling.LANCZOS)
        tones = np.asarray(cells, dtype=np.int16)
        found[name] = _numbers((tones[:, 1:] > tones[:, :-1])[None])[0]
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
    return None if _is_plain(grey) else _numbers(_bits(_spectrum(grey)[None]))[0]


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
    pixels = np.frombuffer(working_picture(image).tobytes(), np.uint8)
    return pixels.reshape(_SIDE, _SIDE).astype(np.float64)


def _is_plain(grey: NDArray[np.float64]) -> bool:
    tones = grey.ravel()
    variance = float(tones @ tones) / tones.size - (float(tones.sum()) / tones.size) ** 2
    return variance < _PLAIN_DEVIATION**2


def _spectrum(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """The lowest frequencies, float64 [8, 8]: rows run down the picture, columns across."""
    return _COSINES @ grey @ _COSINES.T


def _bits(spectra: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frequencies of [N, 8, 8] are over their median; over the lower of the middle two is the same, and exact."""
    middle = _KEPT * _KEPT // 2 - 1
    lower = np.partition(spectra.reshape(len(spectra), -1), middle, axis=1)[:, middle]
    return spectra > lower[:, None, None]


def _numbers(bits: NDArray[np.bool_]) -> list[int]:
    """Each [8, 8] as one number, the first bit the highest."""
    return [int(number) for number in np.packbits(bits.reshape(len(bits), -1), axis=1).view(">u8")[:, 0]]
