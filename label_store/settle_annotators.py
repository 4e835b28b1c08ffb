"""How good each person is in a campaign, over all its questions, and what is suspicious."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from label_store.fitting import FittedQuestion
from label_store.questions import CampaignData, Question

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class AnnotatorReport:
    """How good one person is in a campaign, with what is suspicious."""

    person_id: int
    name: str
    n: int
    accuracy: float
    low: float
    high: float
    gold_n: int
    gold_right: int
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """One person's accuracy, its 95 % interval, and the flags raised."""

    accuracy: float
    low: float
    high: float
    flags: frozenset[str] = frozenset()


def reports_of(
    data: CampaignData,
    names: Mapping[int, str],
    measured: Callable[[int], Measured],
    same: Callable[[Answer, Answer], bool | None],
) -> tuple[AnnotatorReport, ...]:
    """A report of everybody but reviewers. `same`: whether an answer is the gold one, None for what is no answer."""
    gold = {item.id: item.gold for item in data.items if item.gold is not None}
    total: dict[int, int] = {}
    right: dict[int, list[bool]] = {}
    for vote in data.votes:
        if vote.role == "reviewer":
            continue
        total[vote.person_id] = total.get(vote.person_id, 0) + 1
        if vote.item_id in gold and vote.role == "annotator":
            told = same(vote.answer, gold[vote.item_id])
            if told is not None:
                right.setdefault(vote.person_id, []).append(told)
    reports = []
    for person_id in sorted(total):
        found, known = measured(person_id), right.get(person_id, [])
        reports.append(
            AnnotatorReport(
                person_id=person_id,
                name=names.get(person_id, str(person_id)),
                n=total[person_id],
                accuracy=found.accuracy,
                low=found.low,
                high=found.high,
                gold_n=len(known),
                gold_right=sum(known),
                flags=tuple(sorted(found.flags)),
            )
        )
    return tuple(reports)


def annotators_of(
    data: CampaignData, asked: Sequence[Question], fitted: Sequence[FittedQuestion], names: Mapping[int, str]
) -> tuple[AnnotatorReport, ...]:
    """Per person, over all questions: accuracy weighted by answers, the widest of its intervals, all flags."""
    rows: dict[int, list[tuple[int, Measured]]] = {}
    for question, one in zip(asked, fitted, strict=True):
        quality, flags = one.result.annotator, one.flags()
        for a, person_id in enumerate(question.person_ids):
            if quality.n[a] > 0:
                told = Measured(
                    float(quality.accuracy[a]), float(quality.low[a]), float(quality.high[a]), frozenset(flags[a])
                )
                rows.setdefault(person_id, []).append((int(quality.n[a]), told))

    def measured(person_id: int) -> Measured:
        parts = rows.get(person_id, [])
        if not parts:
            return Measured(0.0, 0.0, 0.0)
        weights = np.array([n for n, _ in parts], dtype=float)
        accuracy, low, high = (
            float(np.average([getattr(told, name) for _, told in parts], weights=weights))
            for name in ("accuracy", "low", "high")
        )
        return Measured(accuracy, low, high, frozenset().union(*(told.flags for _, told in parts)))

    return reports_of(data, names, measured, _same)


def _same(answer: Answer, gold: Answer) -> bool | None:
    """Whether an answer is the gold one (a comment beside it does not matter); a flag is no answer."""
    if "flag" in answer:
        return None
    known = {key: value for key, value in gold.items() if key != "comment"}
    return {key: value for key, value in answer.items() if key != "comment"} == known
