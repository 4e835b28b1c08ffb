"""What came out against what is known: label errors, and the known duplicates that the builder left out."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pyarrow.parquet as parquet
from sqlalchemy import select

from benchmarks.cifar.pictures import CATEGORIES, Chosen, Pair
from label_store import Assessment, Workspace
from label_store.models import Campaign, Item, Judgment, Person

Votes = Mapping[str, Sequence[str]]
"""Per SHA-256 the answers, in the order of the people's names."""


@dataclass(frozen=True)
class LabelErrors:
    """Shares of wrong labels of one campaign's pictures against CIFAR-10's own labels.

    `one_annotator` and `majority` are expectations: of a person drawn at random, and of ties broken by chance.
    `estimated` is what consensus says of itself, without the truth. Disputed items count with their best answer.
    """

    pictures: int
    judgments: int
    settled: int
    consensus: float
    majority: float
    one_annotator: float
    estimated: float | None


@dataclass(frozen=True)
class Duplicates:
    """Pairs that ciFAIR lists with both pictures among those collected, and how many the builder recognised."""

    same_shot: int
    same_shot_found: int
    similar_shot: int
    similar_shot_found: int
    left_out: int
    """Pictures that the release left out as duplicates, listed by ciFAIR or not."""


def read_votes(workspace: Workspace, campaign: str) -> Votes:
    """The active judgments of a campaign, read back from the label store."""
    votes: dict[str, list[str]] = defaultdict(list)
    with workspace.read() as session:
        rows = session.execute(
            select(Item.image_sha256, Judgment.answer)
            .join(Item, Item.id == Judgment.item_id)
            .join(Campaign, Campaign.id == Item.campaign_id)
            .join(Person, Person.id == Judgment.person_id)
            .where(Campaign.slug == campaign, Judgment.active)
            .order_by(Item.id, Person.name)
        )
        for sha256, answer in rows:
            votes[sha256].append(answer["value"])
    return dict(votes)


def label_errors(workspace: Workspace, assessment: Assessment, votes: Votes, chosen: Chosen) -> LabelErrors:
    """Errors of consensus, majority and one annotator on the same pictures."""
    truth = {sha256: CATEGORIES[picture.label] for sha256, picture in chosen.pictures.items()}
    with workspace.read() as session:
        items = session.scalars(select(Item).join(Campaign).where(Campaign.slug == assessment.campaign))
        sha_of = {item.id: item.image_sha256 for item in items}
    judged = [sha_of[item.item_id] for item in assessment.items]
    wrong = [
        (item.answer or {}).get("value") != truth[sha256] for sha256, item in zip(judged, assessment.items, strict=True)
    ]
    return LabelErrors(
        pictures=len(judged),
        judgments=assessment.judgments,
        settled=sum(item.state == "settled" for item in assessment.items),
        consensus=fmean(wrong),
        majority=fmean(_majority_error(votes[sha256], truth[sha256]) for sha256 in judged),
        one_annotator=fmean(vote != truth[sha256] for sha256 in judged for vote in votes[sha256]),
        estimated=assessment.label_error,
    )


def _majority_error(votes: Sequence[str], truth: str) -> float:
    """Probability that the most frequent answer is wrong, ties broken by chance."""
    counts = Counter(votes)
    best = [word for word, n in counts.items() if n == max(counts.values())]
    return 1 - (truth in best) / len(best)


def duplicates_found(release: Path, pairs: Sequence[Pair]) -> Duplicates:
    """A pair is found when the release kept one of the two for both, or a third for both."""
    rows = parquet.read_table(release / "dropped.parquet", columns=["sha256", "reason", "kept_sha256"]).to_pylist()
    kept = {row["sha256"]: row["kept_sha256"] for row in rows if row["reason"] == "duplicate"}
    found = Counter(pair.judgment for pair in pairs if kept.get(pair.a, pair.a) == kept.get(pair.b, pair.b))
    listed = Counter(pair.judgment for pair in pairs)
    return Duplicates(listed[1], found[1], listed[2], found[2], len(kept))
