"""Several runs side by side: figures with intervals, what their settings differ in, curves, and paired differences."""

import csv
import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shards.atomic import write_whole
from train.charts import Line, line_chart
from train.errors import TrainError
from train.intervals import paired_difference
from train.page import page, section

FIGURES = (
    ("top1", "top-1", True),
    ("top5", "top-5", True),
    ("loss", "loss", False),
    ("macro_f1", "macro F1", False),
    ("ece", "ECE", False),
    ("brier", "Brier", False),
)


@dataclass(frozen=True)
class Shown:
    """A run as it is compared: its metrics, its history, and its answers on the samples of the split shown."""

    name: str
    metrics: dict[str, Any]
    history: list[dict[str, str]]
    split: str
    keys: NDArray[np.str_]
    right: NDArray[np.bool_]

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of the split shown."""
        found: dict[str, Any] = self.metrics[self.split]
        return found


def open_shown(folder: Path) -> Shown:
    """A finished run. TrainError (exit code 2) where there is none."""
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
            history = list(csv.DictReader(file))
        with np.load(folder / "evaluation.npz", allow_pickle=False) as found:
            keys, split = found["key"], str(found["split"])
            right = found["probabilities"].argmax(axis=1) == found["label"]
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(
            f"{folder} is not a finished run ({error}).", "give folders that training has left", 2
        ) from error
    return Shown(folder.resolve().name, metrics, history, split, keys, right)


def compare(folders: list[Path], out: Path) -> Path:
    """Write the comparison of the runs in `folders` to `out`. TrainError when they were measured on other data."""
    runs = [open_shown(folder) for folder in folders]
    first = runs[0]
    for one in runs[1:]:
        if one.metrics["release"] != first.metrics["release"] or one.split != first.split:
            raise TrainError(
                f"{one.name} was measured on other data than {first.name}.",
                hint="compare runs of one release and one split",
                exit_code=2,
            )
    sections = [headline(runs), figures(runs), curves(runs), settings(runs)]
    title = f"{len(runs)} runs on {first.metrics['data']}"
    write_whole(out, page(title, sections).encode())
    return out


def difference(first: Shown, other: Shown) -> tuple[float, float, float]:
    """How much more of the same samples `other` has right than `first`, with its interval."""
    rows = {str(key): i for i, key in enumerate(first.keys)}
    order = [rows[str(key)] for key in other.keys]
    return paired_difference(first.right[order].astype(float), other.right.astype(float))


def headline(runs: list[Shown]) -> str:
    """Which run's first seed is ahead, and whether one can tell; both from the same answers."""
    best = max(runs, key=lambda run: float(run.right.mean()))
    others = [run for run in runs if run is not best]
    sentences = [f"<b>{escape(best.name)}</b> has the most {best.split} samples right ({best.right.mean():.2%})."]
    for other in others:
        gap, low, high = difference(other, best)
        told = "which is more than chance explains" if low > 0 else "which chance alone may explain"
        sentences.append(
            f"It is {gap * 100:.2f} points ahead of <b>{escape(other.name)}</b> on the same samples "
            f"(95 % interval {low * 100:+.2f} to {high * 100:+.2f}), {told}."
        )
    note = "Intervals are over samples, of the first seed; only several seeds show how much training itself varies."
    return f"<p class=lead>{' '.join(sentences)}</p><p>{note}</p>"


def figures(runs: list[Shown]) -> str:
    """A table: a run a row."""
    head = "".join(f"<th class=n>{name}</th>" for _, name, _ in FIGURES)
    rows = ""
    for run in runs:
        cells = ""
        for key, _, share in FIGURES:
            low, high = run.figures["intervals"][key]
            spread = run.figures.get("spread", {}).get(key)
            shown = percent if share else plain
            sure = f"{shown(low).removesuffix('%')}–{shown(high)}"
            if spread and "std" in spread:
                sure = f"std {shown(spread['std'])}"
            cells += f"<td class=n>{shown(run.figures[key])}<br><small>{sure}</small></td>"
        millions = f"{run.metrics['parameters'] / 1e6:.2f} M"
        seeds = len(run.metrics["seeds"])
        what = run.metrics["model"] + (f", {seeds} seeds" if seeds > 1 else "")
        rows += (
            f"<tr><th scope=row class=name>{escape(run.name)}<br><small>{escape(what)}</small></th>{cells}"
            f"<td class=n>{millions}</td><td class=n>{run.metrics['seconds']:,.0f} s</td></tr>"
        )
    body = (
        f"<div class=scroll><table><thead><tr><th>run</th>{head}<th class=n>parameters</th><th class=n>time</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )
    return section("figures", f"Figures on {runs[0].split}", body)


def percent(value: float) -> str:
    """A share."""
    return f"{value:.2%}"


def plain(value: float) -> str:
    """A number."""
    return f"{value:.4f}"


def curves(runs: list[Shown]) -> str:
    """Loss and accuracy over epochs, of each run's first seed."""
    losses, accuracies = [], []
    first_seeds = [[row for row in run.history if row["seed"] == str(run.metrics["seeds"][0])] for run in runs]
    # The augmented pictures of train are harder than val's: curves of both in one chart would compare nothing.
    kind = "val" if all(rows and rows[0]["val_loss"] for rows in first_seeds) else "train"
    for style, (run, rows) in enumerate(zip(runs, first_seeds, strict=True)):
        epochs = [float(row["epoch"]) for row in rows]
        losses.append(Line(f"{run.name}, {kind}", epochs, [float(row[f"{kind}_loss"]) for row in rows], style % 4))
        accuracies.append(Line(f"{run.name}, {kind}", epochs, [float(row[f"{kind}_top1"]) for row in rows], style % 4))
    body = (
        f"<div class=pair><figure>{line_chart(losses, 'epoch', 'loss (nats)')}</figure>"
        f"<figure>{line_chart(accuracies, 'epoch', 'accuracy', share=True)}</figure></div>"
    )
    return section("curves", "Learning curves", body)


def settings(runs: list[Shown]) -> str:
    """The settings in which the runs differ."""
    names = [name for name in runs[0].metrics["settings"] if name not in ("data", "out")]
    different = [name for name in names if len({json.dumps(run.metrics["settings"].get(name)) for run in runs}) > 1]
    head = "".join(f"<th>{escape(run.name)}</th>" for run in runs)
    rows = "".join(
        f"<tr><th scope=row><code>{escape(name)}</code></th>"
        + "".join(f"<td>{escape(written(run.metrics['settings'].get(name)))}</td>" for run in runs)
        + "</tr>"
        for name in different
    )
    table = f"<div class=scroll><table><thead><tr><td></td>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    body = table if different else "<p>None: the runs have the same settings.</p>"
    return section("settings", "Settings that differ", body)


def written(value: Any) -> str:
    """A setting as one reads it; a dash for what an older run did not have."""
    return value if isinstance(value, str) else "–" if value is None else json.dumps(value)
