"""From posteriors to the consensus of each item: its answer, its risk, its state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import consensus
from consensus.judgments import Floats
from consensus.live import live_of
from label_store.fitting import FittedQuestion
from label_store.questions import UNSURE, CampaignData, Question

TOP = 10
"""A posterior names at most so many answers; the rest of its mass is `other`."""


@dataclass(frozen=True)
class ItemConsensus:
    """One item's row of `consensus`."""

    item_id: int
    state: str
    answer: dict[str, Any] | None
    posterior: dict[str, Any]
    risk: float
    n: int


def items_of(
    data: CampaignData,
    asked: Sequence[Question],
    fitted: Sequence[FittedQuestion],
    rule: consensus.StoppingRule,
    gold_ids: set[int],
) -> tuple[ItemConsensus, ...]:
    """One row an item that is not gold; an item of several questions is as sure as its least sure one."""
    parts: dict[int, list[tuple[int, int]]] = {item.id: [] for item in data.items if item.id not in gold_ids}
    for q, question in enumerate(asked):
        for position, item_id in enumerate(question.item_ids):
            if item_id in parts:
                parts[item_id].append((q, position))
    results = [one.result for one in fitted]
    states = [
        consensus.states(one.result.posterior, one.result.n, rule, _needed(one, rule), one.result.answer >= 0)
        for one in fitted
    ]
    flagged = {vote.item_id for vote in data.votes if vote.role == "reviewer" and "flag" in vote.answer}
    rows = []
    for item_id, places in parts.items():
        if not places:
            continue
        n = max(int(results[q].n[position]) for q, position in places)
        seen = {str(states[q][position]) for q, position in places}
        state = next(state for state in ("open", "disputed", "settled") if state in seen)
        answer: dict[str, Any] | None
        answer, posterior = _answer(data.kind, asked, results, places)
        decided = all(position in asked[q].decided for q, position in places)
        if n == 0 and not decided:
            state, answer = "open", None
        elif all(results[q].answer[position] < 0 for q, position in places):
            answer = None  # everybody was unsure
        if item_id in flagged or any(position in asked[q].contested for q, position in places):
            state = "disputed"  # also where reviewers contradict each other
        elif decided:
            state = "settled"
        risk = max(float(results[q].risk[position]) for q, position in places)
        rows.append(ItemConsensus(item_id, state, answer, posterior, min(max(risk, 0.0), 1.0), n))
    return tuple(rows)


def _needed(one: FittedQuestion, rule: consensus.StoppingRule) -> Floats | None:
    """How many more judgments each item is expected to need; asked only by rules that know what a reviewer costs.

    What a model or other attributes say of it is taken into account.
    """
    if rule.review_price is None:
        return None
    known = None if one.result.posterior is one.alone.posterior else one.result.posterior
    return live_of(one.alone, one.judgments).needed(np.arange(len(one.alone.n)), rule.max_risk, known)


def _answer(
    kind: str, asked: Sequence[Question], results: Sequence[consensus.Result], places: Sequence[tuple[int, int]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    if kind != "attributes":
        (q, position) = places[0]
        row = results[q].posterior[position]
        return {"value": asked[q].choices[int(row.argmax())]}, _top(asked[q].choices, row)
    values: dict[str, Any] = {}
    posterior: dict[str, dict[str, float]] = {}
    for q, position in places:
        question, row = asked[q], results[q].posterior[position]
        if question.choice:
            picked = values.setdefault(question.attribute, [])
            if row[1] > 0.5:
                picked.append(question.choice)
            posterior.setdefault(question.attribute, {})[question.choice] = float(row[1])
        else:
            answered = results[q].answer[position] >= 0
            values[question.attribute] = question.choices[int(row.argmax())] if answered else UNSURE
            posterior[question.attribute] = _top(question.choices, row)
    return {"values": values}, posterior


def _top(choices: Sequence[str], row: np.ndarray) -> dict[str, float]:
    """Answer -> probability, the likeliest first; beyond ten the rest is `other`."""
    order = np.argsort(-row, kind="stable")
    top = {choices[int(k)]: float(row[k]) for k in order[:TOP]}
    if len(order) > TOP:
        top["other"] = float(max(0.0, row[order[TOP:]].sum()))
    return top
