"""Small real pictures for the store's tests."""

import io

import numpy as np
from PIL import Image


def jpeg(seed: int, side: int = 48) -> bytes:
    """A JPEG with structure (so that its hash is not a plain picture's), different for each seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92)
    return file.getvalue()
