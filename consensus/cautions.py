"""Where the annotators as a group may mislead, in sentences: what no posterior can know of itself.

What cannot be doubted at all is said first: where there is but one class, or no item that two people judged. Then four
signs, each named only where the data show it beyond chance (1 %):
agreement    items are answered no more alike than chance would have it (alpha is small, its 95 % interval reaches 0);
sides        a quarter of the judgments are of people who contradict the others (their skill is below 0 by three
             standard errors): which side is right is decided by their number alone;
gold         of the gold items of a class, the crowd gives some wrong answer more often than the right one;
confusion    most annotators (by the median) answer a class more often by one other answer than by its own, or the
             consensus overrules the plurality of the votes on a large share of items.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consensus.agreement import Agreement
from consensus.candidates import Candidates
from consensus.fit import Result
from consensus.judgments import Judgments
from consensus.skill import Z_CONTRARY, skill

FEWEST = 10  # answers to gold of a class, and annotators or items that a sign must rest on
Z = 2.3263478740408398  # the normal quantile of 99 %
OVERRULED = 0.25
LITTLE = 0.1  # alpha
CONTRARY = 0.25  # of the judgments
KNOWN = 0.02  # of the judgments are to gold: enough to know which side is right


def cautions(
    result: Result, judgments: Judgments, agreement: Agreement | None, names: Sequence[str] | None = None
) -> list[str]:
    """Sentences for people, [] where nothing speaks against the crowd. names: of the answers, [L].

    agreement: None where it was not measured.
    """
    called = [str(name) for name in (names if names is not None else range(judgments.n_answers))]
    out = _unfounded(result, judgments, called)
    if agreement is not None and _hardly_agree(agreement):
        out.append(
            "the annotators agree no more than chance would: the posteriors mean little without gold"
            f" (alpha {agreement.alpha:.3f}, 95 % from {agreement.low:.3f})"
        )
    against = _contrary(result, judgments)
    if against:
        out.append(
            f"{len(against)} annotators answer against the others: their number alone decides which side is right;"
            " check with gold"
        )
    misled = _misled_on_gold(result, judgments)
    out += [
        f"on gold items that are {called[k]!r} the annotators say {called[a]!r} more often: as a group they are misled"
        for k, a in misled.items()
    ]
    out += [
        f"most annotators answer items that seem to be {called[k]!r} by {called[a]!r}: check this class with gold"
        for k, a in _misled_by_confusion(result).items()
        if k not in misled
    ]
    share = _overruled(result, judgments)
    if share > OVERRULED:
        out.append(
            f"the consensus overrules most votes on {share:.0%} of the items: either many annotators are bad"
            " or the good ones are taken for bad; only gold can tell"
        )
    return out


def _unfounded(result: Result, judgments: Judgments, called: Sequence[str]) -> list[str]:
    """Certainty that comes from what was not asked."""
    if not (result.n > 0).any():
        return []
    if judgments.n_classes < 2:
        return [f"{called[0]!r} is the only answer there is, so that nothing can be doubted: name the others"]
    compared = (result.n > 1) | ((result.n > 0) & (result.gold >= 0))
    if not compared.any():
        return ["no item was judged by two people: how often they are right is assumed, not measured"]
    return []


def _hardly_agree(agreement: Agreement) -> bool:
    if agreement.alpha is None or agreement.low is None or agreement.items < 2 * FEWEST:
        return False
    return agreement.low <= 0 and agreement.alpha < LITTLE


def _contrary(result: Result, judgments: Judgments) -> list[int]:
    """Those who contradict the others, where a quarter of the judgments are theirs; known items tell by themselves."""
    if isinstance(result.posterior, Candidates) or judgments.n_classes < 2:
        return []
    found = skill(result, judgments)
    against = np.flatnonzero(found.z_from_zero < Z_CONTRARY)
    known = (result.gold[judgments.present().item] >= 0).mean() if len(judgments.present()) else 0.0
    share = result.annotator.n[against].sum() / max(float(result.annotator.n.sum()), 1.0)
    return against.tolist() if len(against) > 1 and share >= CONTRARY and known < KNOWN else []


def _misled_on_gold(result: Result, judgments: Judgments) -> dict[int, int]:
    """Class -> the answer given significantly more often than the right one on its gold items (a sign test)."""
    judged = judgments.present()
    truth = result.gold[judged.item]
    known = truth >= 0
    out = {}
    for k in np.unique(truth[known]).tolist():
        row = np.bincount(judged.answer[truth == k], minlength=judged.n_answers).astype(np.float64)
        wrong = row[: judged.n_classes].copy()
        right, wrong[k] = row[k], -1.0
        other = int(wrong.argmax())
        both = right + wrong[other]
        if both >= FEWEST and wrong[other] - right > Z * both**0.5:
            out[k] = other
    return out


def _misled_by_confusion(result: Result) -> dict[int, int]:
    if isinstance(result.posterior, Candidates):
        return {}
    K = result.pooled.shape[0]
    active = result.annotator.n >= FEWEST
    if result.method == "majority" or active.sum() < 3 or K < 2:
        return {}
    middle = np.median(result.confusion[active][:, :, :K], axis=0)
    best = middle.argmax(axis=1)
    return {int(k): int(best[k]) for k in np.flatnonzero(best != np.arange(K)) if result.class_prior[k] > 0.5 / K**2}


def _overruled(result: Result, judgments: Judgments) -> float:
    """The share of items, gold aside, whose answer has fewer votes than another has."""
    judged = judgments.present()
    named = judged.answer < judged.n_classes
    weight = np.ones(len(judged)) if judged.weight is None else judged.weight
    cells, where = np.unique(judged.item[named] * judged.n_classes + judged.answer[named], return_inverse=True)
    votes = np.bincount(where, weights=weight[named], minlength=len(cells))
    item, answer = np.divmod(cells, judged.n_classes)
    most, own = np.zeros(judged.n_items), np.zeros(judged.n_items)
    np.maximum.at(most, item, votes)
    chosen = answer == result.answer[item]
    own[item[chosen]] = votes[chosen]
    asked = np.flatnonzero((result.n > 0) & (result.gold < 0))
    if len(asked) < FEWEST:
        return 0.0
    return float((own[asked] < most[asked] - 1e-9).mean())
