"""How many labels of a release are wrong: as the posteriors say, or, where reviewers judged a sample, as it shows.

The audited labels are those that people alone would have given to the release: settled in its campaigns, of a released
category, and sure enough for the recipe. What reviewers found wrong has been mended or left out, so that errors are
left only among labels that nobody reviewed:

    rate = (audited error x labels - errors found) / labels not reviewed,     error = rate x share not reviewed

with the same for both ends of the interval. It takes for granted that licences, sizes and duplicates have nothing to
do with errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

import consensus
import shards
from dataset_builder.recipe import Recipe
from dataset_builder.store import Asked
from label_store.audit import AuditedLabels, audited_labels
from label_store.models import Category, Item
from label_store.settle import find_campaign

if TYPE_CHECKING:
    from dataset_builder.plan import Plan

METHOD = "audit"
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

    reviewed: (SHA-256, category slug) of them; judged: how many the random sample holds.
    """

    rate: float
    low: float
    high: float
    judged: int
    reviewed: frozenset[tuple[str, str]]


def release_audit(
    session: Session, campaigns: Sequence[Asked], recipe: Recipe, categories: Sequence[str]
) -> ReleaseAudit | None:
    """The audits of the campaigns that a release takes its labels from; None where no sample has been judged."""
    found = [audited_labels(session, find_campaign(session, campaign.slug)) for campaign in campaigns]
    audits = [audit for audit in found if audit is not None]
    if not any(audit.sampled.any() for audit in audits):
        return None
    named = _named(session, audits)
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
    return ReleaseAudit(rate, low, high, len(sample), frozenset(reviewed))


def label_error(plan: "Plan") -> shards.LabelError | None:
    """The expected share of wrong labels in a planned release; None where no sample has a label."""
    labelled = [s.chosen for s in plan.arrangement.samples if s.chosen.category is not None]
    audit = plan.selection.audit
    if audit is not None and labelled:
        unseen = sum((one.sha256, one.category) not in audit.reviewed for one in labelled) / len(labelled)
        rate, low, high = (round(unseen * share, _DIGITS) for share in (audit.rate, audit.low, audit.high))
        return shards.LabelError(rate, low, high, METHOD)
    found = consensus.label_error_of(np.clip(np.array([1.0 - one.posterior for one in labelled]), 0.0, 1.0))
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
