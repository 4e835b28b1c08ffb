"""The labels that an audit is of: what people's judgments alone settled, and what reviewers say of each."""

from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np

import consensus
from consensus.judgments import Floats, Ints
from consensus.objects import same_objects
from label_store.fitting import fit_questions
from label_store.models import Campaign
from label_store.questions import CampaignData, questions
from label_store.settle_objects import KINDS, decisions_of, fuse, items_of_objects


@dataclass(frozen=True, eq=False)
class Population:
    """Settled labels, arrays [N]: item ids, risks, whether reviewers answered, answered otherwise, or in vain.

    label: the answer ('' for objects). decided: all items that a reviewer decided, settled by people or not.
    """

    ids: Ints
    label: tuple[str, ...]
    risk: Floats
    judged: np.ndarray
    wrong: Floats
    in_vain: np.ndarray
    decided: frozenset[int]


@dataclass(frozen=True)
class _Label:
    """One settled label; wrong: None where no reviewer has decided."""

    label: str
    risk: float
    wrong: bool | None


def population_of(data: CampaignData, campaign: Campaign) -> Population:
    """Settled items with the risk that people's judgments alone give, gold left out."""
    people = replace(data, votes=tuple(vote for vote in data.votes if vote.role != "reviewer"))
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    labels, decided = (_of_objects if data.kind in KINDS else _of_questions)(data, people, rule)
    reviewed = {vote.item_id for vote in data.votes if vote.role == "reviewer"}
    ids = [item.id for item in data.items if item.gold is None and item.id in labels]
    judged = np.array([labels[i].wrong is not None for i in ids], dtype=bool)
    return Population(
        ids=np.array(ids, dtype=np.int64),
        label=tuple(labels[i].label for i in ids),
        risk=np.clip(np.array([labels[i].risk for i in ids], dtype=np.float64), 0.0, 1.0),
        judged=judged,
        wrong=np.array([bool(labels[i].wrong) for i in ids], dtype=np.float64),
        in_vain=np.array([i in reviewed for i in ids], dtype=bool) & ~judged,
        decided=decided,
    )


_Labels = tuple[dict[int, _Label], frozenset[int]]


def _of_questions(data: CampaignData, people: CampaignData, rule: consensus.StoppingRule) -> _Labels:
    """An item of several questions errs in any."""
    right: dict[int, float] = defaultdict(lambda: 1.0)
    settled: dict[int, bool] = defaultdict(lambda: True)
    decided: dict[int, bool] = defaultdict(lambda: True)
    wrong: dict[int, bool] = defaultdict(bool)
    label: dict[int, str] = {}
    asked = list(questions(people))
    for alone, reviewed, one in zip(asked, questions(data), fit_questions(asked), strict=True):
        result = one.result
        states = consensus.states(result.posterior, result.n, rule, answered=result.answer >= 0)
        for position, item_id in enumerate(alone.item_ids):
            settled[item_id] &= bool(states[position] == "settled" and result.n[position] > 0)
            right[item_id] *= 1.0 - float(result.risk[position])
            decided[item_id] &= position in reviewed.decided
            answer = int(result.answer[position])
            label[item_id] = alone.choices[answer] if answer >= 0 else ""
            wrong[item_id] |= position in reviewed.decided and reviewed.gold[position] != answer
    labels = {i: _Label(label[i], 1.0 - right[i], wrong[i] if decided[i] else None) for i in right if settled[i]}
    return labels, frozenset(i for i, yes in decided.items() if yes)


def _of_objects(data: CampaignData, people: CampaignData, rule: consensus.StoppingRule) -> _Labels:
    """A list of objects is wrong where one is missing, one too many, or one of another category or place."""
    decided, _ = decisions_of(data)
    labels = {}
    for item in items_of_objects(people, fuse(people), rule):
        if item.state == "settled" and item.answer is not None:
            said = decided.get(item.item_id)
            wrong = None if said is None else not same_objects(item.answer, said)
            labels[item.item_id] = _Label("", item.risk, wrong)
    return labels, frozenset(decided)
