"""The files of a folder, a zip or a tar, one after another; nothing is ever written where an archive says."""

import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from annotate_app.importing.rows import MOST_BYTES, Bad
from label_store import UsageError

_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error,
    EOFError, NotImplementedError, OSError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip
"""What zipfile, tarfile and their decompressors raise for bytes that are wrong."""


def entries(place: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes] | Bad]:
    """(name with slashes, content) of the files whose name is wanted; Bad for one that cannot be read or is too long.

    UsageError when it is neither a folder nor an archive. Where an archive breaks off is the last Bad.
    """
    if place.is_dir():
        yield from _folder(place, wanted)
        return
    try:
        is_zip = zipfile.is_zipfile(place)
        if not is_zip and not tarfile.is_tarfile(place):
            raise UsageError(f"{place} is no folder, zip or tar", hint="give one that holds the label files")
    except _BROKEN as error:
        raise UsageError(f"{place} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    yield from _zip(place, wanted) if is_zip else _tar(place, wanted)


def _folder(place: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes] | Bad]:
    for folder, folders, files in os.walk(place):
        folders.sort()
        for file in sorted(files):
            path = Path(folder, file)
            name = path.relative_to(place).as_posix()
            if not wanted(name):
                continue
            try:
                with path.open("rb") as opened:
                    yield _content(name, opened.read(MOST_BYTES + 1))
            except OSError as error:
                yield Bad(name, f"it cannot be read: {error.strerror or error}")


def _zip(place: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes] | Bad]:
    try:
        opened_zip = zipfile.ZipFile(place)
    except _BROKEN as error:
        raise UsageError(f"{place} is a broken zip: {error}", hint="pack it again, or give the folder") from error
    with opened_zip as archive:
        for info in archive.infolist():
            if info.filename.endswith("/") or not wanted(info.filename):  # is_dir() fails for an empty name
                continue
            try:
                with archive.open(info) as opened:
                    yield _content(info.filename, opened.read(MOST_BYTES + 1))
            except _BROKEN as error:
                yield Bad(info.filename, f"it cannot be read: {error}")


def _tar(place: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes] | Bad]:
    last = "the beginning"
    try:
        with tarfile.open(place, "r|*") as archive:
            for info in archive:
                if info.isreg() and wanted(info.name):
                    opened = archive.extractfile(info)
                    assert opened is not None  # it is a regular file
                    yield _content(info.name, opened.read(MOST_BYTES + 1))
                last = info.name
    except _BROKEN as error:
        yield Bad(f"after {last}", f"the archive breaks off: {error}")


def _content(name: str, content: bytes) -> tuple[str, bytes] | Bad:
    if len(content) > MOST_BYTES:
        return Bad(name, f"it is longer than {MOST_BYTES // 2**20} MiB")
    return name.removeprefix("./"), content
