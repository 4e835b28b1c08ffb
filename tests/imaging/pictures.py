"""Small drawn pictures for tests, the same every time."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageFilter


def scene(seed: int, width: int = 240, height: int = 180) -> Image.Image:
    """A picture with structure at every scale, another one for every seed."""
    random = np.random.default_rng(seed)
    layers = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 30):
        coarse = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        layers += np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    stretched = (layers - layers.min()) * (255 / (layers.max() - layers.min()))
    return Image.fromarray(stretched.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))


def file_bytes(image: Image.Image, format: str, **options: Any) -> bytes:  # noqa: A002
    """The picture as a file of that format."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()
