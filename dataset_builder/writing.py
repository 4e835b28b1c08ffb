"""Writes a planned release into a folder: shards, tables, card, Croissant, and the manifest last."""

import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from PIL import features

import imaging
import shards
from dataset_builder.card import CARD_HTML, CARD_MD, write_card
from dataset_builder.croissant import write_croissant
from dataset_builder.label_error import label_error
from dataset_builder.normalise import extension, mean_and_std
from dataset_builder.plan import Plan
from dataset_builder.rows import (
    DROPPED_FILE,
    SAMPLES_FILE,
    SampleRow,
    keys_of,
    sample_row,
    write_dropped,
    write_samples,
)
from dataset_builder.splits import ALL_SPLITS

Progress = Callable[[int, int | None, str], None]


def write_release(plan: Plan, folder: Path, name: str, version: int, progress: Progress) -> shards.Manifest:
    """Write everything into a folder (finished tars of a stopped build stay); whole when its manifest is there."""
    recipe = plan.selection.recipe
    samples = plan.arrangement.samples
    keys = keys_of([sample.chosen.sha256 for sample in samples])
    kind = extension(recipe.pixels)
    rows: list[SampleRow] = []
    shard_of: dict[str, str] = {}
    splits: dict[str, shards.SplitFiles] = {}
    for split in ALL_SPLITS:
        its = [sample for sample in samples if sample.split == split]
        if not its:
            continue
        with shards.ShardWriter(folder, split, recipe.shards.bytes, resume=True) as writer:
            for sample in its:
                sha256 = sample.chosen.sha256
                row = sample_row(sample, keys[sha256], plan.normalised[sha256])
                files = {kind: plan.packs.read(sha256, "image"), "json": row.as_json()}
                placed = writer.add(keys[sha256], files, sample.chosen.label, sample.chosen.soft)
                shard_of[keys[sha256]] = placed.file
                rows.append(row)
                progress(len(rows), len(samples), "writing shards")
        splits[split] = writer.close()
    write_samples(folder / SAMPLES_FILE, rows, shard_of)
    write_dropped(folder / DROPPED_FILE, plan.dropped)
    mean, std = mean_and_std([plan.normalised[s.chosen.sha256] for s in samples if s.split == "train"])
    about = shards.Manifest(
        name=name,
        version=version,
        categories=tuple(
            shards.Category(label, category.slug, category.name, category.wnid)
            for label, category in enumerate(plan.selection.categories)
        ),
        splits=splits,
        files=(),
        pixels=shards.Pixels(
            size=None if recipe.pixels.mode == "untouched" else recipe.pixels.size,
            mode=recipe.pixels.mode,
            format=recipe.pixels.format,
            mean=mean,
            std=std,
        ),
        recipe=recipe.as_mapping(),
        created=plan.selection.created,
        parent=plan.selection.ancestry.parent_release,
        label_error=label_error(plan),
        tools=tool_versions(),
    )
    progress(len(rows), len(samples), "writing the card")
    write_card(folder / CARD_MD, folder / CARD_HTML, plan, about, rows)
    write_croissant(folder, about, kind)
    manifest = shards.Manifest(**{**about.__dict__, "files": shards.list_files(folder, splits)})
    shards.write_manifest(folder, manifest)
    return manifest


def tool_versions() -> dict[str, str]:
    """Versions of everything that the bytes of a release depend on."""
    found = {name: metadata.version(name) for name in ("imagehash", "numpy", "pillow", "pyarrow", "jinja2")}
    for feature in ("jpg", "libjpeg_turbo", "littlecms2", "webp", "zlib"):
        version = features.version(feature)
        if version:
            found[feature] = str(version)
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    found["phash"] = str(imaging.PHASH_VERSION)
    found["pixels"] = str(imaging.PIXELS_VERSION)
    return found
