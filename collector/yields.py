"""What each query brought: pictures, and how many of those that people judged show the category.

A picture that several queries found at one address belongs to the one that found it first: a query is measured by
what it adds.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, true
from sqlalchemy.orm import Session

from consensus.intervals import wilson
from label_store.models import (
    Campaign,
    CampaignCategory,
    Candidate,
    Category,
    Consensus,
    Fetch,
    Item,
    Judgment,
)

IMAGENET_RATE = 0.10
"""Of what image search brings, about so much shows the category (Deng et al., CVPR 2009, section 3.1)."""
PRIOR_WEIGHT = 10.0
"""How many judged pictures ImageNet's rate counts for."""


@dataclass(frozen=True)
class Yield:
    """One query of one source for one category."""

    category: str
    source: str
    query: str
    candidates: int
    judged: int = 0
    right: float = 0.0
    """Of the judged, how many show the category: the sum of their probabilities."""

    @property
    def rate(self) -> float | None:
        """Right ones per judged one; None before anybody judged."""
        return self.right / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate; (0, 1) before anybody judged."""
        return wilson(self.right, self.judged)

    @property
    def expected_rate(self) -> float:
        """The rate to reckon with: ImageNet's, drawn to what was measured as judgments come in."""
        return (self.right + IMAGENET_RATE * PRIOR_WEIGHT) / (self.judged + PRIOR_WEIGHT)

    @property
    def score(self) -> float:
        """What a query may be hoped to bring: Wilson's upper bound of the expected rate.

        It is high for what works and for what is hardly tried, and low only for what was tried and did not work
        (optimism in the face of uncertainty, as UCB1 of Auer et al., Machine Learning 47, 2002; nothing is drawn).
        """
        return wilson(self.right + IMAGENET_RATE * PRIOR_WEIGHT, self.judged + PRIOR_WEIGHT)[1]

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        low, high = self.interval
        told = {"rate": self.rate, "low": low, "high": high, "expected_rate": self.expected_rate, "score": self.score}
        return {**asdict(self), **told}


def divide(budget: int, scores: Sequence[float], rooms: Sequence[int]) -> list[int]:
    """A budget of pictures in proportion to scores, no query more than its room; the sum is as large as rooms allow.

    What a full query leaves goes to the others, and what cannot be divided to the best, the earlier first.
    """
    given = [0] * len(scores)
    left = min(budget, sum(rooms))
    while left > 0:
        open_ = [n for n in range(len(scores)) if given[n] < rooms[n]]
        total = sum(scores[n] for n in open_)
        wanted = {n: left * scores[n] / total if total > 0 else left / len(open_) for n in open_}
        whole = {n: min(int(wanted[n]), rooms[n] - given[n]) for n in open_}
        if not any(whole.values()):
            for n in sorted(open_, key=lambda n: -wanted[n])[:left]:
                whole[n] = 1
        for n in open_:
            given[n] += whole[n]
            left -= whole[n]
    return given


def measure(session: Session, categories: Collection[str] | None = None) -> list[Yield]:
    """The yield of every query, or of these categories' (slugs), in the order category, source, best first."""
    wanted = select(Category.id, Category.slug)
    if categories is not None:
        wanted = wanted.where(Category.slug.in_(categories))
    slugs = {row.id: row.slug for row in session.execute(wanted)}
    found: dict[tuple[int, str, str], set[str]] = defaultdict(set)
    brought = (
        select(Candidate.category_id, Fetch.source, Candidate.query, Candidate.image_sha256)
        .join(Fetch, Fetch.id == Candidate.fetch_id)
        .where(Candidate.query.is_not(None), Candidate.approved)
    )
    if categories is not None:
        brought = brought.where(Candidate.category_id.in_(slugs))
    for category_id, source, query, sha256 in session.execute(brought):
        found[category_id, source, query or ""].add(sha256)
    shows = _verdicts(session, slugs, everything=categories is None)
    rows = []
    for (category_id, source, query), images in found.items():
        judged = [shows[key] for sha256 in images if (key := (sha256, category_id)) in shows]
        rows.append(Yield(slugs[category_id], source, query, len(images), len(judged), sum(judged)))
    return sorted(rows, key=lambda row: (row.category, row.source, -row.score, row.query))


def _verdicts(session: Session, slugs: Mapping[int, str], *, everything: bool) -> dict[tuple[str, int], float]:
    """(image, category) -> the probability that it shows it, over all verify and classify campaigns that asked."""
    told: dict[tuple[str, int], list[float]] = defaultdict(list)
    asked: dict[int, list[int]] = defaultdict(list)
    for row in session.execute(select(CampaignCategory.campaign_id, CampaignCategory.category_id)):
        if row.category_id in slugs:
            asked[row.campaign_id].append(row.category_id)
    # Items of classify campaigns have no category; of the others only those of the categories that are asked about.
    wanted = true() if everything else Item.category_id.in_(slugs) | Item.category_id.is_(None)
    answers = _answers(session, wanted)
    for item_id, sha256, category_id, campaign_id, gold, posterior in session.execute(_items().where(wanted)):
        about = asked[campaign_id] if category_id is None else [category_id] if category_id in slugs else []
        belief = _belief(gold, posterior, answers.get(item_id, ()))
        if belief is None:
            continue
        for one in about:
            told[sha256, one].append(belief.get("yes" if category_id is not None else slugs[one], 0.0))
    return {key: sum(values) / len(values) for key, values in told.items()}


def _items() -> Any:
    """Items that ask whether or which; with the current consensus, where people had answered when it was made."""
    current = and_(
        Consensus.item_id == Item.id,
        Consensus.version == Campaign.consensus_version,
        (Consensus.n > 0) | (Consensus.state == "settled"),
    )
    return (
        select(Item.id, Item.image_sha256, Item.category_id, Item.campaign_id, Item.gold, Consensus.posterior)
        .join(Campaign, Campaign.id == Item.campaign_id)
        .outerjoin(Consensus, current)
        .where(Campaign.kind.in_(("verify", "classify")))
        .order_by(Item.id)
    )


def _answers(session: Session, wanted: ColumnElement[bool]) -> dict[int, list[tuple[str, str]]]:
    """Item -> (role, answer) of people, for what has no consensus yet; unsure and flags are no answers."""
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    given = (
        select(Judgment.item_id, Judgment.role, Judgment.answer)
        .join(Item, Item.id == Judgment.item_id)
        .join(Campaign, Campaign.id == Item.campaign_id)
        .where(Judgment.active, Judgment.role != "model", Campaign.kind.in_(("verify", "classify")), wanted)
    )
    for item_id, role, answer in session.execute(given):
        value = answer.get("value")
        if isinstance(value, str) and value != "unsure":
            found[item_id].append((role, value))
    return found


def _belief(
    gold: Mapping[str, Any] | None, posterior: Mapping[str, float] | None, answers: Collection[tuple[str, str]]
) -> Mapping[str, float] | None:
    """Answer -> probability: what is known, else what a reviewer says, else the consensus, else people's shares."""
    if gold is not None and isinstance(gold.get("value"), str):
        return {gold["value"]: 1.0}
    decided = [value for role, value in answers if role == "reviewer"]
    if not decided and posterior is not None:
        return posterior
    return dict(_shares(decided or [value for _, value in answers])) or None


def _shares(values: Sequence[str]) -> Iterator[tuple[str, float]]:
    for value in sorted(set(values)):
        yield value, values.count(value) / len(values)
