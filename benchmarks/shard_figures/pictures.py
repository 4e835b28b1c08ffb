"""The pictures of the benchmark: 150 photographs, each many times with a comment of its own, as each format's files."""

import hashlib
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path


def photographs(data: Path) -> list[bytes]:
    """The JPEGs of imagenet_samples_150.tar."""
    with tarfile.open(data / "imagenet_samples_150.tar") as archive:
        found = [archive.extractfile(m) for m in archive if m.name.lower().endswith((".jpg", ".jpeg"))]
        return [file.read() for file in found if file is not None]


def small(photos: list[bytes], side: int = 256) -> list[bytes]:
    """The same with the shorter side `side`, JPEG quality 90, 4:2:0: what a trainer reads."""
    from PIL import Image  # a peer's Python may have none

    made = []
    for data in photos:
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("RGB")
        scale = side / min(picture.size)
        picture = picture.resize(
            (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
        )
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90, subsampling="4:2:0")
        made.append(out.getvalue())
    return made


def numbered(photos: list[bytes], count: int) -> Iterator[tuple[str, bytes, int]]:
    """`count` (key, JPEG, label) in key order, all bytes different: a comment segment after the start of the image."""
    keys = sorted((hashlib.sha256(str(i).encode()).hexdigest()[:16], i) for i in range(count))
    for key, i in keys:
        data = photos[i % len(photos)]
        yield key, data[:2] + b"\xff\xfe\x00\x12" + key.encode() + data[2:], i % len(photos)
