"""How good each person is in a campaign, over all its questions, and what is suspicious."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import consensus
from label_store.questions import CampaignData, Question


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


def annotators_of(
    data: CampaignData, asked: Sequence[Question], results: Sequence[consensus.Result], names: Mapping[int, str]
) -> tuple[AnnotatorReport, ...]:
    """Per person, over all questions: accuracy weighted by answers, the widest of its intervals, all flags."""
    gold = {item.id: item.gold for item in data.items if item.gold is not None}
    right: dict[int, list[int]] = {}
    for vote in data.votes:
        if vote.item_id in gold and vote.role == "annotator" and "flag" not in vote.answer:
            told = right.setdefault(vote.person_id, [0, 0])
            told[0] += 1
            told[1] += int(_same(vote.answer, gold[vote.item_id]))
    total: dict[int, int] = {}
    for vote in data.votes:
        if vote.role != "reviewer":
            total[vote.person_id] = total.get(vote.person_id, 0) + 1
    flags = [
        consensus.flags(result, question.judgments, seconds=question.seconds, moment=question.moment)
        for question, result in zip(asked, results, strict=True)
    ]
    reports = []
    for person_id in sorted(total):
        rows, raised = [], set[str]()
        for q, question in enumerate(asked):
            if person_id in question.person_ids:
                a = question.person_ids.index(person_id)
                quality = results[q].annotator
                if quality.n[a] > 0:
                    rows.append((quality.n[a], quality.accuracy[a], quality.low[a], quality.high[a]))
                    raised |= flags[q][a]
        weights = np.array([row[0] for row in rows], dtype=float)
        accuracy, low, high = (
            float(np.average([row[k] for row in rows], weights=weights)) if rows else 0.0 for k in (1, 2, 3)
        )
        gold_n, gold_right = right.get(person_id, [0, 0])
        reports.append(
            AnnotatorReport(
                person_id,
                names.get(person_id, str(person_id)),
                total[person_id],
                accuracy,
                low,
                high,
                gold_n,
                gold_right,
                tuple(sorted(raised)),
            )
        )
    return tuple(reports)


def _same(answer: Mapping[str, Any], gold: Mapping[str, Any] | None) -> bool:
    """Whether an answer is the gold one (a comment beside it does not matter)."""
    known = {key: value for key, value in (gold or {}).items() if key != "comment"}
    return {key: value for key, value in answer.items() if key != "comment"} == known
