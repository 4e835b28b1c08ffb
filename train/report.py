"""A run as one HTML file that needs nothing else: findings first, then curves, confusion, classes, pictures."""

import base64
import io
import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shards.atomic import write_whole
from train.charts import Line, confusion_table, line_chart, most_confused, reliability_chart
from train.checkpoint import EpochRow
from train.job import Part
from train.metrics import reliability, softmax
from train.page import page, section

PICTURES_SHOWN = 24
MOST_CATEGORIES = 30  # up to so many a confusion matrix can be read


@dataclass(frozen=True)
class Judged:
    """The split that the report shows, with the first seed's logits float32 [N, K] on it."""

    split: str
    logits: NDArray[np.float32]
    part: Part
    categories: tuple[str, ...]


def write_report(path: Path, metrics: dict[str, Any], history: list[EpochRow], judged: Judged) -> Path:
    """Write the report of a run to `path`, whole or not at all."""
    found = metrics[judged.split]
    sections = [
        headline(metrics, found, judged),
        curves(history, metrics),
        confusion(found, judged),
        per_class(found, judged),
        calibration(metrics, found, judged),
        people(found),
        pictures(judged),
        settings(metrics),
    ]
    title = f"{metrics['model']} on {metrics['data']}"
    write_whole(path, page(title, sections).encode())
    return path


def write_evaluation(path: Path, judged: Judged) -> None:
    """Each sample's answer as npz: split, key str [N], label int64 [N], probabilities float32 [N, K] (first seed's)."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        split=np.array(judged.split),
        key=np.array(judged.part.keys),
        label=judged.part.labels,
        probabilities=softmax(judged.logits).astype(np.float32),
    )
    write_whole(path, buffer.getvalue())


def headline(metrics: dict[str, Any], found: dict[str, Any], judged: Judged) -> str:
    """Three sentences and six figures."""
    seeds = len(metrics["seeds"])
    spread = found.get("spread", {}).get("top1")
    sure = (
        f"mean of {seeds} seeds, standard deviation {spread['std']:.2%}"
        if spread
        else f"one seed; 95 % interval {found['top1_low']:.1%} to {found['top1_high']:.1%}"
    )
    recall = [
        (value, name) for value, name in zip(found["recall"], judged.categories, strict=True) if value is not None
    ]
    worst, best = min(recall), max(recall)
    chosen = (
        "The epoch was chosen on val, never on test."
        if metrics["chosen_by"] == "val"
        else "The last epoch is reported; nothing was chosen."
    )
    where = {
        "test": "",
        "val": " There is no test split: val also chose the epoch, so the figures flatter a little.",
        "train": " There is neither a test nor a val split: these are the training samples themselves.",
    }[judged.split]
    words = (
        f"The network calls {found['top1']:.1%} of {found['samples']:,} {judged.split} pictures right ({sure}). "
        f"It finds {escape(best[1])} best ({best[0]:.0%} of them) and {escape(worst[1])} worst ({worst[0]:.0%}). "
        f"{chosen}{where}"
    )
    if folds := metrics.get("out_of_fold"):
        words += (
            f" Of the {folds['samples']:,} training pictures {folds['top1']:.1%} were called right by a network"
            f" that never saw them ({folds['top1_low']:.1%} to {folds['top1_high']:.1%}; predictions.npz)."
        )
    calibrated = found.get("ece_calibrated")
    count = len(judged.categories)
    top5_note = f"{count} categories" + (", so never wrong" if count <= 5 else "")
    figures = [
        ("top-1 accuracy", f"{found['top1']:.2%}", sure),
        ("top-5 accuracy", f"{found['top5']:.2%}", top5_note),
        ("loss", f"{found['loss']:.4f}", f"nats; {between(found, 'loss', '.4f')}"),
        ("macro F1", f"{found['macro_f1']:.3f}", f"categories count alike; {between(found, 'macro_f1', '.3f')}"),
        (
            "calibration error",
            f"{found['ece']:.3f}",
            f"ECE; {between(found, 'ece', '.3f')}"
            + ("" if calibrated is None else f"; {calibrated:.3f} with val's temperature"),
        ),
        (
            "parameters",
            f"{metrics['parameters'] / 1e6:.2f} M",
            f"{metrics['flops'] / 1e6:,.0f} M multiply-adds a picture",
        ),
    ]
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{value}</dd><small>{escape(note)}</small></div>" for name, value, note in figures
    )
    return f"<p class=lead>{words}</p><dl class=figures>{cells}</dl>"


def between(found: dict[str, Any], name: str, form: str) -> str:
    """A figure's 95 % interval over samples, in words."""
    low, high = found["intervals"][name]
    return f"{low:{form}} to {high:{form}}"


