"""The second half of the demo's report: from duplicates to the network on the test split."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from cairn.demo.drawing import Bar, bars, figure, pair, sheet
from cairn.demo.report_section import PicturesOf, Section, Table, percent
from train.charts import Line, confusion_table, line_chart


def duplicates(story: Mapping[str, Any], show: PicturesOf) -> Section:
    """The planted near-duplicates that were found, missed, and found wrongly."""
    found = story["duplicates"]
    rows = [
        Bar(
            name.replace("_", " "),
            [(counts["found"], 0), (counts["n"] - counts["found"], 2)],
            f"{counts['found']} of {counts['n']}",
        )
        for name, counts in found["transforms"].items()
    ]
    pairs = [
        pair(first, second, "kept, and left out")
        for kept, gone in found["pairs"][:8]
        if (first := show(kept)) and (second := show(gone))
    ]
    missed = [
        pair(first, second, "not found")
        for kept, gone in found["missed"][:6]
        if (first := show(kept)) and (second := show(gone))
    ]
    false = [
        pair(first, second, "not the same")
        for kept, gone in found["false"][:6]
        if (first := show(kept)) and (second := show(gone))
    ]
    parts = [bars(rows, "planted near-duplicates found, by transform"), sheet(pairs)]
    if missed:
        parts += ["<h3>Missed</h3>", sheet(missed)]
    if false:
        parts += ["<h3>Left out though they are not the same</h3>", sheet(false)]
    return Section(
        "duplicates",
        "Duplicates",
        f"{found['planted']} planted near-duplicates stood for release beside their originals; {found['found']} were"
        f" found and one of each pair was left out. {len(found['false'])} of {found['removed']} removals were wrong.",
        parts,
        ["cairn build demo", "cairn duplicates FOLDER"],
        Table(("transform", "planted", "found"), [(row.label, *_planted(found, row.label)) for row in rows]),
    )


def _planted(found: Mapping[str, Any], label: str) -> tuple[int, int]:
    counts = found["transforms"][label.replace(" ", "_")]
    return counts["n"], counts["found"]


def splits(story: Mapping[str, Any], release: Path, show: PicturesOf) -> Section:
    """What the release holds, by category and split."""
    made = story["released"]
    rows = [
        Bar(
            name,
            [(counts.get("train", 0), 0), (counts.get("val", 0), 1), (counts.get("test", 0), 2)],
            " + ".join(str(counts.get(split, 0)) for split in ("train", "val", "test")),
        )
        for name, counts in made["classes"].items()
    ]
    cells = []
    table = parquet.read_table(release / "samples.parquet", columns=["sha256", "category", "split"]).to_pylist()
    for name in made["classes"]:
        mine = [row for row in table if row["category"] == name and row["split"] == "test"][:6]
        cells += [figure(uri, f"{name}, test") for row in mine if (uri := show(row["sha256"]))]
    dropped = ", ".join(f"{n} {reason}" for reason, n in made["dropped"].items()) or "nothing"
    return Section(
        "splits",
        "Released",
        f"Release {story['release']} holds {made['samples']:,} pictures; {made['wrong']} of their labels"
        f" ({percent(made['error'])}) are wrong against the truth. Left out, each with its reason: {dropped}."
        f" cairn verify found {story['problems'] or 'nothing wrong'}.",
        ["<h3>Pictures per category: train + val + test</h3>", bars(rows, "pictures per category and split"),
         sheet(cells)],
        [f"cairn build {story['release']}", f"cairn verify {story['release']}"],
        Table(
            ("category", "train", "val", "test"),
            [(name, *(n.get(split, 0) for split in ("train", "val", "test"))) for name, n in made["classes"].items()],
        ),
    )  # fmt: skip


def trained(story: Mapping[str, Any], run: Path) -> Section:
    """The curves of the training run."""
    training = story["training"]
    with (run / "history.csv").open(newline="") as file:
        history = list(csv.DictReader(file))
    epochs = [float(row["epoch"]) for row in history]
    accuracy = [Line("train, augmented", epochs, [float(row["train_top1"]) for row in history], 1)]
    if all(row["val_top1"] for row in history):
        accuracy.append(Line("val", epochs, [float(row["val_top1"]) for row in history], 0))
    loss = [Line("train, augmented", epochs, [float(row["train_loss"]) for row in history], 1)]
    if all(row["val_loss"] for row in history):
        loss.append(Line("val", epochs, [float(row["val_loss"]) for row in history], 0))
    return Section(
        "trained",
        "Trained",
        f"{training['model']} with {training['parameters']:,} parameters, {len(history)} epochs in"
        f" {story['seconds']['train']:.0f} s on {training['device']}; the epoch was chosen by {training['chosen_by']}.",
        ['<div class="two"><div>', line_chart(accuracy, "epoch", "accuracy", share=True), "</div><div>",
         line_chart(loss, "epoch", "loss"), "</div></div>"],
        [f"python -m train releases/{story['release']} {story['train_flags']}"],
        Table(
            ("epoch", "train loss", "train accuracy", "val loss", "val accuracy"),
            [
                (row["epoch"], *(f"{float(row[name]):.4f}" if row[name] else "" for name in
                 ("train_loss", "train_top1", "val_loss", "val_top1")))
                for row in history
            ],
        ),
    )  # fmt: skip


def evaluated(story: Mapping[str, Any]) -> Section:
    """The network on the test split."""
    training = story["training"]
    test, names = training["test"], training["categories"]
    recall = bars(
        [
            Bar(name, [(value or 0.0, 0)], percent(value))
            for name, value in sorted(zip(names, test["recall"], strict=True), key=lambda row: -(row[1] or 0.0))
        ],
        "recall per category",
        most=1.0,
    )
    small = (
        " The quick demo trains for seconds on a few hundred pictures, which shows the way but not what a network can"
        " do; without --quick it trains for a minute on more of them."
    )
    return Section(
        "evaluated",
        "Evaluated on the test split",
        f"Top-1 accuracy {percent(test['top1'])} ({percent(test['top1_low'])} to {percent(test['top1_high'])}),"
        f" loss {test['loss']:.3f}, expected calibration error {test['ece']:.3f}. The test split was looked at once,"
        f" after everything was chosen.{small if story['quick'] else ''}",
        ['<div class="two"><div>', "<h3>Recall</h3>", recall, "</div><div>",
         "<h3>Rows are the released labels, columns what they were called</h3>",
         confusion_table(test["confusion"], names),
         "</div></div>"],
        [f"open runs/{story['run']}/report.html"],
        Table(
            ("category", "recall", "precision"),
            [(name, percent(r), percent(p)) for name, r, p in
             zip(names, test["recall"], test["precision"], strict=True)],
        ),
    )  # fmt: skip
