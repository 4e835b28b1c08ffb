"""The demo against the truth: what was collected of what was there, who was right, which labels are wrong.

Everything here compares the label store and the release with what the renderer drew. Nothing of it flows
back: the chain never sees the truth, except for the gold answers that a curator gives by hand.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as parquet
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cairn.demo.site_truth import SiteTruth
from label_store import Assessment, Workspace
from label_store.models import Campaign, Candidate, Category, Fetch, Image, Item, Judgment, Person


def collected(workspace: Workspace, truth: SiteTruth, pages_left_out: Mapping[str, int]) -> dict[str, Any]:
    """What came and what did not, against what a polite collector could have got.

    `pages_left_out` counts pages by reason, as the crawl's own report does: the store keeps pictures only.
    """
    with workspace.read() as session:
        kept = set(session.scalars(select(Image.sha256)))
        fetched = session.execute(select(Fetch.status, Fetch.error, func.count()).group_by(Fetch.status, Fetch.error))
        outcomes = [{"status": status, "reason": reason or "", "n": n} for status, reason, n in fetched]
        licenses = Counter(
            terms or "unknown" for terms in session.scalars(select(Fetch.license).where(Fetch.status == "ok"))
        )
        came = session.execute(select(Fetch.url, Fetch.source).where(Fetch.status == "ok").order_by(Fetch.id)).all()
        refused = [
            {"url": url, "reason": error, "detail": detail or ""}
            for url, error, detail in session.execute(
                select(Fetch.url, Fetch.error, Fetch.detail).where(Fetch.status != "ok").order_by(Fetch.error, Fetch.id)
            )
        ]
    reachable = {picture.sha256 for picture in truth.reachable}
    return {
        "images": len(kept),
        "reachable": len(reachable),
        "missed": sorted(reachable - kept),
        "unsound_kept": sorted(sha for sha in kept if (known := truth.pictures.get(sha)) and known.refused),
        "thumbnails_kept": len(kept & set(truth.thumbnails)),
        "outcomes": outcomes,
        "licenses": dict(licenses.most_common()),
        "origins": _origins(truth, came),
        "refused": refused,
        "odd_files": _odd_files(workspace, truth, kept, pages_left_out),
    }


def _origins(truth: SiteTruth, came: Iterable[Any]) -> list[dict[str, Any]]:
    """Pictures that came, by the source that found them and the gallery or list they stood in."""
    folders = {gallery.slug for gallery in truth.galleries}
    counts: Counter[tuple[str, str]] = Counter()
    for url, source in came:
        place = urlsplit(url).path.strip("/").split("/")
        gallery = next((part for part in place[1:2] if part in folders), "")
        counts[(source, f"gallery {gallery}" if gallery else "uploads of the list")] += 1
    return [
        {"source": source, "place": place, "n": n}
        for (source, place), n in sorted(counts.items(), key=lambda row: (row[0][0], -row[1], row[0][1]))
    ]


def _odd_files(
    workspace: Workspace, truth: SiteTruth, kept: set[str], pages_left_out: Mapping[str, int]
) -> list[dict[str, Any]]:
    """What became of each odd file that was open to everybody, and of the addresses that never answer."""
    with workspace.read() as session:
        fates = {
            urlsplit(url).path: (status, reason or "", detail or "")
            for url, status, reason, detail in session.execute(
                select(Fetch.url, Fetch.status, Fetch.error, Fetch.detail).order_by(Fetch.id)
            )
        }
    found = []
    for picture in truth.pictures.values():
        path = next((path for path in picture.paths if not path.startswith(truth.closed_prefix)), None)
        if picture.trouble and path:
            _, reason, detail = fates.get(path, ("", "", ""))
            found.append(
                {
                    "kind": picture.trouble,
                    "path": path,
                    "sha256": picture.sha256 if picture.sha256 in kept else None,
                    "reason": reason,
                    "detail": detail,
                }
            )
    for path in (*truth.slow_paths, *truth.dead_paths):
        _, reason, detail = fates.get(path, ("", "", ""))
        kind = "dead" if path in truth.dead_paths else "endless"
        if path.endswith(".html"):
            kind, reason = "endless_page", "timeout" if pages_left_out.get("timeout") else ""
        found.append({"kind": kind, "path": path, "sha256": None, "reason": reason, "detail": detail})
    return sorted(found, key=lambda row: (row["kind"], row["path"]))


def annotators(workspace: Workspace, truth: SiteTruth, assessment: Assessment) -> list[dict[str, Any]]:
    """Each person's accuracy as estimated without the truth, beside the accuracy that the truth shows."""
    told: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    pace: dict[int, list[int]] = defaultdict(list)
    for person_id, said, right, active_ms in _verdicts(workspace, truth, assessment.campaign):
        pace[person_id].append(active_ms)
        if said != "unsure":
            told[person_id][0] += 1
            told[person_id][1] += said == right
    return [
        {
            "name": who.name,
            "n": who.n,
            "estimated": who.accuracy,
            "low": who.low,
            "high": who.high,
            "true": told[who.person_id][1] / max(told[who.person_id][0], 1),
            "gold": f"{who.gold_right}/{who.gold_n}",
            "flags": list(who.flags),
            "seconds": sorted(pace[who.person_id])[len(pace[who.person_id]) // 2] / 1000,
        }
        for who in assessment.annotators
    ]


def labels(workspace: Workspace, truth: SiteTruth, assessment: Assessment) -> dict[str, Any]:
    """Share of wrong answers to "does this show a …?": the web page's claim, one person, majority, consensus.

    `all_claims` is over every claim of the site that was judged, gold and disputed ones included; the other
    shares are over the settled items. "Unsure" is no answer: one person is somebody who gave one.
    """
    votes: dict[int, list[str]] = defaultdict(list)
    right: dict[int, str] = {}
    claims: list[bool] = []
    with workspace.read() as session:
        for item_id, sha256, slug, gold in session.execute(_items_of(assessment.campaign)):
            known = truth.lookup(sha256)
            if known is None:
                continue
            claims.append(known.category != slug)
            if gold is None:
                right[item_id] = "yes" if known.category == slug else "no"
        for item_id, answer in session.execute(
            select(Judgment.item_id, Judgment.answer)
            .where(Judgment.active, Judgment.role == "annotator")
            .order_by(Judgment.item_id, Judgment.person_id)
        ):
            if item_id in right and answer.get("value", "unsure") != "unsure":
                votes[item_id].append(answer["value"])
    settled = [item for item in assessment.items if item.state == "settled" and item.item_id in right]
    ids = [item.item_id for item in settled]
    chance = Random("one annotator")
    return {
        "items": len(assessment.items),
        "settled": len(settled),
        "claims": len(claims),
        "all_claims": _share(claims),
        "claim": _share(right[item] != "yes" for item in ids),
        "one_annotator": _share(chance.choice(votes[item]) != right[item] for item in ids if votes[item]),
        "majority": _share(_majority(votes[item], chance) != right[item] for item in ids),
        "consensus": _share((item.answer or {}).get("value") != right[item.item_id] for item in settled),
        "estimated": assessment.label_error,
        "estimated_low": assessment.label_error_low,
        "estimated_high": assessment.label_error_high,
        "judgments": assessment.judgments,
        "alpha": assessment.alpha,
    }


def rejected(workspace: Workspace, assessment: Assessment) -> list[dict[str, str]]:
    """Pictures that the crowd settled as not showing what the site claimed."""
    with workspace.read() as session:
        asked = {
            item_id: (sha256, slug) for item_id, sha256, slug, _ in session.execute(_items_of(assessment.campaign))
        }
    return [
        {"sha256": asked[item.item_id][0], "category": asked[item.item_id][1]}
        for item in assessment.items
        if item.state == "settled" and item.answer == {"value": "no"}
    ]


def attributes(workspace: Workspace, truth: SiteTruth, assessment: Assessment) -> dict[str, Any]:
    """Per attribute the share of settled answers that are wrong, over pictures that truly are cars.

    `others` counts settled pictures that are none: asked by mistake, nothing can be right about them.
    """
    with workspace.read() as session:
        shas = {item_id: sha256 for item_id, sha256, _, _ in session.execute(_items_of(assessment.campaign))}
    wrong: dict[str, list[bool]] = defaultdict(list)
    others = 0
    for item in assessment.items:
        if item.state != "settled" or item.answer is None:
            continue
        known = truth.lookup(shas[item.item_id])
        if known is None or known.category != "car":
            others += 1
            continue
        for name, value in item.answer["values"].items():
            wrong[name].append(value not in (known.attributes.get(name), [known.attributes.get(name)]))
    errors = {name: {"n": len(found), "error": sum(found) / len(found)} for name, found in sorted(wrong.items())}
    return {"errors": errors, "others": others}


def released(release: Path, truth: SiteTruth) -> dict[str, Any]:
    """The release's labels against the truth, and its splits and classes."""
    rows = parquet.read_table(release / "samples.parquet", columns=["sha256", "split", "category"]).to_pylist()
    wrong = [row for row in rows if (known := truth.lookup(row["sha256"])) and known.category != row["category"]]
    per_split: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        per_split[row["category"]][row["split"]] += 1
    dropped = parquet.read_table(release / "dropped.parquet", columns=["reason"]).to_pylist()
    return {
        "samples": len(rows),
        "wrong": len(wrong),
        "error": len(wrong) / max(len(rows), 1),
        "classes": {name: dict(counts) for name, counts in sorted(per_split.items())},
        "dropped": dict(Counter(row["reason"] for row in dropped).most_common()),
    }


def duplicates(workspace: Workspace, release: Path, truth: SiteTruth) -> dict[str, Any]:
    """Planted near-duplicates that were found, and pictures called duplicates that are none.

    A planted file counts where it and its original both stood for release, so that one of them had to go.
    """
    samples = parquet.read_table(release / "samples.parquet", columns=["sha256", "group"]).to_pylist()
    dropped = parquet.read_table(release / "dropped.parquet", columns=["sha256", "reason", "kept_sha256"]).to_pylist()
    released_now = {row["sha256"] for row in samples}
    removed = {row["sha256"]: row["kept_sha256"] for row in dropped if row["reason"] == "duplicate"}
    considered = released_now | set(removed)
    planted: dict[str, list[bool]] = defaultdict(list)
    missed = []
    for picture in truth.near_duplicates:
        if picture.sha256 in considered and picture.duplicate_of in considered:
            found = picture.sha256 in removed or picture.duplicate_of in removed
            planted[picture.transform or ""].append(found)
            if not found:
                missed.append([picture.duplicate_of, picture.sha256])
    false = [[kept, sha256] for sha256, kept in removed.items() if kept and _root(truth, sha256) != _root(truth, kept)]
    return {
        "planted": sum(len(found) for found in planted.values()),
        "found": sum(sum(found) for found in planted.values()),
        "false": false,
        "removed": len(removed),
        "missed": missed,
        "transforms": {name: {"n": len(found), "found": sum(found)} for name, found in sorted(planted.items())},
        "pairs": [[kept, sha256] for sha256, kept in sorted(removed.items()) if kept],
    }


def candidates_per_category(workspace: Workspace) -> dict[str, int]:
    """How many pictures were proposed for each category."""
    with workspace.read() as session:
        rows = session.execute(
            select(Category.slug, func.count(Candidate.image_sha256.distinct()))
            .join(Candidate, Candidate.category_id == Category.id)
            .group_by(Category.slug)
            .order_by(Category.slug)
        )
        return {row[0]: row[1] for row in rows}


def _root(truth: SiteTruth, sha256: str) -> str:
    known = truth.lookup(sha256)
    return sha256 if known is None else known.duplicate_of or known.sha256


def _items_of(campaign: str) -> Any:
    return (
        select(Item.id, Item.image_sha256, Category.slug, Item.gold)
        .join(Campaign, Campaign.id == Item.campaign_id)
        .outerjoin(Category, Category.id == Item.category_id)
        .where(Campaign.slug == campaign)
        .order_by(Item.id)
    )


def _verdicts(workspace: Workspace, truth: SiteTruth, campaign: str) -> Iterable[tuple[int, str, str, int]]:
    """(person, what was said, what is right, milliseconds) of every active verify judgment."""
    with workspace.read() as session:
        items: Mapping[int, tuple[str, str]] = {
            item_id: (sha256, slug) for item_id, sha256, slug, _ in session.execute(_items_of(campaign))
        }
        rows = _judgments(session)
    for item_id, person_id, answer, active_ms in rows:
        if item_id in items and (known := truth.lookup(items[item_id][0])) is not None:
            right = "yes" if known.category == items[item_id][1] else "no"
            yield person_id, answer.get("value", "unsure"), right, active_ms


def _judgments(session: Session) -> list[Any]:
    return list(
        session.execute(
            select(Judgment.item_id, Judgment.person_id, Judgment.answer, Judgment.active_ms)
            .join(Person, Person.id == Judgment.person_id)
            .where(Judgment.active, Judgment.role == "annotator")
            .order_by(Judgment.person_id, Judgment.item_id)
        )
    )


def _majority(votes: list[str], chance: Random) -> str:
    counts = Counter(votes)
    best = max(counts.values(), default=0)
    return chance.choice(sorted(word for word, n in counts.items() if n == best) or ["no"])


def _share(wrong: Iterable[bool]) -> float | None:
    found = list(wrong)
    return sum(found) / len(found) if found else None