def curves(history: list[EpochRow], metrics: dict[str, Any]) -> str:
    """Loss and accuracy over epochs, of every seed."""
    losses, accuracies = [], []
    for seed in metrics["seeds"]:
        rows = [row for row in history if row.seed == seed]
        epochs = [float(row.epoch) for row in rows]
        losses.append(Line("train, augmented", epochs, [row.train_loss for row in rows], 1))
        accuracies.append(Line("train, augmented", epochs, [row.train_top1 for row in rows], 1))
        seen = [row for row in rows if row.val_loss is not None and row.val_top1 is not None]
        if seen:
            at = [float(row.epoch) for row in seen]
            losses.append(Line("val", at, [row.val_loss or 0.0 for row in seen], 0))
            accuracies.append(Line("val", at, [row.val_top1 or 0.0 for row in seen], 0))
    chosen = ", ".join(str(epoch) for epoch in metrics["chosen_epochs"])
    body = (
        f"<div class=pair><figure>{line_chart(losses, 'epoch', 'loss (nats)')}</figure>"
        f"<figure>{line_chart(accuracies, 'epoch', 'accuracy', share=True)}</figure></div>"
        f"<p>Epoch reported: {chosen}. The numbers are in <code>history.csv</code>.</p>"
    )
    return section("curves", "Learning curves", body)


def confusion(found: dict[str, Any], judged: Judged) -> str:
    """The confusion matrix, or the commonest mistakes where it would be too large to read."""
    if len(judged.categories) <= MOST_CATEGORIES:
        body = confusion_table(found["confusion"], judged.categories)
        note = "Rows: the true category. Columns: what the network called it."
    else:
        body = most_confused(found["confusion"], judged.categories)
        note = "The commonest mistakes; the whole matrix is in <code>metrics.json</code>."
    return section("confusion", "Confusion", f"<p>{note}</p>{body}")


