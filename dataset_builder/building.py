"""Cuts a release: plan it, write it beside where it will be, rename it there, record it.

A build that was killed leaves `releases/.NAME-VERSION.partial`; the same command takes the pictures and the
tars that are finished there and goes on. A release appears with its rename, whole or not at all.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from dataset_builder.engines import Engine, engine_named
from dataset_builder.errors import BuildError
from dataset_builder.plan import Plan, Selection, make_plan, read_selection, refuse_empty_splits, refuse_stale
from dataset_builder.recipe import Recipe
from dataset_builder.releases import (
    folder_of,
    known_versions,
    parse_name,
    partial_of,
    record_release,
    released_versions,
    same_recipe,
    unrecorded,
)
from dataset_builder.select import REASONS, Dropped
from dataset_builder.splits import ALL_SPLITS
from dataset_builder.writing import write_release
from label_store import Workspace
from shards import Manifest, keep_finished_tars
from shards.atomic import sync_folder

Progress = Callable[[int, int | None, str], None]

# Bytes a pixel that an encoder takes at most in ordinary pictures; only to refuse a hopeless build early.
_BYTES_A_PIXEL = {"jpeg": 1.0, "png": 3.0, "webp": 2.5}
_SPARE = 64 * 2**20


@dataclass(frozen=True)
class BuildReport:
    """What a build made, or with `dry_run` would make. `left_out` counts pictures by reason."""

    name: str
    version: int
    path: Path
    release_id: str | None
    splits: Mapping[str, int]
    categories: Mapping[str, int]
    left_out: Mapping[str, int]
    damaged: tuple[Dropped, ...] = ()
    """Pictures whose bytes have changed or no longer decode: the release is without them."""
    notes: tuple[str, ...] = ()
    dry_run: bool = False
    finished_earlier: bool = field(default=False)
    """The release had been written by a build that ended before recording it; now it is recorded."""

    @property
    def samples(self) -> int:
        """How many samples in all."""
        return sum(self.splits.values())


def build(
    workspace: Workspace,
    name: str,
    recipe: Recipe | None = None,
    *,
    version: int | None = None,
    workers: int = 2,
    progress: Progress | None = None,
    files: Path | None = None,
    strict: bool = False,
    dry_run: bool = False,
    engine: str = "local",
) -> BuildReport:
    """Cut release NAME/VERSION (by default the next) by a recipe (by default the stated defaults).

    `files` is the folder that relative paths in the recipe start from. The same version, parent, recipe
    and store give the same bytes with any number of workers, on any engine. Raises RecipeError, BuildError (the release
    exists, a split would be empty, no space; with `strict` also a damaged picture); nothing is published.
    """
    normaliser = engine_named(engine, workers)
    name, given = parse_name(name if version is None else f"{name}/{version}")
    recipe, tell = recipe or Recipe(), progress or _silent
    mended = _record_interrupted(workspace, name, recipe, given, dry_run)
    if mended is not None:
        return mended
    version = given or _next_version(workspace, name)
    final = folder_of(workspace, name, version)
    if final.exists():
        raise BuildError(
            f"the release {name}/{version} exists; a release is never changed",
            hint=f"build the next with `cairn build {name}`",
        )
    selection = read_selection(workspace, name, version, recipe)
    refuse_stale(selection)
    partial = partial_of(workspace, name, version)
    folder = files or Path()
    if dry_run:
        return _dry_run(workspace, selection, name, version, partial, folder, workers, tell, normaliser)
    import_module("jinja2")  # the card needs it; told before the pictures are made, not after
    with _only_builder(partial, f"{name}/{version}"):
        _refuse_full_disk(selection, partial)
        plan = make_plan(workspace, selection, partial / "packs", folder, workers, tell, normaliser)
        _refuse_damaged(plan, strict)
        refuse_empty_splits(plan)
        unfinished = partial / "release"
        unfinished.mkdir(exist_ok=True)
        keep_finished_tars(unfinished, {sample.split for sample in plan.arrangement.samples})
        manifest = write_release(plan, unfinished, name, version, tell)
        _refuse_other_bytes(workspace, manifest)
        final.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(unfinished)
        os.rename(unfinished, final)
        sync_folder(final.parent)
        record_release(workspace, final)
    return _report(plan, name, version, final, manifest.release_id)


def _silent(done: int, total: int | None, note: str) -> None:
    return


def _record_interrupted(
    workspace: Workspace, name: str, recipe: Recipe, version: int | None, dry_run: bool
) -> BuildReport | None:
    """Record releases that lie whole without rows; the report of the one that this very command had made."""
    if dry_run:
        return None
    report = None
    for found in unrecorded(workspace, name):
        path = folder_of(workspace, name, found)
        resolved = read_selection(workspace, name, found, recipe).recipe.as_mapping()
        manifest = record_release(workspace, path)
        if version in (None, found) and same_recipe(manifest, resolved):
            report = _report_of(manifest, path)
    return report


def _next_version(workspace: Workspace, name: str) -> int:
    with workspace.read() as session:
        known = known_versions(session, name)
    return max([0, *known, *released_versions(workspace, name)]) + 1


@contextlib.contextmanager
def _only_builder(partial: Path, what: str) -> Iterator[None]:
    """Hold the partial folder alone; a lock ends with its process, also one that was killed."""
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with (partial / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BuildError(
                    f"another build of {what} is running", hint="wait for it, or stop it, then run this again"
                ) from error
            yield
    except OSError as error:
        raise BuildError(
            f"the release {what} cannot be written in {partial}: {error.strerror or error}",
            hint="free some space or check the folder, then run the same command again; it continues",
        ) from error


def _refuse_full_disk(selection: Selection, partial: Path) -> None:
    """Finished pictures lie twice, in packs and in shards, until the release is whole."""
    recipe = selection.recipe.pixels
    pixels = 0.0
    for one in selection.chosen:
        width, height = one.picture.width, one.picture.height
        scale = 1.0 if recipe.mode == "untouched" else recipe.size / min(width, height)
        area = recipe.size**2 if recipe.mode == "square" else width * height * scale * scale
        pixels += area
    needed = int(2 * pixels * _BYTES_A_PIXEL[recipe.format]) + 40_000 * len(selection.chosen) + _SPARE
    there = sum(file.stat().st_size for file in partial.rglob("*") if file.is_file())
    free = shutil.disk_usage(partial).free
    if free + there < needed:
        raise BuildError(
            f"the build may need {needed / 2**30:.1f} GiB in {partial.parent}, where {free / 2**30:.1f} GiB are free",
            hint="free some space, or choose smaller pixels, then run it again",
        )


def _refuse_damaged(plan: Plan, strict: bool) -> None:
    damaged = _damaged(plan)
    if strict and damaged:
        raise BuildError(
            f"{len(damaged)} pictures are damaged, the first is {damaged[0].sha256}: {damaged[0].detail}",
            hint="restore their bytes, or build without --strict to leave them out",
        )


def _refuse_other_bytes(workspace: Workspace, manifest: Manifest) -> None:
    """A recorded release whose folder is gone may be built again, as the very same bytes only."""
    with workspace.read() as session:
        recorded = known_versions(session, manifest.name).get(manifest.version)
    if recorded is not None and recorded != manifest.release_id:
        raise BuildError(
            f"{manifest.name}/{manifest.version} was released as {recorded[:16]}… and would now be"
            f" {manifest.release_id[:16]}…: the store or the recipe has changed since",
            hint=f"restore it from where it was published, or build the next with `cairn build {manifest.name}`",
        )


def _dry_run(
    workspace: Workspace, selection: Selection, name: str, version: int, partial: Path, files: Path, workers: int,
    tell: Progress, engine: Engine,
) -> BuildReport:  # fmt: skip
    with tempfile.TemporaryDirectory(dir=workspace.releases, prefix=".dry-run-") as folder:
        packs = partial / "packs"
        here = Path(folder)
        if packs.is_dir():  # what an interrupted build has finished need not be done again
            for pack in packs.glob("*.pack"):
                os.link(pack, here / pack.name)
        plan = make_plan(workspace, selection, here, files, workers, tell, engine)
    report = _report(plan, name, version, folder_of(workspace, name, version), None)
    return BuildReport(**{**report.__dict__, "dry_run": True})


def _damaged(plan: Plan) -> tuple[Dropped, ...]:
    return tuple(one for one in plan.dropped if one.reason in ("bit_rot", "undecodable"))


def _report(plan: Plan, name: str, version: int, path: Path, release_id: str | None) -> BuildReport:
    samples = plan.arrangement.samples
    splits = Counter(sample.split for sample in samples)
    by_category = Counter(sample.chosen.category for sample in samples)
    reasons = Counter(one.reason for one in plan.dropped)
    return BuildReport(
        name=name,
        version=version,
        path=path,
        release_id=release_id,
        splits={split: splits[split] for split in ALL_SPLITS if splits[split]},
        categories={category.slug: by_category[category.slug] for category in plan.selection.categories},
        left_out={reason: reasons[reason] for reason in REASONS if reasons[reason]},
        damaged=_damaged(plan),
        notes=(*plan.selection.notes, *plan.notes),
    )


def _report_of(manifest: Manifest, path: Path) -> BuildReport:
    """The report of a release on disk."""
    import pyarrow.parquet as pq

    from dataset_builder.rows import DROPPED_FILE, SAMPLES_FILE

    categories = Counter(pq.read_table(path / SAMPLES_FILE, columns=["category"])["category"].to_pylist())
    dropped = [Dropped(**row) for row in pq.read_table(path / DROPPED_FILE).to_pylist()]
    reasons = Counter(one.reason for one in dropped)
    return BuildReport(
        name=manifest.name,
        version=manifest.version,
        path=path,
        release_id=manifest.release_id,
        splits={split: files.samples for split, files in manifest.splits.items()},
        categories={category.slug: categories[category.slug] for category in manifest.categories},
        left_out={reason: reasons[reason] for reason in REASONS if reasons[reason]},
        damaged=tuple(one for one in dropped if one.reason in ("bit_rot", "undecodable")),
        finished_earlier=True,
    )
