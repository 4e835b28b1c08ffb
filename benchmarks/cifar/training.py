"""The same pictures under other labels, and the same small network on each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import train
from benchmarks.cifar.pictures import CATEGORIES
from shards import Release, Sample, ShardWriter, SplitFiles, list_files, open_release, verify_release, write_manifest

Labels = Mapping[str, int]
"""Class by SHA-256 of the picture."""


@dataclass(frozen=True)
class Trained:
    """A network trained on one kind of labels: their error, and its accuracy (95 % interval) on clean test labels."""

    samples: int
    label_error: float
    test_samples: int
    test_accuracy: float
    test_low: float
    test_high: float


def relabel(release: Release, folder: Path, name: str, labels: Mapping[str, Labels]) -> Release:
    """A release in `folder` with the pictures of `release` and, for the splits in `labels`, other labels.

    Pictures and whatever else is known about them stay byte for byte; a split not in `labels` stays as a whole.
    """
    splits: dict[str, SplitFiles] = {}
    for split in release.splits:
        with ShardWriter(folder, split) as writer:
            for sample in release.split(split):
                if split in labels:
                    sample = _relabelled(sample, labels[split])
                about = _as_bytes(sample.meta)
                soft = [(int(label), float(p)) for label, p in sample.meta["soft"]]
                writer.add(sample.key, {sample.extension: sample.image, "json": about}, sample.label, soft)
        splits[split] = writer.close()
    manifest = replace(
        release.manifest,
        name=name,
        splits=splits,
        files=list_files(folder, splits),
        recipe={"relabelled": release.release_id, "splits": sorted(labels)},
        label_error=None,
    )
    write_manifest(folder, manifest)
    problems = verify_release(folder)
    if problems:
        raise RuntimeError(f"the relabelled release {folder} does not verify: {problems[0]}")
    return open_release(folder)


def _relabelled(sample: Sample, labels: Labels) -> Sample:
    label = labels[sample.meta["sha256"]]
    about = {"label": label, "category": CATEGORIES[label], "posterior": 1.0, "soft": [[label, 1.0]]}
    return replace(sample, label=label, about=_as_bytes({**sample.meta, **about}))


def _as_bytes(meta: Mapping[str, Any]) -> bytes:
    return json.dumps(meta, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def train_on(release: Release, out: Path, clean: Labels, model: str, epochs: int, seed: int) -> Trained:
    """Train on train, measure once on test: without a val split the last epoch counts, so test chooses nothing."""
    config = train.RunConfig(
        data=str(release.path),
        out=str(out),
        model=model,
        augment="cifar",
        epochs=epochs,
        batch_size=64,
        val="none",
        seed=seed,
    )
    result = train.run(config)
    split = release.split("train")
    true = np.array([clean[sample.meta["sha256"]] for sample in split])
    assert result.test is not None
    return Trained(
        samples=len(split),
        label_error=float((split.labels != true).mean()),
        test_samples=len(release.split("test")),
        test_accuracy=result.test.top1,
        test_low=result.test.top1_low,
        test_high=result.test.top1_high,
    )
