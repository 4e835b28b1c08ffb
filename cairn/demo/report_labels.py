"""The first half of the demo's report: from the picture site to settled labels."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from cairn.demo.drawing import Bar, Interval, bars, figure, intervals, sheet
from cairn.demo.report_section import PicturesOf, Section, Table, percent
from cairn.demo.site_truth import SiteTruth

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
    "endless": "picture that never finishes",
    "endless_page": "page that never finishes",
    "dead": "dead link",
}
SAFE_READING = {
    "cmyk": "turned into sRGB",
    "exif_rotated": "turned upright",
    "png16": "read in 8 bits a channel",
    "alpha": "laid on white",
    "wrong_suffix": "read as the PNG it is",
    "wrong_type": "read by its bytes, not its header",
}


def site(story: Mapping[str, Any], truth: SiteTruth, show: PicturesOf) -> Section:
    """What was drawn, and that some of it stands in the wrong place."""
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


def collected(story: Mapping[str, Any], truth: SiteTruth, show: PicturesOf) -> Section:
    """What came, under which licences, and what was refused."""
    found = story["collected"]
    outcomes = [row for row in found["outcomes"] if row["status"] != "ok"]
    chart = bars(
        [Bar(name, [(n, 0)], f"{n:,}") for name, n in found["licenses"].items()],
        "pictures by licence",
    )
    origins = bars(
        [Bar(row["place"], [(row["n"], 0)], f"{row['n']:,} by {row['source']}") for row in found["origins"]],
        "pictures by gallery or list",
    )
    refused = bars(
        [Bar(f"{row['status']}: {row['reason']}", [(row["n"], 1)], str(row["n"])) for row in outcomes],
        "what was refused or failed, by reason",
    )
    odd = [
        figure(uri, ODD_NAMES.get(row["kind"], row["kind"]))
        for row in found["odd_files"]
        if row["sha256"] and (uri := show(row["sha256"]))
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
            "<h3>Where the pictures came from</h3>", origins,
            "<h3>Pictures by licence</h3>", chart,
            "<h3>Refused or failed, by reason</h3>", refused,
            "<h3>Odd files, and what became of each</h3>", _fates(found["odd_files"]),
            "<h3>Odd files that were read all the same</h3>", sheet(odd[:12]),
        ],
        ["cairn collect crawl …", "cairn collect urls urls.csv", "cairn collect status"],
        Table(
            ("address", "reason", "detail"),
            [(row["url"], row["reason"], row["detail"][:120]) for row in found["refused"][:60]],
        ),
    )  # fmt: skip


def _fates(odd: Sequence[Mapping[str, Any]]) -> str:
    """A table of the odd files by kind: how many there were, how many were kept, and why the others were not."""
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for row in odd:
        kinds.setdefault(row["kind"], []).append(row)
    lines = []
    for kind, rows in sorted(kinds.items(), key=lambda pair: ODD_NAMES.get(pair[0], pair[0]).lower()):
        kept = sum(row["sha256"] is not None for row in rows)
        reasons = sorted({row["reason"] or "not met" for row in rows if row["sha256"] is None})
        fate = "; ".join(
            [f"kept, {SAFE_READING.get(kind, 'as it is')}"] * bool(kept) + [f"left out: {r}" for r in reasons]
        )
        lines.append(
            f'<tr><td>{escape(ODD_NAMES.get(kind, kind))}</td><td class="n">{len(rows)}</td>'
            f'<td class="n">{kept}</td><td>{escape(fate)}</td></tr>'
        )
    return (
        '<div class="scroll"><table class="odd"><thead><tr><th>file</th><th class="n">planted</th>'
        f'<th class="n">kept</th><th>what became of it</th></tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def judged(story: Mapping[str, Any]) -> Section:
    """The annotators: their accuracy as estimated and as it is."""
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
                    who["name"], who["n"], percent(who["estimated"]), percent(who["low"]), percent(who["high"]),
                    percent(who["true"]), who["gold"], f"{who['seconds']:.2f}", ", ".join(who["flags"]),
                )
                for who in people
            ],
        ),
    )  # fmt: skip


def settled(story: Mapping[str, Any], show: PicturesOf) -> Section:
    """The answers against the truth, before and after consensus."""
    labels = story["labels"]
    rows = [
        Bar("the site's claim", [(labels["claim"], 2)], percent(labels["claim"])),
        Bar("one annotator", [(labels["one_annotator"], 1)], percent(labels["one_annotator"])),
        Bar("majority vote", [(labels["majority"], 1)], percent(labels["majority"])),
        Bar("consensus", [(labels["consensus"], 0)], percent(labels["consensus"]), strong=True),
        Bar(
            "… as estimated", [(labels["estimated"] or 0, 0)],
            f"{percent(labels['estimated'])}"
            f" ({percent(labels['estimated_low'])} to {percent(labels['estimated_high'])})",
        ),
    ]  # fmt: skip
    rejected = [
        figure(uri, f"not {row['category']}", "✗") for row in story["rejected"][:24] if (uri := show(row["sha256"]))
    ]
    cars = story["attributes"]
    told = "; ".join(
        f"{name} wrong on {percent(found['error'])} of {found['n']}" for name, found in cars["errors"].items()
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


def _first(shas: Sequence[str], show: PicturesOf, n: int) -> list[str]:
    """The first n of these pictures that were collected."""
    found: list[str] = []
    for sha256 in shas:
        uri = show(sha256) if len(found) < n else None
        if uri:
            found.append(uri)
    return found
