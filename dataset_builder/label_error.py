"""How many labels of a release are wrong: as the posteriors say, or, where reviewers judged a sample, as it shows.

The audited labels are those that people alone would have given to the release: settled in its campaigns, of a released
category, and sure enough for the recipe. What reviewers found wrong has been mended or left out, so that errors are
left only among labels that nobody reviewed:

    rate = (audited error x labels - errors found) / labels not reviewed
    error = rate x share not reviewed + share that reviewers found wrong after the release was built

with the same for both ends of the interval. It takes for granted that licences, sizes and duplicates have nothing to
do with errors. Of the tasks detect and segment a label is the picture's whole list of objects.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
import shards
from dataset_builder.recipe import Recipe, recipe_from
from dataset_builder.releases import read_release_manifest
from dataset_builder.rows import SAMPLES_FILE
from dataset_builder.select import OBJECTS
from dataset_builder.store import Asked, read_campaigns
from label_store.audit import AuditedLabels, audited_labels
from label_store.models import Category, Item
from label_store.settle import find_campaign
from label_store.workspace import Workspace

if TYPE_CHECKING:
    from dataset_builder.plan import Plan

METHOD = "audit"
_LIST, _REVIEWED = "", "reviewed"
"""A list of objects as a label, which has no name: one that people's judgments gave, and one that a reviewer drew."""
_DIGITS = 6
CAVEATS = {
    METHOD: (
        "Reviewers judged a random sample, and the judgments’ own estimate was corrected by it; it counts the reviewers"
        " as right."
    ),
    "posterior-risk": (
        "It assumes that annotators err independently; on CIFAR-10N it was about half of the true error."
        " An audit corrects it."
    ),
}


@dataclass(frozen=True)
class ReleaseAudit:
    """Share of wrong ones among labels that nobody reviewed, with its 95 % interval, and which labels were reviewed.

    reviewed: (SHA-256, category slug) of them; wrong: the labels of people that reviewers found wrong; judged: how many
    the random sample holds.
    """

    rate: float
    low: float
    high: float
    judged: int
    reviewed: frozenset[tuple[str, str]]
    wrong: frozenset[tuple[str, str]] = frozenset()


def release_audit(
    session: Session, campaigns: Sequence[Asked], recipe: Recipe, categories: Sequence[str]
) -> ReleaseAudit | None:
    """The audits of the campaigns that a release takes its labels from; None where no sample has been judged."""
    objects = OBJECTS.get(recipe.task)
    kinds = ("verify", "classify") if objects is None else (objects,)
    about = [find_campaign(session, campaign.slug) for campaign in campaigns if campaign.kind in kinds]
    audits = [audit for campaign in about if (audit := audited_labels(session, campaign)) is not None]
    if not any(audit.sampled.any() for audit in audits):
        return None
    named = _named(session, audits)
    if objects is not None:
        pictures = {item_id: (sha256, None) for item_id, (sha256, _) in named.items()}
        return corrected(audits, pictures, {_LIST, _REVIEWED}, 0.0)
    return corrected(audits, named, set(categories), recipe.min_posterior)


def corrected(
    audits: Sequence[AuditedLabels],
    named: Mapping[int, tuple[str, str | None]],
    categories: set[str],
    min_posterior: float,
) -> ReleaseAudit | None:
    """The same from values: named gives each item's SHA-256 and, of verify, its category."""
    risk: list[float] = []
    wrong: list[float] = []
    stratum: list[tuple[int, int]] = []
    sampled: list[bool] = []
    reviewed: set[tuple[str, str]] = set()
    mistaken: set[tuple[str, str]] = set()
    known = 0
    found = 0.0
    for number, audit in enumerate(audits):
        for sha256, category in (named[item_id] for item_id in audit.decided):
            # Also under another category than people gave it: a reviewer's word is what the release has.
            reviewed |= {(sha256, slug) for slug in ([category] if category else categories)}
        for n, item_id in enumerate(audit.ids.tolist()):
            sha256, category = named[item_id]
            label = audit.label[n]
            if category is not None:
                label = category if label == "yes" else ""
            if label not in categories or 1.0 - audit.risk[n] < min_posterior:
                continue
            if audit.wrong[n]:
                mistaken.add((sha256, label))
            risk.append(float(audit.risk[n]))
            wrong.append(float(audit.wrong[n]))
            stratum.append((number, int(audit.stratum[n])))
            sampled.append(bool(audit.sampled[n]))
            known += int(audit.reviewed[n])
            found += float(audit.wrong[n])
    sample = np.flatnonzero(np.array(sampled, dtype=bool))
    if not len(sample):
        return None
    order = {key: number for number, key in enumerate(sorted(set(stratum)))}
    strata = np.array([order[key] for key in stratum], dtype=np.int64)
    error = consensus.audited_error(np.array(risk), strata, sample, np.array(wrong)[sample])
    left = len(risk) - known
    rate, low, high = (
        min(max((share * len(risk) - found) / left, 0.0), 1.0) if left else 0.0
        for share in (error.estimate, error.low, error.high)
    )
    return ReleaseAudit(rate, low, high, len(sample), frozenset(reviewed), frozenset(mistaken))


