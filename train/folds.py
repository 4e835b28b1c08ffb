"""Out-of-fold predictions: each training sample judged by a network that never saw it or its group."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from shards.atomic import write_whole
from train.intervals import wilson
from train.job import Job, Part, Watch
from train.loop import fit
from train.metrics import fit_temperature, softmax
from train.partition import assign_folds
from train.predict import predict
from train.sources import Labelled


def write_predictions(job: Job, whole: Part, samples: Labelled, folder: Path, watch: Watch) -> dict[str, float]:
    """Train one network a fold of `whole` and write `predictions.npz` into `folder`.

    Gives the temperature, and of all samples, each judged by the network that never saw it: top1 with its interval
    (`top1_low`, `top1_high`), loss after temperature (nats), samples.

    The file holds key str [N], sha256 str [N], fold int64 [N], probabilities float32 [N, K] in the order of the
    categories, rows sum to 1, and temperature float64: the one number, fitted on all out-of-fold logits against
    the labels, by which the logits of these probabilities were divided (raw ones: p ** temperature, renormalised).
    """
    config = job.config
    origins = [samples.origin(row) for row in range(len(samples))]
    fold = assign_folds(samples.labels, [group for _, group in origins], config.folds, config.seed)
    logits = np.zeros((len(whole), job.classes), np.float32)
    for number in range(config.folds):
        seen, unseen = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        name = f"{number + 1} of {config.folds}"
        one = replace(
            job,
            folder=folder / f"fold-{name.replace(' ', '-')}",
            stamp=replace(job.stamp, fold=name),
            train=whole.subset(seen),
            val=None,
        )
        if job.world.first:
            one.folder.mkdir(parents=True, exist_ok=True)
        job.world.wait()
        fitted = fit(one, watch)
        if len(unseen):
            logits[unseen] = predict(fitted.model, whole.subset(unseen), one)
    temperature = fit_temperature(logits, samples.labels)
    probability = softmax(logits / np.float32(temperature))
    right = int((logits.argmax(axis=1) == samples.labels).sum())
    low, high = wilson(right, len(whole))
    own = np.clip(probability[np.arange(len(whole)), samples.labels], 1e-300, None)
    found = {
        "samples": len(whole),
        "top1": right / len(whole),
        "top1_low": low,
        "top1_high": high,
        "loss": float(-np.log(own).mean()),
        "temperature": temperature,
    }
    if not job.world.first:
        return found
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        key=np.array(samples.keys),
        sha256=np.array([sha256 for sha256, _ in origins]),
        fold=fold,
        probabilities=probability.astype(np.float32),
        temperature=np.float64(temperature),
    )
    write_whole(folder / "predictions.npz", buffer.getvalue())
    return found
