"""An ImageFolder into a verified release, and back, every picture's bytes unchanged.

FOLDER holds class folders, or train, val and test with class folders in them (as for torchvision). What
cannot be taken is left out and listed with a reason.
"""

import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from shards import atomic
from shards.checks import verify_release
from shards.classfolders import SPLIT_FOLDERS, LeftOut, Picture, class_files, look, printable
from shards.errors import ShardError
from shards.manifest import Category, Manifest, Pixels, SplitFiles, is_release_name, list_files, write_manifest
from shards.opening import Release, open_release
from shards.writer import DEFAULT_MAX_BYTES, ShardWriter, keep_finished_tars

Progress = Callable[[int, int | None, str], None]

DROPPED_NAME = "dropped.jsonl"
_AROUND = 3072
"""Bytes of a sample beside its picture: headers, padding, KEY.json, its row of the index."""


@dataclass(frozen=True)
class Imported:
    """A release made of an ImageFolder: samples by split, and the files that were left out."""

    path: Path
    release_id: str
    samples: Mapping[str, int]
    left_out: tuple[LeftOut, ...]


def imagefolder_to_release(
    folder: Path,
    out: Path,
    *,
    name: str | None = None,
    version: int = 1,
    max_bytes: int = DEFAULT_MAX_BYTES,
    progress: Progress | None = None,
) -> Imported:
    """Write the release `out` from the ImageFolder `folder`, verify it, then give it its name.

    Class folders alone make one split, train. Bytes that are in two splits stay in test before val before
    train. `progress` counts files, twice (they are hashed, then written). ShardError if `folder` holds no
    class folders, `out` is in the way or inside `folder`, or the written bytes do not verify.
    """
    folder, out = Path(folder), Path(out)
    if not is_release_name(name or out.name):
        raise ShardError(
            f"{name or out.name!r} cannot be a release's name",
            hint="say --name with letters, digits, '.', '_' and '-'",
            exit_code=2,
        )
    if out.resolve().is_relative_to(folder.resolve()):
        raise ShardError(f"{out} is inside {folder}", hint="give a folder elsewhere", exit_code=2)
    with atomic.whole_folder(out, resume=True) as partial:
        paths, pictures, left_out = _scan(folder, progress)
        categories = _categories(sorted({category for _, _, category in paths if printable(category) == category}))
        keep_finished_tars(partial, {picture.split for picture in pictures})
        _refuse_full_disk(out, partial, sum(picture.bytes + _AROUND for picture in pictures))
        splits = _write_splits(partial, folder, pictures, categories, max_bytes, progress)
        lines = [json.dumps(asdict(item), sort_keys=True, ensure_ascii=False) for item in left_out]
        atomic.write_whole(partial / DROPPED_NAME, "".join(line + "\n" for line in lines).encode())
        manifest = Manifest(
            name=name or out.name,
            version=version,
            categories=categories,
            splits=splits,
            files=list_files(partial, splits),
            pixels=Pixels(size=None, mode="untouched", format="original"),
            recipe={"task": "classify", "source": "imagefolder"},
        )
        release_id = write_manifest(partial, manifest)
        _refuse_unless_verified(partial)
    return Imported(out, release_id, {s: files.samples for s, files in splits.items()}, tuple(left_out))


def release_to_imagefolder(release: Path, out: Path, *, progress: Progress | None = None) -> int:
    """Write every picture of a release under `out` and return how many.

    A release made of an ImageFolder gives back its paths; any other SPLIT/CATEGORY/KEY.EXT, pictures without
    a category under `unlabelled`. ShardError if the release does not verify or `out` is in the way.
    """
    opened = open_release(release)
    _refuse_unless_verified(opened.path)
    total = sum(files.samples for files in opened.splits.values())
    done = 0
    with atomic.whole_folder(Path(out)) as partial:
        for name, image in _pictures_of(opened):
            path = partial / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "xb") as stream:
                    stream.write(image)
            except OSError as error:
                raise atomic.write_failed(path, error) from error
            done += 1
            if progress is not None:
                progress(done, total, "writing")
        os.sync()  # one for all: a sync for each of a million small files would take hours
    return done


def _scan(folder: Path, progress: Progress | None) -> tuple[list[tuple[str, str, str]], list[Picture], list[LeftOut]]:
    left_out: list[LeftOut] = []
    files = list(class_files(folder, left_out))
    links = any(item.reason == "link" for item in left_out)
    paths: list[tuple[str, str, str]] = []
    pictures: list[Picture] = []
    for done, (path, split, category) in enumerate(files, start=1):
        found = look(folder, path, split, category)
        if isinstance(found, LeftOut):
            left_out.append(found)
        elif found is not None:
            pictures.append(found)
        if found is not None:
            paths.append((path, split, category))
        if progress is not None:
            progress(done, 2 * len(files), "reading")
    if not pictures:
        raise ShardError(
            f"{folder} holds no class folders with pictures",
            hint="links in it lead elsewhere: give the folder that they lead to, or copy the pictures" if links
            else "expected FOLDER/CLASS/PICTURE or FOLDER/train/CLASS/PICTURE, FOLDER/val/..., FOLDER/test/...",
            exit_code=2,
        )  # fmt: skip
    pictures = _without_leaks(pictures, left_out)
    return paths, pictures, sorted(left_out, key=lambda item: item.path)