def per_class(found: dict[str, Any], judged: Judged) -> str:
    """A table of categories, the worst recall first."""
    support = [sum(row) for row in found["confusion"]]
    order = sorted(range(len(judged.categories)), key=lambda k: (found["recall"][k] is None, found["recall"][k] or 0.0))
    rows = "".join(
        f"<tr><td>{escape(judged.categories[k])}</td><td class=n>{support[k]:,}</td>"
        f'<td class="n bar" style="--share:{found["recall"][k] or 0:.3f}">{percent(found["recall"][k])}</td>'
        f"<td class=n>{percent(found['precision'][k])}</td><td class=n>{percent(found['f1'][k])}</td></tr>"
        for k in order
    )
    body = (
        '<div class="scroll"><table class="classes"><thead><tr><th>category</th><th class=n>samples</th>'
        "<th class=n>recall</th><th class=n>precision</th><th class=n>F1</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    return section("classes", "Categories, worst recall first", body)


def percent(value: float | None) -> str:
    """A share, or a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def calibration(metrics: dict[str, Any], found: dict[str, Any], judged: Judged) -> str:
    """How far confidence can be believed."""
    chart = reliability_chart(reliability(softmax(judged.logits), judged.part.labels))
    temperature = metrics.get("temperature")
    note = f"Expected calibration error {found['ece']:.4f}, Brier score {found['brier']:.4f}"
    if temperature:
        note += (
            f"; {found['ece_calibrated']:.4f} and {found['brier_calibrated']:.4f} after dividing logits by "
            f"{temperature[0]:.3f}, fitted on val"
        )
    return section(
        "calibration",
        "Calibration",
        f"<p>{note}. A dot on the diagonal: as often right as it is sure. Its area: how many samples.</p>"
        f"<figure>{chart}</figure>",
    )


def people(found: dict[str, Any]) -> str:
    """What people disputed among themselves, and how near the network is to their shares."""
    asked = found.get("people")
    if asked is None:
        return ""

    def row(name: str, part: dict[str, Any]) -> str:
        sure = "" if part["top1"] is None else f"{part['low']:.1%} to {part['high']:.1%}"
        return (
            f"<tr><td>{name}</td><td class=n>{part['samples']:,}</td><td class=n>{percent(part['top1'])}</td>"
            f"<td class=n>{sure}</td></tr>"
        )

    limit = f"{asked['disputed_below']:.0%}"
    body = (
        "<div class=scroll><table><thead><tr><th>pictures</th><th class=n>samples</th><th class=n>accuracy</th>"
        "<th class=n>95 % interval</th></tr></thead><tbody>"
        f"{row(f'disputed: less than {limit} of people agree', asked['disputed'])}"
        f"{row(f'agreed: {limit} or more', asked['agreed'])}</tbody></table></div>"
        f"<p>Cross entropy against people's own shares: {asked['soft_cross_entropy']:.4f} nats; "
        f"nobody can be below their entropy, {asked['human_entropy']:.4f}.</p>"
    )
    return section("people", "Beside people", body)


def pictures(judged: Judged) -> str:
    """The most confident mistakes, the surest right answers and the least sure ones."""
    probability = softmax(judged.logits)
    labels = judged.part.labels
    called = probability.argmax(axis=1)
    confidence = probability.max(axis=1)
    wrong, right = np.flatnonzero(called != labels), np.flatnonzero(called == labels)
    sheets = [
        ("Most confident mistakes", wrong[np.argsort(-confidence[wrong], kind="stable")]),
        ("Least sure", np.argsort(confidence, kind="stable")),
        ("Surest and right", spread_over_classes(right, confidence, labels)),
    ]
    body = ""
    for title, rows in sheets:
        cards = "".join(card(judged, int(row), called, confidence) for row in rows[:PICTURES_SHOWN])
        body += f"<h3>{title}</h3><div class=sheet>{cards or '<p>None.</p>'}</div>"
    return section("pictures", "Pictures, best and worst", body)


def spread_over_classes(
    rows: NDArray[np.int64], confidence: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Rows by confidence, each class in turn, so that one easy class does not fill the sheet."""
    ordered = rows[np.argsort(-confidence[rows], kind="stable")]
    turn: dict[int, int] = {}
    place = []
    for row in ordered:
        place.append(turn.setdefault(int(labels[row]), 0))
        turn[int(labels[row])] += 1
    return ordered[np.argsort(place, kind="stable")]


def card(judged: Judged, row: int, called: NDArray[np.int64], confidence: NDArray[np.float64]) -> str:
    """One picture with what it is and what it was called."""
    true, said = judged.categories[judged.part.labels[row]], judged.categories[called[row]]
    verdict = f"✓ {escape(said)}" if true == said else f"✗ <b>{escape(said)}</b>"
    truth = "" if true == said else f"<br><small>is {escape(true)}</small>"
    story = judged.part.story(row) if judged.part.story else ""
    made = f"<br><small>{escape(story)}</small>" if story else ""
    return (
        f'<figure class=card title="{escape(judged.part.keys[row])}">'
        f'<img alt="{escape(true)}" src="{data_uri(judged.part.pictures.one(row))}">'
        f"<figcaption>{verdict} <small>{confidence[row]:.0%}</small>{truth}{made}</figcaption></figure>"
    )


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """A picture uint8 [H, W, 3] inside the page: PNG when tiny, else a JPEG of at most 128 pixels."""
    picture = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if max(picture.size) <= 48:
        picture.save(buffer, "PNG")
        kind = "png"
    else:
        picture.thumbnail((128, 128))
        picture.save(buffer, "JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def settings(metrics: dict[str, Any]) -> str:
    """Everything that is needed to run it again."""
    samples = ", ".join(f"{name} {count:,}" for name, count in metrics["samples"].items())
    left_out = f"; {metrics['left_out']:,} without a category left out" if metrics["left_out"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in metrics["versions"].items())
    threads = f"{metrics['threads']} thread" + ("s" if metrics["threads"] != 1 else "")
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(json.dumps(value))}</td></tr>"
        for name, value in metrics["settings"].items()
    )
    body = (
        f"<p>Samples: {samples}{left_out}. Data <code>{metrics['release'][:16]}</code>. "
        f"{escape(str(metrics['device']))}, {threads}; {escape(versions)}.</p>"
        f"<details><summary>All settings</summary><div class=scroll><table>{rows}</table></div></details>"
    )
    return section("settings", "Settings", body)
