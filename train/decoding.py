"""From a picture's bytes to the square of pixels that is kept: by Pillow, or a batch at once where the network is.

Resizing on the device uses another bicubic filter than Pillow's, so that pixels differ by a few of 255 levels.
"""

import logging
import warnings
from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

LARGE_SIDE = 128  # from this size on a margin is kept around what is seen, as is usual: 256 for 224
JPEG_START = b"\xff\xd8"
EXIF_ORIENTATION = 0x0112
LOG = logging.getLogger(__name__)
_told: set[torch.device] = set()  # of which it was said that Pillow decodes in their stead


def stored_side(size: int) -> int:
    """The side in pixels at which pictures are kept for a network that sees `size`."""
    return size if size < LARGE_SIDE else round(size * 8 / 7)


def square(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    """The middle square of an RGB picture, its shorter side resized to `side`; uint8 [side, side, 3]."""
    width, height = picture.size
    if (width, height) != (side, side):
        short = min(width, height)
        left, top = (width - short) / 2, (height - short) / 2
        picture = picture.resize(
            (side, side), Image.Resampling.BICUBIC, box=(left, top, left + short, top + short), reducing_gap=3.0
        )
    return np.asarray(picture, np.uint8)


def decode_on_device(
    encoded: Sequence[bytes], side: int, device: torch.device, by_pillow: Callable[[int], NDArray[np.uint8]]
) -> Tensor:
    """Middle squares uint8 [B, side, side, 3] on `device`: JPEGs decoded by torchvision (nvJPEG on a GPU).

    `by_pillow(i)` gives the square of picture i where torchvision cannot: of another format, one that EXIF turns, or
    all of a batch in which one is broken, whose sentence it then raises, or for which memory was short. That a whole
    batch went to Pillow is logged once for a device: it is much slower.
    """
    fit = [i for i, data in enumerate(encoded) if is_upright_jpeg(data)]
    try:
        decoded = dict(zip(fit, decode_jpegs([encoded[i] for i in fit], device), strict=True))
        why = ""
    except RuntimeError as error:
        decoded, why = {}, str(error).partition("\n")[0]
    found = [
        square_on_device(decoded[i], side) if i in decoded else torch.from_numpy(np.array(by_pillow(i))).to(device)
        for i in range(len(encoded))
    ]
    if why and device not in _told:
        _told.add(device)
        LOG.warning("a batch was decoded by Pillow, which is slower: torchvision could not on %s (%s)", device, why)
    return torch.stack(found)


def is_upright_jpeg(data: bytes) -> bool:
    """Whether these are the bytes of a JPEG that EXIF does not turn; only its header is read."""
    if not data.startswith(JPEG_START):
        return False
    try:
        with Image.open(BytesIO(data)) as opened:
            return opened.mode in ("RGB", "L") and opened.getexif().get(EXIF_ORIENTATION, 1) == 1
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return False


def decode_jpegs(encoded: Sequence[bytes], device: torch.device) -> list[Tensor]:
    """uint8 [3, H, W] of each JPEG, on `device`. RuntimeError where one is broken or torchvision cannot."""
    if not encoded:
        return []
    from torchvision.io import ImageReadMode, decode_jpeg

    tensors = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in encoded]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision announces another package for this, which need not be here
        found: list[Tensor] = decode_jpeg(tensors, mode=ImageReadMode.RGB, device=device)
    return found


def square_on_device(picture: Tensor, side: int) -> Tensor:
    """uint8 [3, H, W] -> its middle square, uint8 [side, side, 3]."""
    height, width = picture.shape[1:]
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    middle = picture[None, :, top : top + short, left : left + short]
    if short != side:
        resized = F.interpolate(middle.float(), (side, side), mode="bicubic", antialias=True, align_corners=False)
        middle = resized.round().clamp(0, 255).to(torch.uint8)
    return middle[0].permute(1, 2, 0)