def label_error(plan: "Plan") -> shards.LabelError | None:
    """The expected share of wrong labels in a planned release; None where no sample has a label."""
    if plan.selection.recipe.task in OBJECTS:
        risks = [s.chosen.objects_risk or 0.0 for s in plan.arrangement.samples]
        lists = [
            (s.chosen.sha256, _LIST if risk else _REVIEWED)
            for s, risk in zip(plan.arrangement.samples, risks, strict=True)
        ]
        return error_of(lists, risks, plan.selection.audit)
    labelled = [s.chosen for s in plan.arrangement.samples if s.chosen.category is not None]
    labels = [(one.sha256, one.category or "") for one in labelled]
    return error_of(labels, [1.0 - one.posterior for one in labelled], plan.selection.audit)


def error_now(workspace: Workspace, path: Path) -> tuple[shards.Manifest, shards.LabelError | None, int]:
    """A release's manifest, its label error by all that reviewers have said until now, and how many they sampled."""
    manifest = read_release_manifest(path)
    recipe = recipe_from(dict(manifest.recipe))
    slugs = [category.slug for category in manifest.categories]
    with workspace.read() as session:
        audit = release_audit(session, read_campaigns(session, recipe.campaigns), recipe, slugs)
    columns = ["sha256", "category", "posterior", "boxes", "shapes"]
    rows = pq.read_table(path / SAMPLES_FILE, columns=columns).to_pylist()
    if recipe.task in OBJECTS:
        if audit is None:  # the risks of its lists are not in the release: what it says of itself is all that is known
            return manifest, manifest.label_error, 0
        lists = [(row["sha256"], _drawn_by(row["boxes" if recipe.task == "detect" else "shapes"])) for row in rows]
        return manifest, error_of(lists, [], audit), audit.judged
    labelled = [row for row in rows if row["category"] is not None]
    labels = [(row["sha256"], row["category"]) for row in labelled]
    found = error_of(labels, [1.0 - row["posterior"] for row in labelled], audit)
    return manifest, found, audit.judged if audit else 0


def _drawn_by(objects: str | None) -> str:
    """Whose a released list is: a reviewer's objects all have p 1. An empty one is taken for the people's."""
    drawn = json.loads(objects or "[]")
    return _REVIEWED if drawn and all(one["p"] == 1.0 for one in drawn) else _LIST


def error_of(
    labels: Sequence[tuple[str, str]], risks: Sequence[float], audit: ReleaseAudit | None
) -> shards.LabelError | None:
    """The same of released labels, (SHA-256, category slug), with their risks by the posteriors."""
    if audit is not None and labels:
        unseen = sum(label not in audit.reviewed for label in labels) / len(labels)
        mistaken = sum(label in audit.wrong for label in labels) / len(labels)
        rate, low, high = (round(mistaken + unseen * share, _DIGITS) for share in (audit.rate, audit.low, audit.high))
        return shards.LabelError(rate, low, high, METHOD)
    found = consensus.label_error_of(np.clip(np.array(risks, dtype=np.float64), 0.0, 1.0))
    if found.estimate is None or found.low is None or found.high is None:
        return None
    return shards.LabelError(
        round(found.estimate, _DIGITS), round(found.low, _DIGITS), round(found.high, _DIGITS), found.method
    )


def _named(session: Session, audits: Sequence[AuditedLabels]) -> dict[int, tuple[str, str | None]]:
    found: dict[int, tuple[str, str | None]] = {}
    for audit in audits:
        ids = sorted({*audit.ids.tolist(), *audit.decided})
        for start in range(0, len(ids), 5000):
            rows = session.execute(
                select(Item.id, Item.image_sha256, Category.slug)
                .outerjoin(Category, Category.id == Item.category_id)
                .where(Item.id.in_(ids[start : start + 5000]))
            )
            found |= {item_id: (sha256, slug) for item_id, sha256, slug in rows}
    return found
