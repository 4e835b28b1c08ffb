"""Files that appear whole or not at all: written under a temporary name, synced, then renamed."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shards.errors import ShardError

_BLOCK = 1 << 20


def temporary_name(path: Path) -> Path:
    """The name that `path` has while it is being written; a leading dot keeps it out of listings."""
    return path.with_name(f".{path.name}.partial")


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, path: Path) -> None:
    """Give a written and synced temporary file its final name, durably."""
    os.replace(temporary, path)
    sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old bytes or all of the new ones."""
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        publish(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise write_failed(path, error) from error


def write_failed(path: Path, error: OSError) -> ShardError:
    """The sentence for a file that could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    hint = "free some space" if full else "check that the folder exists and may be written to"
    return ShardError(f"{path} could not be written: {error.strerror or error}", hint=f"{hint}, then run it again")


def file_sha256(path: Path) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of a file, read in blocks."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


@contextmanager
def whole_folder(out: Path, *, resume: bool = False) -> Iterator[Path]:
    """A folder to write into that is named `out` when the block ends well, and is gone when it does not.

    What a killed run left is removed first, or with `resume` still there. ShardError if `out` exists and is not an
    empty folder.
    """
    partial = temporary_name(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ShardError(f"{out} exists already", hint="give the name of a new folder", exit_code=2)
    if not resume:
        shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        yield partial
        publish(partial, out)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise write_failed(out, error) from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
