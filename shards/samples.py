"""Walks the samples of one tar in order and says what is wrong with each: labels, order, index, soft labels."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shards import tar
from shards.errors import ShardError
from shards.index import SplitIndex
from shards.writer import check_labels


@dataclass(frozen=True)
class StoredSample:
    """A sample as it lies in a tar: `offset` and `length` are the picture's."""

    key: str
    extension: str
    offset: int
    length: int
    about: bytes
    cls: bytes


@dataclass
class ShardFindings:
    """What a walk found: problems as phrases, how many samples, and (key, group) of each."""

    problems: list[str] = field(default_factory=list)
    samples: int = 0
    groups: list[tuple[str, str]] = field(default_factory=list)


def walk_samples(stream: tar.Readable) -> Iterator[StoredSample]:
    """The samples of a tar, read once from start to end; ShardError where it is not a shard's bytes."""
    walk = tar.members(stream)
    for picture, offset, image in walk:
        key, _, extension = picture.partition(".")
        about = next(walk, ("", 0, b""))
        cls = next(walk, ("", 0, b""))
        if about[0] != f"{key}.json" or cls[0] != f"{key}.cls":
            raise ShardError(f"{picture} is not followed by {key}.json and {key}.cls")
        yield StoredSample(key, extension, offset, len(image), about[2], cls[2])


def check_shard(
    stream: tar.Readable, split: str, number: int, classes: int, index: SplitIndex | None, first_row: int
) -> ShardFindings:
    """Compare tar `number` of a split with rows `first_row` on of the index (when it is readable)."""
    found = ShardFindings()
    last = ""
    try:
        for sample in walk_samples(stream):
            row = first_row + found.samples
            found.samples += 1
            if sample.key <= last:
                found.problems.append(f"key {sample.key} comes after {last}")
            last = sample.key
            meta = _meta(sample)
            wrong = list(_sample_problems(sample, meta, split, classes))
            if index is not None:
                wrong += _index_problems(sample, meta, number, index, row)
            found.problems += [f"sample {sample.key} {what}" for what in wrong]
            group = meta.get("group")
            found.groups.append((sample.key, group if isinstance(group, str) else ""))
    except ShardError as error:
        found.problems.append(str(error))
    return found


def _meta(sample: StoredSample) -> dict[str, Any]:
    try:
        meta = json.loads(sample.about)
    except (ValueError, RecursionError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _sample_problems(sample: StoredSample, meta: dict[str, Any], split: str, classes: int) -> Iterator[str]:
    if not meta:
        yield "has no readable JSON"
        return
    label = meta.get("label")
    if type(label) is not int or not -1 <= label < classes:
        yield f"has the label {label!r}, but there are {classes} categories"
    elif sample.cls != str(label).encode():
        yield f"has the label {label} in its json and {sample.cls!r} in its cls"
    if meta.get("key", sample.key) != sample.key:
        yield f"calls itself {meta['key']!r} in its json"
    if meta.get("split", split) != split:
        yield f"is in {split} and says {meta['split']!r} in its json"


def _index_problems(
    sample: StoredSample, meta: dict[str, Any], number: int, index: SplitIndex, row: int
) -> Iterator[str]:
    if row >= len(index):
        yield "is not in the index"
        return
    if index.key[row] != sample.key.encode():
        yield f"is {index.key[row].decode('ascii', 'replace')} in row {row} of the index"
        return
    stored = (number, sample.offset, sample.length)
    indexed = (int(index.shard[row]), int(index.offset[row]), int(index.length[row]))
    if stored != indexed:
        yield f"lies at shard, offset, length {stored}, the index says {indexed}"
    if meta and meta.get("label") != int(index.label[row]):
        yield f"has the label {meta.get('label')!r}, the index says {int(index.label[row])}"
    yield from _soft_problems(sample.key, meta, index, row)


def _soft_problems(key: str, meta: dict[str, Any], index: SplitIndex, row: int) -> Iterator[str]:
    labels, p = index.soft_label[row].tolist(), index.soft_p[row].tolist()
    n = sum(label >= 0 for label in labels)
    if any(label != -1 for label in labels[n:]) or any(p[n:]):
        yield "has soft labels in the index that are not padded with -1 and 0"
        return
    try:
        check_labels(key, 0, list(zip(labels[:n], p[:n], strict=True)))
        pairs = [(int(a), float(b)) for a, b in meta.get("soft") or []]
    except (ShardError, TypeError, ValueError):
        yield "has impossible soft labels"
        return
    same = len(pairs) == n and all(a == labels[i] and np.float32(b) == p[i] for i, (a, b) in enumerate(pairs))
    if not same:
        yield f"has the soft labels {pairs}, the index says otherwise"
