"""Finds the pictures of an ImageFolder: which split and class each is in, its format and its SHA-256.

Formats are told by a file's first bytes; nothing is decoded. Hidden files and folders are passed over, and so is what
is a picture neither by its name nor by its first bytes (Thumbs.db, a README).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from shards.atomic import file_sha256
from shards.errors import ShardError

# The names that people give to the three splits. A picture in two of them stays in the first of this order.
SPLIT_FOLDERS = {"test": "test", "val": "val", "valid": "val", "validation": "val", "train": "train"}

_SUFFIXES = frozenset(
    (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif",
        ".jp2", ".j2k",
    )
)  # fmt: skip


@dataclass(frozen=True)
class LeftOut:
    """A file that is not in the release, and why: not_image, unreadable, name, outside, link or leak."""

    path: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Picture:
    """A picture of an ImageFolder; `path` is relative to it, `extension` that of its format."""

    path: str
    split: str
    category: str
    sha256: str
    extension: str
    bytes: int


def is_picture_name(name: str) -> bool:
    """Whether a file of this name should be a picture; hidden ones are somebody else's (`._1.jpg` of a Mac)."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in _SUFFIXES


def picture_extension(head: bytes) -> str | None:
    """The extension of the format that a file's first 16 bytes announce, or None for no picture."""
    for start, extension in _MAGIC.items():
        if head.startswith(start):
            return extension
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"mif1": "heic"}.get(head[8:12])
    return "ppm" if re.match(rb"P[1-6]\s", head) else None


_MAGIC = {
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"BM": "bmp",
    b"II*\0": "tif",
    b"MM\0*": "tif",
    b"\0\0\0\x0cjP  ": "jp2",
}


def class_files(folder: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, str, str]]:
    """(path relative to `folder`, split, class) of every file in a class folder, hidden ones passed over."""
    try:
        entries = sorted(entry for entry in os.listdir(folder) if not entry.startswith("."))
    except OSError as error:
        raise ShardError(f"{folder} cannot be read: {error.strerror}", hint="check the path", exit_code=2) from error
    folders = [entry for entry in entries if (folder / entry).is_dir()]
    in_splits = bool(folders) and all(entry in SPLIT_FOLDERS for entry in folders)
    roots = [(entry, SPLIT_FOLDERS[entry]) for entry in folders] if in_splits else [("", "train")]
    left_out += [_outside(entry) for entry in entries if entry not in folders and is_picture_name(entry)]
    real = folder.resolve()
    for root, split in roots:
        if _leads_out(folder / root, real):
            left_out.append(_link(root))
            continue
        for category in sorted(os.listdir(folder / root)) if root else folders:
            path = str(PurePosixPath(root) / category)
            if category.startswith("."):
                continue
            if not (folder / path).is_dir():
                left_out += [_outside(path)] if is_picture_name(category) else []
                continue
            for file in _files_below(folder, path, real, left_out):
                yield file, split, category


def _files_below(folder: Path, path: str, real: Path, left_out: list[LeftOut]) -> Iterator[str]:
    if _leads_out(folder / path, real):
        left_out.append(_link(path))
        return
    seen = set()
    for parent, children, files in os.walk(folder / path, followlinks=True):
        identity = (os.stat(parent).st_dev, os.stat(parent).st_ino)
        inner = [] if identity in seen else sorted(child for child in children if not child.startswith("."))
        outside = {child for child in inner if _leads_out(Path(parent) / child, real)}
        children[:] = [child for child in inner if child not in outside]
        if identity in seen:
            continue
        seen.add(identity)
        below = Path(parent).relative_to(folder)
        left_out += [_link((below / child).as_posix()) for child in sorted(outside)]
        for name in sorted(files):
            if _leads_out(Path(parent) / name, real):
                left_out += [_link((below / name).as_posix())] if is_picture_name(name) else []
            elif not name.startswith("."):
                yield (below / name).as_posix()


def _leads_out(path: Path, real: Path) -> bool:
    # realpath: Path.resolve raises RuntimeError for a link that leads to itself, which is one file that cannot be read.
    return path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(real)


def _link(path: str) -> LeftOut:
    return LeftOut(printable(path), "link", "it is a link that leads out of the folder")


def _outside(path: str) -> LeftOut:
    return LeftOut(printable(path), "outside", "it is not in a class folder")


def printable(path: str) -> str:
    """A path as UTF-8 text, bytes that are none written as \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def look(folder: Path, path: str, split: str, category: str) -> Picture | LeftOut | None:
    """Read a file once: the picture that it is, why it is left out, or None for what nobody would take for one."""
    if printable(path) != path:
        return LeftOut(printable(path), "name", "its name is not UTF-8")
    if not (folder / path).is_file():
        return LeftOut(path, "unreadable", "it is not a file")
    try:
        with open(folder / path, "rb") as stream:
            extension = picture_extension(stream.read(16))
        sha256, size = file_sha256(folder / path) if extension else ("", 0)
    except OSError as error:
        return LeftOut(path, "unreadable", str(error.strerror or error))
    if extension is None and not is_picture_name(os.path.basename(path)):
        return None
    if extension is None:
        return LeftOut(path, "not_image", "its first bytes are of no picture format")
    return Picture(path, split, category, sha256, extension, size)
