"""Checks a release beyond its bytes: tables against samples, groups against splits, and all against the store."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select

import shards
from dataset_builder.errors import BuildError
from dataset_builder.releases import record_release
from dataset_builder.rows import DROPPED, DROPPED_FILE, SAMPLES, SAMPLES_FILE, comparable
from dataset_builder.select import REASONS
from dataset_builder.splits import UNSURE
from label_store import Workspace
from label_store.models import Release, ReleaseImage
from shards import Problem

Progress = Callable[[int, int | None, str], None]
_SHOWN = 20


def verify(path: Path, workspace: Workspace | None = None, progress: Progress | None = None) -> list[Problem]:
    """Everything wrong with the release in folder `path`; empty when all is well.

    Every checksum, count and label (`shards.verify_release`), samples.parquet against every KEY.json,
    dropped.parquet's reasons, groups that cross splits; for a release of `workspace` also the rows that
    record it, which are written now where a build ended before writing them.
    """
    problems = shards.verify_release(path, progress=progress)
    try:
        release = shards.open_release(path)
        if all(entry.file != SAMPLES_FILE for entry in release.manifest.files):
            return problems  # made by `cairn shards`, which has no store to tell of its samples
        samples = _table(path / SAMPLES_FILE, SAMPLES)
        dropped = _table(path / DROPPED_FILE, DROPPED)
    except (shards.ShardError, OSError, pa.ArrowException, BuildError) as error:
        found = Problem(SAMPLES_FILE, str(error))
        return problems or [found]
    problems += _limited(SAMPLES_FILE, _sample_problems(release, samples))
    problems += _limited(DROPPED_FILE, _dropped_problems(samples, dropped))
    if workspace is not None and path.resolve().is_relative_to(workspace.releases.resolve()):
        problems += _store_problems(path.resolve(), workspace, samples, mend=not problems)
    return problems


def _table(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    table = pq.read_table(path)
    if not table.schema.equals(schema):
        raise BuildError(f"{path.name} does not have the columns of a release")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _limited(file: str, phrases: Iterator[str]) -> list[Problem]:
    found = list(phrases)
    shown = [Problem(file, phrase) for phrase in found[:_SHOWN]]
    if len(found) > _SHOWN:
        shown.append(Problem(file, f"... and {len(found) - _SHOWN} problems more"))
    return shown


def _sample_problems(release: shards.Release, rows: list[dict[str, Any]]) -> Iterator[str]:
    slugs = [category.slug for category in release.categories]
    by_key = {row["key"]: row for row in rows}
    if len(by_key) != len(rows):
        yield "it has a key twice"
    if len({row["sha256"] for row in rows}) != len(rows):
        yield "it has a picture twice"
    yield from _group_problems(rows)
    for row in rows:
        expected = slugs[row["label"]] if 0 <= row["label"] < len(slugs) else None
        if row["category"] != expected:
            yield f"sample {row['key']} has label {row['label']} ({expected}) and category {row['category']}"
        if not row["sha256"].startswith(row["key"]):
            yield f"sample {row['key']} is not named after its picture {row['sha256']}"
    unseen, read = dict(by_key), {row["split"] for row in rows}
    for name in release.splits:
        try:
            split = release.split(name)
        except shards.ShardError:  # its index is damaged, which is told already
            read.discard(name)
            continue
        for index, key in enumerate(split.keys.tolist()):
            listed = unseen.pop(key, None)
            if listed is None:
                yield f"it lacks sample {key} of {name}"
                continue
            if listed["shard"] != f"{name}/{split.file_of(index).name}":
                yield f"sample {key} lies in {name}/{split.file_of(index).name}, not in {listed['shard']}"
            try:
                meta = split.meta(index)
            except shards.ShardError as error:
                yield str(error)
                continue
            told = comparable(listed)
            yield from (
                f"sample {key} has {column} = {told.get(column)!r}, its KEY.json {meta.get(column)!r}"
                for column in sorted(told.keys() | meta.keys())
                if told.get(column) != meta.get(column)
            )
    yield from (f"sample {key} is in no shard" for key, row in sorted(unseen.items()) if row["split"] in read)


def _group_problems(rows: list[dict[str, Any]]) -> Iterator[str]:
    split_of: dict[str, str] = {}
    for row in rows:
        other = split_of.setdefault(row["group"], row["split"])
        if other != row["split"]:
            yield f"group {row['group']} is in {other} and in {row['split']}"


def _dropped_problems(samples: list[dict[str, Any]], dropped: list[dict[str, Any]]) -> Iterator[str]:
    released = {row["sha256"] for row in samples}
    seen: set[str] = set()
    for row in dropped:
        name = row["sha256"]
        if row["reason"] not in REASONS:
            yield f"{name} has the reason {row['reason']!r}, which is none of {', '.join(REASONS)}"
        if name in released:
            yield f"{name} was left out ({row['reason']}) and is a sample"
        if name in seen:
            yield f"{name} is there twice"
        if row["reason"] == "duplicate" and not row["kept_sha256"]:
            yield f"{name} is a duplicate of nothing"
        seen.add(name)


def _store_problems(path: Path, workspace: Workspace, rows: list[dict[str, Any]], *, mend: bool) -> list[Problem]:
    manifest = shards.read_manifest(path)
    if mend:
        try:
            record_release(workspace, path)
        except BuildError as error:
            return [Problem(shards.manifest.MANIFEST_NAME, str(error))]
    with workspace.read() as session:
        recorded = session.scalar(
            select(Release).where(Release.name == manifest.name, Release.version == manifest.version)
        )
        if recorded is None:
            return [Problem(shards.manifest.MANIFEST_NAME, "the workspace has no record of this release")]
        if recorded.manifest_sha256 != manifest.release_id:
            what = f"its id is {manifest.release_id}, the workspace recorded {recorded.manifest_sha256}"
            return [Problem(shards.manifest.MANIFEST_NAME, what)]
        members = {
            row.image_sha256: (row.key, row.split, row.label, row.group)
            for row in session.scalars(select(ReleaseImage).where(ReleaseImage.release_id == recorded.id))
        }
    return _limited(SAMPLES_FILE, _record_problems(rows, members))


def _record_problems(rows: list[dict[str, Any]], members: Mapping[str, tuple[str, str, int, str]]) -> Iterator[str]:
    released = {
        row["sha256"]: (row["key"], row["split"], row["label"], row["group"])
        for row in rows
        # Workspaces of before did not record what people were unsure of.
        if row["split"] != UNSURE or row["sha256"] in members
    }
    for name in sorted(released.keys() | members.keys()):
        if released.get(name) != members.get(name):
            yield f"{name} is {released.get(name)}, the workspace recorded {members.get(name)}"
