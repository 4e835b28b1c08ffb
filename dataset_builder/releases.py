"""The workspace's releases: their folders, what earlier ones decided, and the rows that record a new one."""

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from dataset_builder.errors import BuildError, RecipeError
from dataset_builder.rows import SAMPLES_FILE
from label_store import UsageError, Workspace, log_event
from label_store.models import UNSURE, Image, Release, ReleaseImage
from shards import Manifest, ShardError, read_manifest
from shards.manifest import MANIFEST_NAME

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ROWS_AT_ONCE = 5000


@dataclass(frozen=True)
class Ancestry:
    """What the earlier versions of a name decided; all empty for a first version."""

    parent_id: int | None
    parent_release: str | None
    categories: tuple[str, ...]
    placed: Mapping[str, tuple[str, str]]
    """(group, split) of every image that was ever released under this name."""


def partial_of(workspace: Workspace, name: str, version: int) -> Path:
    """Where a release lies while it is being built."""
    return workspace.releases / f".{name}-{version}.partial"


def parse_name(text: str) -> tuple[str, int | None]:
    """`NAME` or `NAME/N`; RecipeError otherwise."""
    name, slash, version = text.partition("/")
    if not _NAME.fullmatch(name) or (slash and not (version.isdecimal() and int(version) >= 1)):
        raise RecipeError(
            f"{text!r} cannot be a release", hint="write NAME or NAME/N: letters, digits, . _ -, and N from 1"
        )
    return name, int(version) if slash else None


def folder_of(workspace: Workspace, name: str, version: int) -> Path:
    """Where a release lies."""
    return workspace.releases / name / str(version)


def find_release(text: str, workspace: Workspace | None) -> Path:
    """The folder of a release given as a path, or as NAME/N (NAME: the newest) of the workspace."""
    path = Path(text)
    if (path / MANIFEST_NAME).is_file():
        return path
    if workspace is not None and not text.startswith((".", "/", "~")):
        name, version = parse_name(text.rstrip("/"))
        versions = released_versions(workspace, name)
        if version is None and versions:
            version = versions[-1]
        if version in versions:
            return folder_of(workspace, name, version or 0)
        if path.is_dir():
            raise _no_manifest(path)
        known = ", ".join(f"{name}/{number}" for number in versions) or "none of that name"
        raise UsageError(f"there is no release {text}", hint=f"the workspace has {known}; or give a folder")
    if path.is_dir():
        raise _no_manifest(path)
    raise UsageError(f"there is no release at {text}", hint="give a folder, or NAME/N in a workspace")


def _no_manifest(path: Path) -> UsageError:
    return UsageError(
        f"{path} is not a release: it has no {MANIFEST_NAME}", hint="give the folder NAME/VERSION that holds it"
    )


def released_versions(workspace: Workspace, name: str) -> list[int]:
    """The versions of a name that lie whole in the workspace, ascending."""
    folder = workspace.releases / name
    found = (entry for entry in folder.iterdir()) if folder.is_dir() else ()
    return sorted(int(e.name) for e in found if e.name.isdecimal() and (e / MANIFEST_NAME).is_file())


def known_versions(session: Session, name: str) -> dict[int, str]:
    """{version: release id} of every release of this name that the database has."""
    rows = session.scalars(select(Release).where(Release.name == name))
    return {release.version: release.manifest_sha256 for release in rows}


def ancestry(session: Session, name: str, version: int) -> Ancestry:
    """What the versions before `version` decided: the newest of them is the parent."""
    before = session.scalars(
        select(Release).where(Release.name == name, Release.version < version).order_by(Release.version)
    ).all()
    placed: dict[str, tuple[str, str]] = {}
    for release in before:
        rows = session.execute(
            select(ReleaseImage.image_sha256, ReleaseImage.group, ReleaseImage.split).where(
                ReleaseImage.release_id == release.id,
                # What people were unsure of may become a sample of any split once they are sure.
                ReleaseImage.split != UNSURE,
            )
        )
        placed |= {sha256: (group, split) for sha256, group, split in rows}
    if not before:
        return Ancestry(None, None, (), placed)
    parent = before[-1]
    return Ancestry(parent.id, parent.manifest_sha256, tuple(parent.recipe.get("categories") or ()), placed)


