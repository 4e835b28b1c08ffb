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

With very many classes people's posteriors are lists of candidates, and so are the joined ones: what people named and
the MOST_NAMED likeliest classes of each item. b and w are then learned on as many items as CELLS holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consensus.candidates import Candidates, Posteriors, rows_of
from consensus.errors import ConsensusError
from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments
from consensus.label_issues import check_probabilities
from consensus.live import Live, LiveMany
from consensus.shared_errors import SharedErrors

LEAST = 1e-6
CELLS = 1_000_000
"""Items x classes that are held at once with very many classes."""
MOST_NAMED = 10
WEIGHTS = np.linspace(0.0, 1.0, 21)
INVERSE_TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(5.0), 41))


@dataclass(frozen=True, eq=False)
class Joined:
    """posterior: as the fit's; weight: w; inverse_temperature: b; held_out: items w was chosen on."""

    posterior: Posteriors
    weight: float
    inverse_temperature: float
    held_out: int


def join_model(
    result: Result,
    judgments: Judgments,
    probabilities: Posteriors,
    seed: int = 0,
    *,
    covered: NDArray[np.bool_] | None = None,
) -> Joined:
    """The posteriors of a fit, joined with a model's out-of-fold probabilities, float64 [I, K] or candidates.

    `seed` draws which judgment of each item is held out. `covered` bool [I]: the items that the model has seen; the
    others keep their posterior, whatever stands in their rows. Items with gold keep their class. Raises ConsensusError
    where the probabilities are none, or of other items or classes.
    """
    own, log_share = result.posterior, np.log(result.class_prior)
    if probabilities.shape != own.shape:
        raise ConsensusError(
            f"the model has probabilities {probabilities.shape}, but there are {own.shape[0]} items"
            f" and {own.shape[1]} classes"
        )
    known = np.ones(own.shape[0], dtype=np.bool_) if covered is None else covered
    if not isinstance(probabilities, Candidates):
        check_probabilities(probabilities[known])

    def logs(items: Ints) -> Floats:
        rows = np.where(known[items][:, None], rows_of(probabilities, items), result.class_prior)
        return np.log(np.clip(rows, LEAST, 1.0))

    def evidence(items: Ints) -> Floats:
        return np.where(known[items][:, None], b * (_normal(logs(items)) - log_share), 0.0)

    many = isinstance(own, Candidates)
    at_once = max(1, CELLS // own.shape[1]) if many else max(1, own.shape[0])
    judged = np.flatnonzero((result.n >= 2) & (result.gold < 0) & known)
    if many:
        judged = judged[:: -(-len(judged) // at_once) or 1]
    b = _temperature(logs(judged), rows_of(own, judged)) if len(judged) else 1.0
    item, people, seen = _held_out(result, judgments, known, np.random.default_rng(seed), at_once)
    held = evidence(item)
    chances = [_chance(people, held, seen, w) for w in WEIGHTS]
    # The smallest of equals: without evidence for it the model is not used.
    weight = float(WEIGHTS[int(np.argmax(np.array(chances) > max(chances) - 1e-9))]) if len(item) else 0.0
    if not len(known) or (many and weight == 0):
        return Joined(own, weight, b, len(item))
    kept = (result.gold >= 0) | ~known
    whole: list[Floats] = []
    lists: list[Candidates] = []
    for start in range(0, own.shape[0], at_once):
        items = np.arange(start, min(start + at_once, own.shape[0]))
        before = rows_of(own, items)
        posterior = _softmax(np.log(np.maximum(before, 1e-300)) + weight * evidence(items))
        posterior[kept[items]] = before[kept[items]]
        if isinstance(own, Candidates):
            lists.append(_listed(own, items, posterior, kept))
        else:
            whole.append(posterior)
    return Joined(_together(lists) if lists else np.concatenate(whole), weight, b, len(item))


def _listed(own: Candidates, items: Ints, posterior: Floats, kept: NDArray[np.bool_]) -> Candidates:
    """Of whole rows what is named: by people, and where a model spoke its likeliest classes; the rest is `other`."""
    first, last = np.searchsorted(own.item, (items[0], items[-1] + 1))
    named = np.zeros(posterior.shape, dtype=np.bool_)
    named[own.item[first:last] - items[0], own.label[first:last]] = True
    spoken = np.flatnonzero(~kept[items])
    best = np.argpartition(-posterior[spoken], min(MOST_NAMED, posterior.shape[1]) - 1, axis=1)[:, :MOST_NAMED]
    named[spoken[:, None], best] = True
    row, label = np.nonzero(named)
    probability = posterior[row, label]
    other = np.maximum(1.0 - np.bincount(row, weights=probability, minlength=len(items)), 0.0)
    return Candidates(items[row], label, probability, np.where(kept[items], own.other[items], other), own.share)


def _together(parts: Sequence[Candidates]) -> Candidates:
    item, label = (np.concatenate([getattr(part, name) for part in parts]) for name in ("item", "label"))
    probability, other = (np.concatenate([getattr(part, name) for part in parts]) for name in ("probability", "other"))
    return Candidates(item, label, probability, other, parts[0].share)


def _temperature(logs: Floats, target: Floats) -> float:
    likelihood = [float((target * _normal(b * logs)).sum()) for b in INVERSE_TEMPERATURES]
    return float(INVERSE_TEMPERATURES[int(np.argmax(likelihood))])


def _held_out(
    result: Result, judgments: Judgments, known: NDArray[np.bool_], rng: np.random.Generator, most: int
) -> tuple[Ints, Floats, Floats]:
    """(items [N], log of the people's posterior without the held-out judgment [N, K], its chance by class [N, K])."""
    judged = judgments.present()
    order = rng.permutation(len(judged))
    if result.shared is not None:
        order = order[judged.answer[order] < judged.n_classes]  # "unsure" says nothing there
    items, first = np.unique(judged.item[order], return_index=True)
    out = order[first]
    kept = (result.n[items] >= 2) & (result.gold[items] < 0) & known[items]
    items, out = items[kept], out[kept]
    if result.shared is not None:
        some = slice(None, None, -(-len(items) // most) or 1)
        items, out = items[some], out[some]
    rest = np.ones(len(judged)) if judged.weight is None else judged.weight.copy()
    rest[out] = 0.0
    others = replace(judged, weight=rest)
    people = np.zeros((0, len(result.class_prior)))
    if len(items) and result.shared is None:
        people = Live(result, others).posteriors(items)
    elif len(items):
        live = LiveMany(result, others)
        people = np.stack([live.posterior(int(item)) for item in items])
    who, answer = judged.annotator[out], judged.answer[out]
    seen = result.confusion[who, :, answer] if result.shared is None else _shared_chance(result.shared, who, answer)
    return items, np.log(np.maximum(people, 1e-300)), seen


def _shared_chance(shared: SharedErrors, who: Ints, answer: Ints) -> Floats:
    """float64 [N, K]: the chance of each answer under each class (`consensus.many_classes`)."""
    K = len(shared.usage)
    of = np.tile(np.arange(K), len(who))
    wrong = shared.mistaken(of, np.repeat(answer, K)).reshape(len(who), K)
    rate = shared.right[who]
    chance = (1.0 - rate)[:, None] * wrong
    chance[np.arange(len(who)), answer] = rate
    return np.asarray(chance)


def _chance(people: Floats, evidence: Floats, seen: Floats, weight: float) -> float:
    return float(np.log((_softmax(people + weight * evidence) * seen).sum(axis=1)).sum())


def _normal(logs: Floats) -> Floats:
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(logs - top - np.log(np.exp(logs - top).sum(axis=1, keepdims=True)))


def _softmax(logs: Floats) -> Floats:
    return np.asarray(np.exp(_normal(logs)))
