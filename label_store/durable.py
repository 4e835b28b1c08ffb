"""Files and folders that survive power loss (POSIX: a name is durable only when its folder was flushed too).

Many small files are flushed by one `syncfs`: a commit of the file system's journal for each of them would take
six times as long.
"""

import ctypes
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path


def make_durable(folder: Path) -> None:
    """Make a folder and those above it; the entry of each new one is flushed in the folder that holds it."""
    if folder.is_dir():
        return
    make_durable(folder.parent)
    folder.mkdir(exist_ok=True)
    flush(folder.parent)


def flush(path: Path | str) -> None:
    """Flush one file, or the names in one folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_all(paths: Sequence[Path | str]) -> None:
    """Flush files and folders of one file system; raises OSError when any byte could not be written."""
    if len(paths) < _MANY or _libc is None:
        for path in paths:
            flush(path)
        return
    descriptor = os.open(paths[0], os.O_RDONLY)
    try:
        if _libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
    finally:
        os.close(descriptor)


def _with_syncfs() -> ctypes.CDLL | None:
    """The C library where syncfs reports what failed to be written (Linux 5.8 and later)."""
    if sys.platform != "linux":
        return None
    major, _, rest = platform.release().partition(".")
    minor = rest.partition(".")[0]
    if not (major.isdigit() and minor.isdigit() and (int(major), int(minor)) >= (5, 8)):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    return library if hasattr(library, "syncfs") else None


_MANY = 4
_libc = _with_syncfs()
