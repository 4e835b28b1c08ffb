"""What a run found, as the content of `metrics.json` and `history.csv`."""

import csv
import io
import platform
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from shards.atomic import write_whole
from train.checkpoint import EpochRow
from train.config import RunConfig, as_dict
from train.describe import describe
from train.intervals import classifier_intervals, mean_and_interval
from train.job import Fitted, Job, Part
from train.metrics import (
    Metrics,
    brier_score,
    cross_entropy,
    evaluate,
    expected_calibration_error,
    fit_temperature,
    softmax,
)
from train.people import against_people
from train.sources import Source

Logits = NDArray[np.float32]


MEANS = (
    "loss", "top1", "top5", "top1_low", "top1_high", "ece", "brier", "macro_recall", "macro_precision", "macro_f1",
)  # fmt: skip


def summary(
    config: RunConfig,
    source: Source,
    parts: dict[str, Part],
    logits: dict[str, list[Logits]],
    fitted: list[Fitted],
    job: Job,
) -> dict[str, Any]:
    """The content of metrics.json; each split's figures are means over seeds, its confusion their sum."""
    known = describe(
        config.model,
        size=job.stamp.size,
        classes=job.classes,
        small_input=config.small_input,
        width=config.width,
    )
    found: dict[str, Any] = {
        "release": source.identity,
        "data": source.name,
        "model": config.model,
        "seeds": list(range(config.seed, config.seed + config.seeds)),
        "test": None,
        "val": None,
        "chosen_epochs": [one.epoch for one in fitted],
        "chosen_by": "val" if "val" in parts else "last epoch",
        "samples": {name: len(part) for name, part in parts.items()},
        "left_out": source.left_out,
        "categories": list(source.categories),
        "parameters": known.parameters,
        "flops": known.flops,
        "device": torch.cuda.get_device_name(job.compute.device) if job.compute.device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "settings": as_dict(config),
    }
    for name, of_seeds in logits.items():
        found[name] = over_seeds([evaluate(one, parts[name].labels) for one in of_seeds])
    if "val" in logits:
        found["temperature"] = [fit_temperature(one, parts["val"].labels) for one in logits["val"]]
        for name in logits:
            found[name] |= calibrated(logits[name], found["temperature"], parts[name].labels)
    for name, of_seeds in logits.items():
        part = parts[name]
        found[name]["intervals"] = classifier_intervals(softmax(of_seeds[0]), part.labels)
        if part.human is not None:
            found[name]["people"] = against_people(of_seeds[0], part.labels, part.human)
    return found


def calibrated(of_seeds: list[Logits], temperatures: list[float], labels: NDArray[np.int64]) -> dict[str, float]:
    """Figures after dividing each seed's logits by its temperature; means over seeds."""
    cooled = [one / np.float32(t) for one, t in zip(of_seeds, temperatures, strict=True)]
    return {
        "ece_calibrated": float(np.mean([expected_calibration_error(softmax(one), labels) for one in cooled])),
        "brier_calibrated": float(np.mean([brier_score(softmax(one), labels) for one in cooled])),
        "loss_calibrated": float(np.mean([cross_entropy(one, labels) for one in cooled])),
    }


def over_seeds(of_seeds: list[Metrics]) -> dict[str, Any]:
    """Figures of one split: the only seed's, or means, summed confusion, `spread` and each seed's `runs`."""
    if len(of_seeds) == 1:
        return of_seeds[0].as_json()
    each = [one.as_json() for one in of_seeds]
    found: dict[str, Any] = {"samples": each[0]["samples"]}
    for name in MEANS:
        found[name] = float(np.mean([one[name] for one in each]))
    for name in ("recall", "precision", "f1"):
        columns = zip(*(one[name] for one in each), strict=True)
        known = [[x for x in column if x is not None] for column in columns]
        found[name] = [float(np.mean(values)) if values else None for values in known]
    found["confusion"] = np.sum([one["confusion"] for one in each], axis=0).tolist()
    found["spread"] = {n: mean_and_interval([one[n] for one in each]) for n in ("loss", "top1", "top5", "ece")}
    found["runs"] = [{n: one[n] for n in ("loss", "top1", "top5", "ece")} for one in each]
    return found


def write_history(path: Path, history: list[EpochRow]) -> None:
    """history.csv: one line an epoch and seed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(EpochRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    write_whole(path, text.getvalue().encode())
