"""The demo's report: the whole story in the order of the chain, in one file that needs nothing else."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from cairn.demo.drawing import Bar, Interval, bars, figure, intervals, pair, picture, sheet
from cairn.demo.site_truth import SiteTruth
from label_store import BlobError, Workspace
from train.charts import Line, confusion_table, line_chart

PicturesOf = Callable[[str], str | None]
ODD_NAMES = {
    "truncated": "truncated JPEG",
    "text": "text named .jpg",
    "bomb": "decompression bomb",
    "cmyk": "CMYK JPEG",
    "exif_rotated": "EXIF-rotated JPEG",
    "wrong_suffix": "PNG named .jpg",
    "wrong_type": "wrong Content-Type",
    "png16": "16-bit PNG",
    "alpha": "picture with alpha",
}


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Section:
    """One step of the chain: what was found, in words, in a chart, in pictures, and by which command."""

    anchor: str
    title: str
    finding: str
    parts: Sequence[str]
    commands: Sequence[str]
    table: Table | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def write_report(path: Path, story: Mapping[str, Any], workspace: Workspace, truth: SiteTruth) -> Path:
    """Write the report of a finished demo. `story` is what `cairn.demo.story` measured."""
    show = _pictures(workspace)
    release = workspace.releases / str(story["release"])
    sections = [
        _site(story, truth, show),
        _collected(story, truth, show),
        _judged(story),
        _settled(story, workspace, truth, show),
        _duplicates(story, show),
        _splits(story, release, show),
        _trained(story, workspace),
        _evaluated(story),
    ]
    environment = Environment(loader=PackageLoader("cairn.demo", "templates"), autoescape=True)
    page = environment.get_template("report.html").render(
        title=f"{story['release']}: from a picture site to a benchmarked ResNet",
        style=Markup(environment.get_template("report.css").render()),  # noqa: S704  our own file
        lead=_lead(story),
        figures=_figures(story),
        sections=[_safe(section) for section in sections],
        footer=_footer(story),
    )
    temporary = path.with_suffix(".tmp")
    temporary.write_text(page, encoding="utf-8")
    temporary.replace(path)
    return path


def _safe(section: Section) -> dict[str, Any]:
    parts = [Markup(part) for part in section.parts]  # noqa: S704  drawn by us, texts escaped where they enter
    return {**section.__dict__, "parts": parts}


def _lead(story: Mapping[str, Any]) -> str:
    labels, found, top1 = story["labels"], story["duplicates"], story["training"]["test"]["top1"]
    flagged = [who["name"] for who in story["annotators"] if who["flags"]]
    return (
        f"{_percent(labels['all_claims'])} of the site's {labels['claims']:,} claims about its pictures were wrong;"
        f" after {labels['judgments']:,} judgments {_percent(labels['consensus'])} of the settled answers are"
        f" ({_percent(labels['estimated'])} estimated without knowing the truth)."
        f" Of {found['planted']} planted near-duplicates {found['found']} were found, with"
        f" {len(found['false'])} false ones; suspicious annotators: {', '.join(flagged) or 'none'}."
        f" {story['training']['model']} trained on the release is right on {_percent(top1)}"
        f" of {story['training']['test']['samples']} test pictures."
    )


def _figures(story: Mapping[str, Any]) -> list[dict[str, str]]:
    labels, test = story["labels"], story["training"]["test"]
    return [
        {"name": "Pictures collected", "value": f"{story['collected']['images']:,}",
         "note": f"of {story['collected']['reachable']:,} a polite collector can get"},
        {"name": "Judgments", "value": f"{story['all_judgments']:,}",
         "note": f"by {len(story['annotators'])} annotators"},
        {"name": "Wrong labels", "value": _percent(labels["consensus"]),
         "note": f"majority vote {_percent(labels['majority'])}, one person {_percent(labels['one_annotator'])}"},
        {"name": "Duplicates found", "value": f"{story['duplicates']['found']} of {story['duplicates']['planted']}",
         "note": f"{len(story['duplicates']['false'])} false"},
        {"name": "Released", "value": f"{story['released']['samples']:,}",
         "note": f"{_percent(story['released']['error'])} labelled wrong"},
        {"name": "Test accuracy", "value": _percent(test["top1"]),
         "note": f"95 % interval {_percent(test['top1_low'])} to {_percent(test['top1_high'])}"},
    ]  # fmt: skip


def _site(story: Mapping[str, Any], truth: SiteTruth, show: PicturesOf) -> Section:
    galleries = list(truth.galleries)
    per_category: dict[str, list[str]] = {}
    for known in truth.pictures.values():
        if known.category and known.transform is None and known.trouble is None:
            per_category.setdefault(known.category, []).append(known.sha256)
    wrong = sum(known.misplaced for known in truth.pictures.values())
    cells = [figure(uri, category) for category, shas in sorted(per_category.items()) for uri in _first(shas, show, 4)]
    return Section(
        "site",
        "The picture site",
        f"A renderer drew {len(truth.pictures):,} files of {len(per_category)} categories and served them on this"
        f" machine in {len(galleries)} galleries, one of them closed by robots.txt; {wrong} pictures stand in a"
        " gallery or row that is not theirs. The truth about each file is kept aside and used only to measure.",
        [sheet(cells)],
        ["cairn demo"],
    )


def _collected(story: Mapping[str, Any], truth: SiteTruth, show: PicturesOf) -> Section:
    found = story["collected"]
    outcomes = [row for row in found["outcomes"] if row["status"] != "ok"]
    chart = bars(
        [Bar(name, [(n, 0)], f"{n:,}") for name, n in found["licenses"].items()],
        "pictures by licence",
    )
    refused = bars(
        [Bar(f"{row['status']}: {row['reason']}", [(row["n"], 1)], str(row["n"])) for row in outcomes],
        "what was refused or failed, by reason",
    )
    odd = [
        figure(uri, ODD_NAMES.get(known.trouble or "", known.trouble or ""))
        for known in truth.pictures.values()
        if known.trouble and not known.refused and (uri := show(known.sha256))
    ]
    missed = len(found["missed"])
    return Section(
        "collected",
        "Collected and refused",
        f"The collector walked the pages and a list of URLs and kept {found['images']:,} pictures with their licence,"
        f" author and page; {missed or 'none'} of those it could have got"
        f" {'is' if missed == 1 else 'are'} missing. Requests to the gallery that robots.txt"
        f" closes: {story['robots_requests']}. It recorded {story['bad_rows']} broken rows of the list, and refused"
        f" {sum(row['n'] for row in outcomes)} addresses, each with its reason.",
        [
            "<h3>Pictures by licence</h3>", chart,
            "<h3>Refused or failed, by reason</h3>", refused,
            "<h3>Odd files that were read all the same</h3>", sheet(odd[:12]),
        ],
        ["cairn collect crawl …", "cairn collect urls urls.csv", "cairn collect status"],
        Table(
            ("address", "reason", "detail"),
            [(row["url"], row["reason"], row["detail"][:120]) for row in found["refused"][:60]],
        ),
    )  # fmt: skip


def _judged(story: Mapping[str, Any]) -> Section:
    people = sorted(story["annotators"], key=lambda who: -who["true"])
    chart = intervals(
        [
            Interval(who["name"], who["estimated"], who["low"], who["high"], who["true"], ", ".join(who["flags"]))
            for who in people
        ],
        "accuracy of each annotator: estimated, and true",
    )
    flagged = [who["name"] for who in people if who["flags"]]
    inside = sum(who["low"] <= who["true"] <= who["high"] for who in people)
    return Section(
        "judged",
        "Judged",
        f"{len(people)} simulated annotators joined by invitation and worked through the app's HTTP interface: eight"
        f" honest ones, one who answers at random, one who always says yes. Their accuracy was estimated from their"
        f" agreement and {story['gold']} gold items alone; the truth lies inside the interval for {inside} of"
        f" {len(people)}. Found suspicious: {', '.join(flagged) or 'nobody'}.",
        [chart],
        ["cairn campaign create …", "cairn serve", "cairn consensus demo-verify"],
        Table(
            ("annotator", "judgments", "estimated", "from", "to", "true", "gold right", "median seconds", "flags"),
            [
                (
                    who["name"], who["n"], _percent(who["estimated"]), _percent(who["low"]), _percent(who["high"]),
                    _percent(who["true"]), who["gold"], f"{who['seconds']:.2f}", ", ".join(who["flags"]),
                )
                for who in people
            ],
        ),
    )  # fmt: skip


def _settled(story: Mapping[str, Any], workspace: Workspace, truth: SiteTruth, show: PicturesOf) -> Section:
    labels = story["labels"]
    rows = [
        Bar("the site's claim", [(labels["claim"], 2)], _percent(labels["claim"])),
        Bar("one annotator", [(labels["one_annotator"], 1)], _percent(labels["one_annotator"])),
        Bar("majority vote", [(labels["majority"], 1)], _percent(labels["majority"])),
        Bar("consensus", [(labels["consensus"], 0)], _percent(labels["consensus"]), strong=True),
        Bar(
            "… as estimated", [(labels["estimated"] or 0, 0)],
            f"{_percent(labels['estimated'])}"
            f" ({_percent(labels['estimated_low'])} to {_percent(labels['estimated_high'])})",
        ),
    ]  # fmt: skip
    rejected = [
        figure(uri, f"not {row['category']}", "✗") for row in story["rejected"][:24] if (uri := show(row["sha256"]))
    ]
    cars = story["attributes"]
    told = "; ".join(
        f"{name} wrong on {_percent(found['error'])} of {found['n']}" for name, found in cars["errors"].items()
    )
    if cars["others"]:
        told += f"; {cars['others']} asked about are no cars"
    return Section(
        "settled",
        "Settled",
        f"{labels['settled']:,} of {labels['items']:,} questions are settled, {story['states']['disputed']} are"
        f" disputed and {story['states']['open']} open. Krippendorff's alpha is {labels['alpha']:.2f}."
        f" Attributes of the cars: {told or 'none'}.",
        [
            f"<h3>Wrong answers to the {labels['settled']:,} settled questions, before and after</h3>",
            bars(rows, "share of wrong answers"),
            "<h3>Pictures the crowd turned away from the gallery they stood in</h3>", sheet(rejected),
        ],
        ["cairn consensus demo-verify", "cairn consensus demo-cars"],
        Table(("answers of", "wrong"), [(row.label, row.shown) for row in rows]),
    )  # fmt: skip


def _duplicates(story: Mapping[str, Any], show: PicturesOf) -> Section:
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


def _first(shas: Sequence[str], show: PicturesOf, n: int) -> list[str]:
    """The first n of these pictures that were collected."""
    found: list[str] = []
    for sha256 in shas:
        uri = show(sha256) if len(found) < n else None
        if uri:
            found.append(uri)
    return found


def _planted(found: Mapping[str, Any], label: str) -> tuple[int, int]:
    counts = found["transforms"][label.replace(" ", "_")]
    return counts["n"], counts["found"]


def _splits(story: Mapping[str, Any], release: Path, show: PicturesOf) -> Section:
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
        f" ({_percent(made['error'])}) are wrong against the truth. Left out, each with its reason: {dropped}."
        f" cairn verify found {story['problems'] or 'nothing wrong'}.",
        ["<h3>Pictures per category: train + val + test</h3>", bars(rows, "pictures per category and split"),
         sheet(cells)],
        [f"cairn build {story['release']}", f"cairn verify {story['release']}"],
        Table(
            ("category", "train", "val", "test"),
            [(name, *(n.get(split, 0) for split in ("train", "val", "test"))) for name, n in made["classes"].items()],
        ),
    )  # fmt: skip


def _trained(story: Mapping[str, Any], workspace: Workspace) -> Section:
    training = story["training"]
    with (workspace.runs / story["run"] / "history.csv").open(newline="") as file:
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


def _evaluated(story: Mapping[str, Any]) -> Section:
    training = story["training"]
    test, names = training["test"], training["categories"]
    recall = bars(
        [
            Bar(name, [(value or 0.0, 0)], _percent(value))
            for name, value in sorted(zip(names, test["recall"], strict=True), key=lambda row: -(row[1] or 0.0))
        ],
        "recall per category",
        most=1.0,
    )
    return Section(
        "evaluated",
        "Evaluated on the test split",
        f"Top-1 accuracy {_percent(test['top1'])} ({_percent(test['top1_low'])} to {_percent(test['top1_high'])}),"
        f" loss {test['loss']:.3f}, expected calibration error {test['ece']:.3f}. The test split was looked at once,"
        " after everything was chosen.",
        ['<div class="two"><div>', "<h3>Recall</h3>", recall, "</div><div>",
         "<h3>Rows are the released labels, columns what they were called</h3>",
         confusion_table(test["confusion"], names),
         "</div></div>"],
        [f"open runs/{story['run']}/report.html"],
        Table(
            ("category", "recall", "precision"),
            [(name, _percent(r), _percent(p)) for name, r, p in
             zip(names, test["recall"], test["precision"], strict=True)],
        ),
    )  # fmt: skip


def _footer(story: Mapping[str, Any]) -> str:
    stages = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in story["seconds"].items())
    versions = ", ".join(f"{name} {number}" for name, number in story["versions"].items())
    return f"Seconds per stage: {stages}. Made with {versions}. The raw numbers are in story.json beside this file."


def _pictures(workspace: Workspace) -> PicturesOf:
    def show(sha256: str) -> str | None:
        try:
            return picture(workspace.blobs.get(sha256))
        except (BlobError, ValueError):
            return None  # not collected

    return show


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{share:.2%}" if 0 < share < 0.01 else f"{share:.1%}"


def lines(story: Mapping[str, Any]) -> Iterator[str]:
    """The report's findings for the terminal."""
    for row in _figures(story):
        yield f"{row['name']:20} {row['value']:>12}   {row['note']}"
