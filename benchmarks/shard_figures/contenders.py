"""One contender's one job in a process of its own: `python -m ... JOB WHO FOLDER DATA COUNT`; prints its times as JSON.

Imports and the making of pictures count for nobody, opening only for what is remote or cold; the samples do.
"""

import importlib
import io
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SHARD = 8 * 2**20
_PACKAGES = {
    "cairn": "shards",
    "bare": "shards",
    "webdataset": "webdataset",
    "mds": "streaming",
    "litdata": "litdata.streaming.writer",
}
CROP = 224


def write(who: str, folder: Path, samples: list[tuple[str, bytes, int]]) -> None:
    """Tars (or the format's own files) of JPEGs as they are."""
    if who == "cairn":
        import shards

        with shards.ShardWriter(folder, "train", SHARD) as writer:
            for key, data, label in samples:
                writer.add(key, {"jpg": data}, label, [(label, 1.0)])
        files = {"train": writer.close()}
        categories = tuple(shards.Category(k, f"c{k}", f"c{k}") for k in range(150))
        pixels = shards.Pixels(size=None, mode="untouched", format="jpeg")
        manifest = shards.Manifest("bench", 1, categories, files, shards.list_files(folder, files), pixels)
        shards.write_manifest(folder, manifest)
    elif who == "webdataset":
        import webdataset

        folder.mkdir(parents=True)
        with webdataset.ShardWriter(str(folder / "%06d.tar"), maxsize=SHARD, maxcount=10**9, verbose=0) as writer:
            for key, data, label in samples:
                writer.write({"__key__": key, "jpg": data, "cls": label, "json": {"key": key, "label": label}})
    elif who == "mds":
        from streaming import MDSWriter

        columns = {"jpg": "bytes", "cls": "int", "json": "json"}
        with MDSWriter(out=str(folder), columns=columns, size_limit=SHARD) as writer:
            for key, data, label in samples:
                writer.write({"jpg": data, "cls": label, "json": {"key": key, "label": label}})
    elif who == "litdata":
        from litdata.streaming.writer import BinaryWriter

        folder.mkdir(parents=True)
        writer = BinaryWriter(str(folder), chunk_bytes=SHARD)
        for i, (key, data, label) in enumerate(samples):
            writer[i] = {"jpg": data, "cls": label, "key": key}
        writer.done()
        writer.merge()


def raw(who: str, folder: Path, url: str = "") -> Iterator[bytes]:
    """Each JPEG once, shuffled as the contender does it by default."""
    if who == "cairn":
        from shards import Stream, open_release

        release = open_release(url or folder, cache=folder / "cache") if url else open_release(folder)
        yield from (sample.image for sample in Stream(release.split("train"), seed=1))
    elif who == "webdataset":
        import webdataset

        tars = json.loads(url) if url else sorted(str(path) for path in folder.glob("*.tar"))
        data = webdataset.WebDataset(tars, shardshuffle=len(tars), seed=1, empty_check=False).shuffle(1000)
        yield from (sample["jpg"] for sample in data)
    elif who == "mds":
        from streaming import StreamingDataset

        yield from (sample["jpg"] for sample in StreamingDataset(local=str(folder), shuffle=True, batch_size=1))
    elif who == "litdata":
        from litdata import StreamingDataset

        yield from (sample["jpg"] for sample in StreamingDataset(str(folder), shuffle=True))


def pillow(data: bytes, dice: random.Random) -> Any:
    """RGB, then a random crop."""
    from PIL import Image

    picture = Image.open(io.BytesIO(data)).convert("RGB")
    x, y = dice.randint(0, picture.width - CROP), dice.randint(0, picture.height - CROP)
    import numpy as np

    return np.asarray(picture.crop((x, y, x + CROP, y + CROP)))


def turbo(data: bytes, dice: random.Random) -> Any:
    """The same by simplejpeg (libjpeg-turbo)."""
    import simplejpeg

    picture = simplejpeg.decode_jpeg(data, fastdct=True)
    y, x = dice.randint(0, picture.shape[0] - CROP), dice.randint(0, picture.shape[1] - CROP)
    return picture[y : y + CROP, x : x + CROP].copy()


def resize(who: str) -> Callable[[bytes], Any]:
    """A JPEG made small, shorter side 256, quality 90."""
    if who == "cairn":
        import imaging
        from imaging import resizing

        resizing._FEW = 0  # as in every process after its first pictures

        def ours(data: bytes) -> bytes:
            return imaging.encode(imaging.resize(imaging.canonical(data), 256, "shorter_side")[0], "jpeg", 90, "4:2:0")

        return ours
    from img2dataset.resizer import Resizer

    resizer = Resizer(256, "keep_ratio", resize_only_if_bigger=False, encode_quality=90)

    def theirs(data: bytes) -> bytes:
        made, *_, error = resizer(io.BytesIO(data))
        assert error is None, error
        return made  # type: ignore[no-any-return]

    return theirs


def main() -> None:
    """Do the job, print images, bytes, seconds and CPU seconds (children's too)."""
    job, who, folder, data, count, url = sys.argv[1:]
    from benchmarks.shard_figures import pictures

    target, n = Path(folder), int(count)
    photos = pictures.photographs(Path(data)) if job in ("write", "resize") else []
    dice = random.Random(1)
    made: Any = []
    if job != "resize":
        importlib.import_module(_PACKAGES[who])
    if job == "write":
        samples = list(pictures.numbered(pictures.small(photos) if "small" in folder else photos, n))
        began, images = _clock(), n
        write(who, target, samples)
        size = sum(len(data) for _, data, _ in samples)
    elif job == "resize":
        work = resize(who)
        work(photos[0])
        began, images = _clock(), n
        made = [len(work(photos[i % len(photos)])) for i in range(n)]
        size = sum(made)
    else:
        source: Iterator[bytes] = raw(who, target, url)
        if who == "bare":
            from shards import open_release

            split = open_release(target).split("train")
            source = iter([split.read_image(i) for i in range(len(split))])
        begun = _clock()
        first = next(source)
        began, images, size = (begun, 1, len(first)) if job in ("remote", "cold") else (_clock(), 0, 0)
        decode = {"raw": None, "remote": None, "cold": None, "pillow": pillow, "turbo": turbo}[job]
        if decode is not None:
            decode(first, dice)
        for image in source:
            images, size = images + 1, size + len(image)
            if decode is not None:
                decode(image, dice)
    wall, cpu = (now - then for now, then in zip(_clock(), began, strict=True))
    print("RESULT " + json.dumps({"images": images, "bytes": size, "wall_s": wall, "cpu_s": cpu}))


def _clock() -> tuple[float, float]:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
