"""A model as one more judge: its out-of-fold probabilities weighed against people by measured skill.

After CROWDLAB (Goh, Tkachenko & Mueller 2022, arXiv:2210.06812): a classifier is trusted as far as it proves right.
Here the people's part is the default consensus, whose posteriors already weigh people by skill; the model's part is its
probabilities m, calibrated against that consensus. The two are joined as independent evidence,

    q_i(k)  ~  h_i(k) (m_i(k)^b / p_k^b)^w,        h the people's posterior, p the shares of classes,

b: the inverse temperature at which m has the largest likelihood under h (Guo et al. 2017), learned on items with at
least two judgments; w in [0, 1]: how much of that evidence is new. Networks err where people err, so that w is chosen,
by the same likelihood, to predict the judgment that was left out: one judgment of each item is held out, h is made from
the others, and w maximises the chance that the join gives the held-out answer, seen through its author's confusion. A
model that adds nothing gets w = 0 and leaves the consensus as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consensus.errors import ConsensusError
from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments
from consensus.label_issues import check_probabilities
from consensus.live import Live

LEAST = 1e-6
WEIGHTS = np.linspace(0.0, 1.0, 21)
INVERSE_TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(5.0), 41))


@dataclass(frozen=True, eq=False)
class Joined:
    """posterior: float64 [I, K], rows sum to 1; weight: w; inverse_temperature: b; held_out: items w was chosen on."""

    posterior: Floats
    weight: float
    inverse_temperature: float
    held_out: int


def join_model(
    result: Result,
    judgments: Judgments,
    probabilities: Floats,
    seed: int = 0,
    *,
    covered: NDArray[np.bool_] | None = None,
) -> Joined:
    """The posteriors of a fit, joined with a model's out-of-fold probabilities float64 [I, K].

    `seed` draws which judgment of each item is held out. `covered` bool [I]: the items that the model has seen; the
    others keep their posterior, whatever stands in their rows. Items with gold keep their class. Raises ConsensusError
    where the probabilities are none, or of other items or classes.
    """
    own = result.dense()
    if probabilities.shape != own.shape:
        raise ConsensusError(
            f"the model has probabilities {probabilities.shape}, but there are {own.shape[0]} items"
            f" and {own.shape[1]} classes"
        )
    known = np.ones(len(own), dtype=np.bool_) if covered is None else covered
    check_probabilities(probabilities[known])
    probabilities = np.where(known[:, None], probabilities, result.class_prior)
    logs = np.log(np.clip(probabilities, LEAST, 1.0))
    log_share = np.log(result.class_prior)
    judged = np.flatnonzero((result.n >= 2) & (result.gold < 0) & known)
    b = _temperature(logs[judged], own[judged]) if len(judged) else 1.0
    evidence = np.where(known[:, None], b * (_normal(logs) - log_share), 0.0)
    item, people, seen = _held_out(result, judgments, known, np.random.default_rng(seed))
    chances = [_chance(people, evidence[item], seen, w) for w in WEIGHTS]
    # The smallest of equals: without evidence for it the model is not used.
    weight = float(WEIGHTS[int(np.argmax(np.array(chances) > max(chances) - 1e-9))]) if len(item) else 0.0
    posterior = _softmax(np.log(np.maximum(own, 1e-300)) + weight * evidence)
    kept = (result.gold >= 0) | ~known
    posterior[kept] = own[kept]
    return Joined(posterior, weight, b, len(item))


def _temperature(logs: Floats, target: Floats) -> float:
    likelihood = [float((target * _normal(b * logs)).sum()) for b in INVERSE_TEMPERATURES]
    return float(INVERSE_TEMPERATURES[int(np.argmax(likelihood))])


def _held_out(
    result: Result, judgments: Judgments, known: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """(items [N], log of the people's posterior without the held-out judgment [N, K], its chance by class [N, K])."""
    judged = judgments.present()
    order = rng.permutation(len(judged))
    items, first = np.unique(judged.item[order], return_index=True)
    out = order[first]
    kept = (result.n[items] >= 2) & (result.gold[items] < 0) & known[items]
    items, out = items[kept], out[kept]
    rest = np.ones(len(judged)) if judged.weight is None else judged.weight.copy()
    rest[out] = 0.0
    live = Live(result, replace(judged, weight=rest))
    people = (
        np.log(np.maximum(live.posteriors(items), 1e-300)) if len(items) else np.zeros((0, len(result.class_prior)))
    )
    return items, people, result.confusion[judged.annotator[out], :, judged.answer[out]]


def _chance(people: Floats, evidence: Floats, seen: Floats, weight: float) -> float:
    return float(np.log((_softmax(people + weight * evidence) * seen).sum(axis=1)).sum())


def _normal(logs: Floats) -> Floats:
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(logs - top - np.log(np.exp(logs - top).sum(axis=1, keepdims=True)))


def _softmax(logs: Floats) -> Floats:
    return np.asarray(np.exp(_normal(logs)))
