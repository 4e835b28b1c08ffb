"""The datasheet of a release, card.md and one self-contained card.html: what a reviewer reads first."""

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import imaging
from dataset_builder.charts import histogram, stacked_bars
from dataset_builder.fingerprints import small_picture
from dataset_builder.label_error import CAVEATS
from dataset_builder.mean_images import MOST, mean_images
from dataset_builder.plan import Plan
from dataset_builder.rows import SampleRow
from dataset_builder.select import REASONS
from dataset_builder.splits import ALL_SPLITS
from shards import Manifest
from shards.atomic import write_whole

if TYPE_CHECKING:
    import jinja2

CARD_MD = "card.md"
CARD_HTML = "card.html"

# The page stays under 5 MB: base64 adds a third to what the thumbnails take.
_PICTURE_BUDGET = 3_000_000
_SHEET = 12
_PAIRS = 12
_LONGEST_LIST = 40

_WHY = {
    "takedown": "taken down",
    "unsettled": "not settled by its annotators",
    "disputed": "annotators disagree, or two categories settled",
    "category": "judged to show none of the released categories",
    "low_posterior": "settled as unsure, or less sure than wanted",
    "license": "licence not allowed",
    "too_small": "too small",
    "aspect": "too long and narrow",
    "attributes": "without the attributes wanted",
    "undecodable": "no longer decodes",
    "bit_rot": "its stored bytes have changed or are missing",
    "leak": "also in a set that the release must not overlap",
    "duplicate": "repeats another picture",
    "bridges_splits": "joins pictures of two splits",
    "class_min": "its category has too few",
    "class_max": "its category is full",
}

_LIMITS = (
    "The estimated label error trusts the annotators’ consensus; an audit by reviewers measures it.",
    "The pictures are what the sources show, not a sample of the world: what is rare there is rare here.",
    "Near-duplicates were sought by hash and by pixels; the same scene from another angle is not one.",
    "Licences are as stated where each picture was found; nobody has checked them by hand.",
)


@dataclass(frozen=True)
class Picture:
    """A thumbnail in the page: a data URI, and what it shows in words."""

    uri: str
    words: str


@dataclass(frozen=True)
class Pair:
    """A picture left out beside the one that was kept."""

    kept: Picture
    gone: Picture
    words: str


def write_card(markdown: Path, html: Path, plan: Plan, manifest: Manifest, rows: Sequence[SampleRow]) -> None:
    """Write both forms of the card; `manifest` needs no files yet."""
    facts = card_facts(plan, manifest, rows)
    templates = _templates()
    write_whole(markdown, templates.get_template("card.md").render(facts).encode())
    budget = _Budget(_PICTURE_BUDGET)
    pairs = _pairs(plan, budget)
    means = _means(plan, budget)
    sheets = _sheets(plan, budget)
    page = templates.get_template("card.html").render(facts | {"pairs": pairs, "means": means, "sheets": sheets})
    write_whole(html, page.encode())


def card_facts(plan: Plan, manifest: Manifest, rows: Sequence[SampleRow]) -> dict[str, Any]:
    """Every figure of the card, by the names that the templates use."""
    selection = plan.selection
    splits = [split for split in ALL_SPLITS if split in manifest.splits]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        table[str(row.values["category"] or "(no category)")][str(row.values["split"])] += 1
    names = [category.slug for category in manifest.categories]
    order = [*names, *sorted(set(table) - set(names))]
    by_category = [(name, [table[name][split] for split in splits]) for name in order]
    left_out = Counter(one.reason for one in plan.dropped)
    considered = len(rows) + len(plan.dropped)
    largest = sorted(by_category, key=lambda entry: -sum(entry[1]))[:_LONGEST_LIST]
    reasons = [(reason, left_out[reason]) for reason in REASONS if left_out[reason]]
    return {
        "name": manifest.name,
        "version": manifest.version,
        "created": (manifest.created or "")[:10],
        "parent": manifest.parent,
        "recipe": json.dumps(dict(manifest.recipe), indent=1, sort_keys=True, ensure_ascii=False),
        "pixels": manifest.pixels,
        "tools": dict(sorted(manifest.tools.items())),
        "task": selection.recipe.task,
        "samples": len(rows),
        "considered": considered,
        "split_names": splits,
        "splits": [(split, manifest.splits[split].samples, manifest.splits[split].bytes) for split in splits],
        "groups": len({row.values["group"] for row in rows}),
        "categories": [(c.label, c.slug, c.name, c.wnid) for c in manifest.categories],
        "definitions": {category.slug: category.definition for category in selection.categories},
        "by_category": by_category,
        "category_chart": stacked_bars(largest, splits, "samples"),
        "category_chart_cut": len(by_category) > len(largest),
        "left_out": [(reason, count, _WHY[reason]) for reason, count in reasons],
        "left_out_chart": stacked_bars([(reason, [count]) for reason, count in reasons], ["left out"], "pictures"),
        "duplicates": left_out["duplicate"],
        "hosts": _counted(_host(row) for row in rows),
        "sources": _counted(str(row.values["source"] or "unknown") for row in rows),
        "licenses": _counted(str(row.values["license"] or "none stated") for row in rows),
        "without_author": sum(row.values["author"] is None for row in rows),
        "campaigns": selection.judging,
        "judgments": sum(campaign.judgments for campaign in selection.judging),
        "label_error": manifest.label_error,
        "label_error_caveat": CAVEATS[manifest.label_error.method] if manifest.label_error else "",
        "posterior_chart": _posterior_chart(rows),
        "attributes": _attribute_tables(rows),
        "limits": [*_LIMITS, *(f"{note[:1].upper()}{note[1:]}." for note in plan.notes)],
        "pairs": (),
        "means": (),
        "sheets": (),
    }


