"""The demo's report: the whole story in the order of the chain, in one file that needs nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from cairn.demo import report_labels, report_release
from cairn.demo.drawing import picture
from cairn.demo.report_section import PicturesOf, Section, percent
from cairn.demo.site_truth import SiteTruth
from label_store import BlobError, Workspace


def write_report(path: Path, story: Mapping[str, Any], workspace: Workspace, truth: SiteTruth) -> Path:
    """Write the report of a finished demo. `story` is what `cairn.demo.story` measured."""
    show = _pictures(workspace)
    release = workspace.releases / str(story["release"])
    sections = [
        report_labels.site(story, truth, show),
        report_labels.collected(story, truth, show),
        report_labels.judged(story),
        report_labels.settled(story, show),
        report_release.duplicates(story, show),
        report_release.splits(story, release, show),
        report_release.trained(story, workspace.runs / str(story["run"])),
        report_release.evaluated(story),
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
        f"{percent(labels['all_claims'])} of the site's {labels['claims']:,} claims about its pictures were wrong;"
        f" after {labels['judgments']:,} judgments {percent(labels['consensus'])} of the settled answers are"
        f" ({percent(labels['estimated'])} estimated without knowing the truth)."
        f" Of {found['planted']} planted near-duplicates {found['found']} were found, with"
        f" {len(found['false'])} false ones; suspicious annotators: {', '.join(flagged) or 'none'}."
        f" {story['training']['model']} trained on the release is right on {percent(top1)}"
        f" of {story['training']['test']['samples']} test pictures."
    )


def _figures(story: Mapping[str, Any]) -> list[dict[str, str]]:
    labels, test = story["labels"], story["training"]["test"]
    return [
        {"name": "Pictures collected", "value": f"{story['collected']['images']:,}",
         "note": f"of {story['collected']['reachable']:,} a polite collector can get"},
        {"name": "Judgments", "value": f"{story['all_judgments']:,}",
         "note": f"by {len(story['annotators'])} annotators"},
        {"name": "Wrong labels", "value": percent(labels["consensus"]),
         "note": f"majority vote {percent(labels['majority'])}, one person {percent(labels['one_annotator'])}"},
        {"name": "Duplicates found", "value": f"{story['duplicates']['found']} of {story['duplicates']['planted']}",
         "note": f"{len(story['duplicates']['false'])} false"},
        {"name": "Released", "value": f"{story['released']['samples']:,}",
         "note": f"{percent(story['released']['error'])} labelled wrong"},
        {"name": "Test accuracy", "value": percent(test["top1"]),
         "note": f"95 % interval {percent(test['top1_low'])} to {percent(test['top1_high'])}"},
    ]  # fmt: skip


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
