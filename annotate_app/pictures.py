"""Pictures as the pages need them: re-encoded without metadata, in three sizes, each made once and kept.

The bytes that strangers gave never reach a browser; what does was encoded here from canonical pixels.
"""

import os
import threading
import uuid
from pathlib import Path
from typing import Literal

import imaging
from label_store import Workspace

Variant = Literal["thumb", "view", "full"]
SIDES: dict[str, int] = {"thumb": 384, "view": 1600}
"""Longest side of the small variants, in pixels; `full` keeps every pixel."""
_VERSION = 1


class Pictures:
    """Makes and keeps the variants in `cache/pictures` of the workspace; the folder may be removed at any time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._folder = workspace.folder / "cache" / "pictures" / f"v{_VERSION}"
        self._turns = threading.BoundedSemaphore(os.cpu_count() or 1)

    def etag(self, sha256: str, variant: Variant) -> str:
        """A name for these exact bytes."""
        return f'"{sha256[:32]}-{variant}-{_VERSION}"'

    def jpeg(self, sha256: str, variant: Variant) -> bytes:
        """The picture as JPEG; BlobError when its bytes are gone, imaging.ImageError when they cannot be shown."""
        path = self._path(sha256, variant)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            pass
        with self._turns:
            data = self._make(sha256, variant)
        if variant in SIDES:
            _write_whole(path, data)
        return data

    def forget(self, sha256: str) -> None:
        """Remove what was made of a picture whose bytes are gone."""
        for variant in SIDES:
            self._path(sha256, variant).unlink(missing_ok=True)

    def _path(self, sha256: str, variant: str) -> Path:
        return self._folder / variant / sha256[:2] / f"{sha256}.jpg"

    def _make(self, sha256: str, variant: Variant) -> bytes:
        pixels = imaging.canonical(
            self._workspace.blobs.get(sha256), max_pixels=self._workspace.settings.max_image_pixels
        )
        if variant in SIDES:
            return imaging.thumbnail(pixels, SIDES[variant])
        return imaging.encode(pixels, "jpeg", 95)


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