@cache
def _templates() -> "jinja2.Environment":
    import jinja2

    found = jinja2.Environment(
        loader=jinja2.PackageLoader("dataset_builder"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["n"] = lambda value: f"{value:,}"
    found.filters["percent"] = lambda value: f"{100 * value:.2f} %"
    # What people or pages wrote must not break a table or become a tag.
    found.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
    found.filters["mib"] = lambda value: f"{value / 2**20:,.1f} MiB"
    return found


def _counted(values: Any) -> list[tuple[str, int]]:
    return sorted(Counter(values).items(), key=lambda entry: (-entry[1], entry[0]))


def _host(row: SampleRow) -> str:
    address = str(row.values["page_url"] or row.values["url"] or "")
    parts = urlsplit(address)
    return parts.hostname or ("files" if address and not parts.scheme else "unknown")


def _posterior_chart(rows: Sequence[SampleRow]) -> str:
    edges = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999]
    counts = [0] * len(edges)
    for row in rows:
        if row.values["category"] is not None:
            counts[max(i for i, edge in enumerate(edges) if row.values["posterior"] >= edge)] += 1
    return histogram(counts, [f"{edge:g}+" for edge in edges], "samples")


def _attribute_tables(rows: Sequence[SampleRow]) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """(category, attribute, [(choice, samples), ...]) of everything that was asked."""
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in rows:
        for name, value in (row.values["attributes"] or {}).items():
            key = (str(row.values["category"] or ""), name)
            for choice in value if isinstance(value, list) else [value]:
                found[key][str(choice)] += 1
    return [(category, name, _counted(found[category, name].elements())) for category, name in sorted(found)]


class _Budget:
    """Bytes of thumbnails that the page may still take."""

    def __init__(self, most: int) -> None:
        self._left = most

    def picture(self, plan: Plan, sha256: str, words: str) -> Picture | None:
        return self.take(plan.packs.read(sha256, "thumbnail"), words)

    def take(self, data: bytes, words: str) -> Picture | None:
        if len(data) > self._left:
            return None
        self._left -= len(data)
        return Picture(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", words)


def _pairs(plan: Plan, budget: _Budget) -> list[Pair]:
    """Removed duplicates, the least alike first: those are what a reviewer doubts."""
    found = []
    for pair in sorted(plan.arrangement.pairs, key=lambda one: (one.match.similarity, one.sha256))[:_PAIRS]:
        kept = budget.picture(plan, pair.kept, f"kept {pair.kept[:16]}")
        gone = budget.picture(plan, pair.sha256, f"left out {pair.sha256[:16]}")
        if kept and gone:
            match = pair.match
            lies = "" if match.transform == "identity" else f", {match.transform.replace('_', ' + ')}"
            found.append(Pair(kept, gone, f"similarity {match.similarity:.2f}, {match.distance} bits{lies}"))
    return found


def _means(plan: Plan, budget: _Budget) -> list[tuple[str, Picture]]:
    """The mean picture of each category in train."""
    names: dict[str, list[str]] = defaultdict(list)
    for sample in plan.arrangement.samples:
        if sample.chosen.category is not None and sample.split == "train":
            names[sample.chosen.category].append(sample.chosen.sha256)
    pictures = (
        (category, small_picture(plan.packs.read(sha256, "small")))
        for category, its in names.items()
        for sha256 in its[:MOST]
    )
    found = mean_images(pictures)
    shown = []
    for slug in (category.slug for category in plan.selection.categories if category.slug in found):
        mean, count = found[slug]
        picture = budget.take(imaging.encode(mean, "jpeg", 85), f"mean of {count} pictures of {slug}")
        if picture is not None:
            shown.append((slug, picture))
    return shown


def _sheets(plan: Plan, budget: _Budget) -> list[tuple[str, list[Picture]]]:
    """Pictures of each category, spread over it by SHA-256 and so by chance; fewer where there are many categories."""
    by_category: dict[str, list[Any]] = defaultdict(list)
    for sample in plan.arrangement.samples:
        by_category[sample.chosen.category or "(no category)"].append(sample)
    each = max(1, min(_SHEET, 600 // max(1, len(by_category))))
    order = [*(category.slug for category in plan.selection.categories), "(no category)"]
    sheets = []
    for category in order:
        shown = []
        for sample in by_category.get(category, [])[:each]:
            words = f"{sample.chosen.sha256[:16]}, {sample.split}, p {sample.chosen.posterior:.3f}"
            picture = budget.picture(plan, sample.chosen.sha256, words)
            if picture:
                shown.append(picture)
        if shown:
            sheets.append((category, shown))
    return sheets