def record_release(workspace: Workspace, path: Path) -> Manifest:
    """Write the rows of a release that lies whole in its folder; nothing happens when they are there.

    The folder alone says everything, so that a crash between its rename and these rows is mended by
    calling this again. What the build left beside it is removed.
    """
    manifest = _record(workspace, path)
    shutil.rmtree(partial_of(workspace, manifest.name, manifest.version), ignore_errors=True)
    return manifest


def _record(workspace: Workspace, path: Path) -> Manifest:
    manifest = read_manifest(path)
    release_id = manifest.release_id
    table = pq.read_table(path / SAMPLES_FILE, columns=["sha256", "key", "split", "label", "group"])
    members: list[dict[str, Any]] = table.to_pylist()
    with workspace.write() as session:
        known = known_versions(session, manifest.name)
        if manifest.version in known:
            if known[manifest.version] != release_id:
                raise BuildError(
                    f"{path} is not the release {manifest.name}/{manifest.version} that was recorded",
                    hint="restore that folder from where it was published, or move it away",
                )
            return manifest
        missing = _missing_images(session, [row["sha256"] for row in members])
        if missing:
            raise BuildError(
                f"{path} holds {len(missing)} pictures that this workspace does not know, such as {missing[0]}",
                hint="it was built elsewhere: keep it outside the workspace's releases folder",
            )
        release = Release(
            name=manifest.name,
            version=manifest.version,
            manifest_sha256=release_id,
            parent_id=ancestry(session, manifest.name, manifest.version).parent_id,
            path=path.relative_to(workspace.folder).as_posix(),
            recipe=dict(manifest.recipe),
        )
        session.add(release)
        session.flush()
        rows = [
            {
                "release_id": release.id,
                "image_sha256": row["sha256"],
                "key": row["key"],
                "split": row["split"],
                "label": row["label"],
                "group": row["group"],
            }
            for row in members
        ]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            session.execute(insert(ReleaseImage), rows[start : start + _ROWS_AT_ONCE])
        _name_groups(session, members)
        log_event(session, "build", f"releases:{manifest.name}/{manifest.version}", id=release_id, n=len(rows))
    return manifest


def unrecorded(workspace: Workspace, name: str) -> list[int]:
    """Versions whose folder is whole and whose rows are missing: a build that ended between the two."""
    with workspace.read() as session:
        known = known_versions(session, name)
    return [version for version in released_versions(workspace, name) if version not in known]


def same_recipe(manifest: Manifest, recipe: Mapping[str, Any]) -> bool:
    """Whether a release was made by this (resolved) recipe."""
    return json.dumps(dict(manifest.recipe), sort_keys=True) == json.dumps(dict(recipe), sort_keys=True)


def read_release_manifest(path: Path) -> Manifest:
    """The manifest in a folder, or BuildError with the same sentence."""
    try:
        return read_manifest(path)
    except ShardError as error:
        raise BuildError(str(error), hint=error.hint) from error


def _missing_images(session: Session, sha256s: list[str]) -> list[str]:
    known: set[str] = set()
    for start in range(0, len(sha256s), _ROWS_AT_ONCE):
        part = sha256s[start : start + _ROWS_AT_ONCE]
        known |= set(session.scalars(select(Image.sha256).where(Image.sha256.in_(part))))
    return sorted(set(sha256s) - known)


def _name_groups(session: Session, members: list[dict[str, Any]]) -> None:
    """Keep on each image the group of its first release, which is never changed."""
    group_of = {row["sha256"]: row["group"] for row in members if row["split"] != UNSURE}
    names = sorted(group_of)
    for start in range(0, len(names), _ROWS_AT_ONCE):
        part = names[start : start + _ROWS_AT_ONCE]
        for image in session.scalars(select(Image).where(Image.sha256.in_(part), Image.group.is_(None))):
            image.group = group_of[image.sha256]