def _refuse_full_disk(out: Path, partial: Path, wanted: int) -> None:
    """Before anything is written; what a stopped run finished is there already."""
    there = sum(file.stat().st_size for file in partial.rglob("*.tar"))
    free = shutil.disk_usage(partial).free
    if free + there < wanted:
        raise ShardError(
            f"{out} needs {wanted / 2**20:,.1f} MiB, and {free / 2**20:,.1f} MiB are free on its disk",
            hint="free some space, or name an OUT on another disk",
        )


def _write_splits(
    release: Path,
    folder: Path,
    pictures: list[Picture],
    categories: tuple[Category, ...],
    max_bytes: int,
    progress: Progress | None,
) -> dict[str, SplitFiles]:
    labels = {category.name: category.label for category in categories}
    keyed = _keyed(pictures)
    splits = {}
    done = len(pictures)
    for split in sorted({picture.split for picture in pictures}):
        with ShardWriter(release, split, max_bytes, resume=True) as writer:
            for key, picture in keyed:
                if picture.split == split:
                    _add(writer, folder, key, picture, labels[picture.category])
                    done += 1
                    if progress is not None:
                        progress(done, 2 * len(pictures), f"writing {split}")
        splits[split] = writer.close()
    return splits


def _without_leaks(pictures: list[Picture], left_out: list[LeftOut]) -> list[Picture]:
    order = list(dict.fromkeys(SPLIT_FOLDERS.values()))
    home: dict[str, Picture] = {}
    for picture in sorted(pictures, key=lambda picture: order.index(picture.split)):
        home.setdefault(picture.sha256, picture)
    kept = []
    for picture in pictures:
        first = home[picture.sha256]
        if first.split == picture.split:
            kept.append(picture)
        else:
            left_out.append(LeftOut(picture.path, "leak", f"the same bytes are {first.path}"))
    return kept


def _keyed(pictures: list[Picture]) -> list[tuple[str, Picture]]:
    """Keys in order: 16 hex of the SHA-256, all 64 where that clashes, and a number for a further copy."""
    prefixes = Counter(sha256[:16] for sha256 in {picture.sha256 for picture in pictures})
    copies: Counter[str] = Counter()
    keyed = []
    for picture in sorted(pictures, key=lambda picture: picture.path):
        prefix = picture.sha256[:16]
        key = prefix if prefixes[prefix] == 1 else picture.sha256
        copy = copies[picture.sha256]
        copies[picture.sha256] += 1
        keyed.append((f"{key}-{copy}" if copy else key, picture))
    return sorted(keyed, key=lambda pair: pair[0])


def _categories(names: list[str]) -> tuple[Category, ...]:
    categories: list[Category] = []
    taken: set[str] = set()
    for label, name in enumerate(names):
        slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or f"class-{label}"
        if slug in taken:
            slug = f"{slug}-{label}"
        taken.add(slug)
        categories.append(Category(label, slug, name))
    return tuple(categories)


def _add(writer: ShardWriter, folder: Path, key: str, picture: Picture, label: int) -> None:
    try:
        data = (folder / picture.path).read_bytes()
    except OSError as error:
        raise ShardError(f"{folder / picture.path} cannot be read any more: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != picture.sha256:
        raise ShardError(
            f"{folder / picture.path} changed while it was read", hint="run it again when nothing writes there"
        )
    row: dict[str, Any] = {
        "key": key,
        "sha256": picture.sha256,
        "split": picture.split,
        "label": label,
        "category": picture.category,
        "soft": [[label, 1.0]],
        "group": picture.sha256,
        "path": picture.path,
    }
    about = json.dumps(row, sort_keys=True, ensure_ascii=False).encode()
    writer.add(key, {picture.extension: data, "json": about}, label, [(label, 1.0)])


def _refuse_unless_verified(release: Path) -> None:
    problems = verify_release(release)
    if problems:
        more = f" (and {len(problems) - 1} problems more)" if len(problems) > 1 else ""
        raise ShardError(f"{release} does not verify: {problems[0]}{more}", hint="`cairn verify` lists every problem")


def _pictures_of(release: Release) -> Iterator[tuple[str, bytes]]:
    from_imagefolder = release.manifest.recipe.get("source") == "imagefolder"
    for name in release.splits:
        for sample in release.split(name):
            path = sample.meta.get("path") if from_imagefolder else None
            if path is None:
                slug = release.categories[sample.label].slug if sample.label >= 0 else "unlabelled"
                path = f"{name}/{slug}/{sample.key}.{sample.extension}"
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts or "\0" in path:
                raise ShardError(f"sample {sample.key} would be written outside the folder, to {path!r}")
            yield path, sample.image
