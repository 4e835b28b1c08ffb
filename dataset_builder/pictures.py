"""Pictures in any folders and tars, outside a workspace: found, fingerprinted, kept small for comparison."""

import os
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imaging
from dataset_builder.errors import RecipeError
from dataset_builder.fingerprints import COMPARISON_SIDE, Fingerprint, HashKind, fingerprint_alone, small_picture
from dataset_builder.pool import map_partitions
from shards.classfolders import is_picture_name

Progress = Callable[[int, int | None, str], None]

_TARS = (".tar", ".tar.gz", ".tgz")
_PART = 64
_THUMBNAIL = 160


@dataclass(frozen=True)
class Place:
    """One picture: a file, or a member of a tar that lies `offset` bytes in (None where the tar is packed)."""

    path: Path
    member: str = ""
    offset: int | None = None
    size: int = 0

    def __str__(self) -> str:
        return f"{self.path}::{self.member}" if self.member else str(self.path)

    def read(self) -> bytes:
        """The bytes of the picture; OSError, also where a tar that is packed has changed."""
        if not self.member:
            return self.path.read_bytes()
        if self.offset is None:
            try:
                with tarfile.open(self.path) as tar:
                    found = tar.extractfile(self.member)
                    return found.read() if found is not None else b""
            except (tarfile.TarError, EOFError, KeyError, zlib.error) as error:
                raise OSError(f"{self.path} cannot be read: {error}") from error
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


@dataclass(frozen=True)
class Unreadable:
    """A file that looks like a picture by its name and is none, with the reason."""

    path: str
    why: str


class Gallery:
    """Fingerprints of many pictures, and the small ones on disk in a temporary file."""

    def __init__(self, places: list[Place], fingerprints: list[Fingerprint], small: NDArray[np.uint8]) -> None:
        self.places = places
        self.fingerprints = fingerprints
        self._small = small

    def __len__(self) -> int:
        return len(self.places)

    def small(self, index: int) -> Image.Image:
        """What pairs are compared on."""
        return small_picture(self._small[index].tobytes())

    def thumbnail(self, index: int) -> bytes:
        """A JPEG for pages, made from the picture itself."""
        return imaging.thumbnail(imaging.canonical(self.places[index].read()), _THUMBNAIL)


def find_pictures(paths: Sequence[Path]) -> list[Place]:
    """Every picture under folders, in tars, or named itself, once, sorted; RecipeError for a path not there.

    What is no picture by its name (Thumbs.db, a README) is passed over.
    """
    found: dict[str, Place] = {}
    for path in paths:
        if path.is_dir():
            files = sorted(_files_below(path))
        elif path.is_file():
            files = [path]
        else:
            raise RecipeError(f"there is nothing at {path}", hint="give folders, tars or pictures")
        for file in files:
            if file.name.lower().endswith(_TARS):
                for place in _members(file):
                    found.setdefault(str(place), place)
            elif is_picture_name(file.name) or path == file:
                found.setdefault(str(file), Place(file))
    return [found[name] for name in sorted(found)]


def read_gallery(
    places: Sequence[Place], workers: int = 2, progress: Progress | None = None, kind: HashKind = "phash"
) -> tuple[Gallery, list[Unreadable]]:
    """Fingerprint pictures in worker processes; what cannot be read is told and left out."""
    parts = [tuple(places[start : start + _PART]) for start in range(0, len(places), _PART)]
    kept: list[Place] = []
    fingerprints: list[Fingerprint] = []
    unreadable: list[Unreadable] = []
    with tempfile.TemporaryFile() as file:
        done = 0
        for part, outcomes in zip(parts, map_partitions(partial(_fingerprint_part, kind), parts, workers), strict=True):
            for place, outcome in zip(part, outcomes, strict=True):
                if isinstance(outcome, str):
                    unreadable.append(Unreadable(str(place), outcome))
                    continue
                kept.append(place)
                fingerprints.append(outcome[0])
                file.write(outcome[1])
            done += len(part)
            if progress is not None:
                progress(done, len(places), f"{len(unreadable)} unreadable" if unreadable else "")
        file.flush()
        shape = (len(kept), COMPARISON_SIDE, COMPARISON_SIDE, 3)
        # A mapping outlives the closing of its file.
        small = np.memmap(file, np.uint8, "r", shape=shape) if kept else np.zeros(shape, np.uint8)
    return Gallery(kept, fingerprints, small), unreadable


def _fingerprint_part(kind: HashKind, places: tuple[Place, ...]) -> list[tuple[Fingerprint, bytes] | str]:
    found: list[tuple[Fingerprint, bytes] | str] = []
    for place in places:
        try:
            found.append(fingerprint_alone(place.read(), kind))
        except (imaging.ImageError, OSError) as error:
            found.append(str(error))
    return found


def _files_below(path: Path) -> Iterator[Path]:
    """Hidden files and folders are passed over, as `cairn shards` and `cairn collect folder` do."""
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith(".")]
        yield from (Path(folder) / name for name in names if not name.startswith("."))


def _is_shown(member: PurePosixPath) -> bool:
    return is_picture_name(member.name) and not any(part.startswith(".") and part != ".." for part in member.parts)


def _members(path: Path) -> Iterator[Place]:
    try:
        with tarfile.open(path) as tar:
            plain = path.name.lower().endswith(".tar")
            for member in tar:
                if member.isfile() and _is_shown(PurePosixPath(member.name)):
                    yield Place(path, member.name, member.offset_data if plain else None, member.size)
            _refuse_rest(tar)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise RecipeError(f"{path} cannot be read as a tar: {error}", hint="unpack it, or leave it out") from error


def _refuse_rest(tar: tarfile.TarFile) -> None:
    """TarError where what follows the last member is not the end: tarfile takes a broken header for it, in silence."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
        raise tarfile.ReadError(f"it is broken behind its member {len(tar.getmembers()):,}")
