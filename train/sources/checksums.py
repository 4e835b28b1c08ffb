"""A release's shards against the checksums of its manifest, before anything is learnt from them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from shards import ShardError, read_manifest
from train.errors import TrainError

Progress = Callable[[int, int | None, str], None]
ALWAYS = 2 << 30  # bytes up to which a release is checked without being asked: a few seconds
CHUNK = 1 << 20


def check_release(place: str, asked: bool | None, progress: Progress | None = None) -> None:
    """Compare every shard of the release at `place`; nothing for other datasets, or where `asked` is False.

    A release at a URL is proven tar by tar, each before anything of it is read.
    Where it was not said, releases of up to 2 GiB are checked. TrainError names the first file that is wrong.
    """
    path = Path(place)
    if asked is False or "://" in place or not (path / "dataset.json").is_file():
        return
    try:
        manifest = read_manifest(path)
    except ShardError as error:
        raise TrainError(str(error), error.hint, error.exit_code) from error
    files = [(split, shard) for split, found in manifest.splits.items() for shard in found.shards]
    total = sum(shard.bytes for _, shard in files)
    if asked is None and total > ALWAYS:
        return
    done = 0
    for _, shard in files:
        digest = hashlib.sha256()
        try:
            with (path / shard.file).open("rb") as opened:
                while chunk := opened.read(CHUNK):
                    digest.update(chunk)
                    done += len(chunk)
        except OSError as error:
            raise TrainError(f"{path / shard.file} cannot be read ({error.strerror}).", HINT) from error
        if digest.hexdigest() != shard.sha256:
            raise TrainError(f"{path / shard.file} is not what the manifest says: its SHA-256 is wrong.", HINT)
        if progress:
            progress(done, total, "checking shards")


HINT = "copy or download that file again; `cairn verify RELEASE` lists everything that is damaged"
