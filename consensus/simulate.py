"""A simulator of annotators and items: who judges what, what they answer, and when; the same seed, the same crowd.

Item i has a class z_i, a difficulty d_i ~ Normal(0, s^2) in log-odds and a decoy, the class it looks like.
An honest annotator with accuracy a who has given n judgments before is right with probability

    sigmoid( log(a / (1 - a)) - d_i - fatigue n / 100 )            (Rasch 1960; GLAD's form is Whitehill et al. 2009)

and else names the decoy with probability `decoy`, his habit with probability `bias`, any wrong class otherwise.
Random annotators do not look, constant ones always give their habit, copying ones repeat somebody else's
answers with probability `copy_rate`. Time per judgment is log-normal around `seconds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints, Judgments

Kind = Literal["honest", "random", "constant", "copying"]
SPREAD_OF_SECONDS = 0.5


@dataclass(frozen=True)
class Annotator:
    """How somebody answers. accuracy: on an item of difficulty 0. bias: share of the errors that name `habit`.

    fatigue: log-odds lost per 100 judgments. unsure: share of answers that name no class. seconds: median time a
    judgment. copies: whom a copying annotator copies, copy_rate: how often, shared: on which share of his items.
    """

    kind: Kind = "honest"
    accuracy: float = 0.85
    habit: int = 0
    bias: float = 0.0
    fatigue: float = 0.0
    unsure: float = 0.0
    seconds: float = 4.0
    copies: int | None = None
    copy_rate: float = 0.95
    shared: float = 1.0


@dataclass(frozen=True)
class Items:
    """What is judged: how many items and classes, the classes' shares (else equal), how hard and how misleading."""

    n: int
    n_classes: int = 2
    shares: Sequence[float] | None = None
    difficulty: float = 0.0
    decoy: float = 0.0


@dataclass(frozen=True, eq=False)
class Simulated:
    """Judgments with what is known of them: truth, decoy int64 [I], difficulty float64 [I], and per judgment
    seconds float64 [M] and moment float64 [M], seconds since the first judgment of the campaign."""

    judgments: Judgments
    truth: Ints
    decoy: Ints
    difficulty: Floats
    seconds: Floats
    moment: Floats


def simulate(
    crowd: Sequence[Annotator],
    items: Items,
    *,
    per_item: int | None = None,
    each: int | None = None,
    seed: int = 0,
) -> Simulated:
    """Let a crowd judge: every item `per_item` times by different people, or every annotator `each` items.

    The last answer number is "unsure". Raises ConsensusError for numbers that do not fit together.
    """
    _check(crowd, items, per_item, each)
    rng = np.random.default_rng(seed)
    K, A = items.n_classes, len(crowd)
    share = np.full(K, 1.0 / K) if items.shares is None else np.asarray(items.shares, dtype=np.float64)
    truth = rng.choice(K, p=share / share.sum(), size=items.n).astype(np.int64)
    decoy = (truth + (rng.integers(1, K, size=items.n) if K > 1 else 0)) % K
    difficulty = items.difficulty * rng.standard_normal(items.n)
    item, who = _assignment(crowd, items.n, per_item, each, rng)
    # Everybody goes through his items in an order of his own.
    order = np.lexsort((rng.random(len(item)), who))
    item, who = item[order], who[order]
    first = np.searchsorted(who, np.arange(A))
    before = np.arange(len(who)) - first[who]
    answer = honest_answers(crowd, who, truth[item], decoy[item], difficulty[item], before, items, rng)
    answer = _careless(crowd, who, answer, K, rng)
    seconds = np.array([a.seconds for a in crowd])[who] * np.exp(SPREAD_OF_SECONDS * rng.standard_normal(len(who)))
    moment = _moments(crowd, who, first, seconds, rng)
    answer = _copied(crowd, item, who, answer, rng)
    unsure = rng.random(len(who)) < np.array([a.unsure for a in crowd])[who]
    answer = np.where(unsure, K, answer)
    judged = Judgments(item, who, answer, items.n, A, K, K + 1)
    return Simulated(judged, truth, decoy, difficulty, seconds, moment)


def right_probability(accuracy: Floats, difficulty: Floats, fatigue: Floats, before: Ints) -> Floats:
    """The equation above, elementwise; accuracies of 0 and 1 stay what they are."""
    inner = np.clip(accuracy, 1e-12, 1.0 - 1e-12)
    log_odds = np.log(inner / (1.0 - inner)) - difficulty - fatigue * before / 100.0
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def honest_answers(
    crowd: Sequence[Annotator],
    who: Ints,
    truth: Ints,
    decoy: Ints,
    difficulty: Floats,
    before: Ints,
    items: Items,
    rng: np.random.Generator,
) -> Ints:
    """int64 [M]: what looking at the items would have given, per judgment."""
    K = items.n_classes
    accuracy = np.array([a.accuracy for a in crowd])[who]
    fatigue = np.array([a.fatigue for a in crowd])[who]
    right = rng.random(len(who)) < right_probability(accuracy, difficulty, fatigue, before)
    if K == 1:
        return truth
    wrong = (truth + rng.integers(1, K, size=len(who))) % K
    habit = np.array([a.habit for a in crowd], dtype=np.int64)[who]
    drawn = rng.random(len(who))
    bias = np.array([a.bias for a in crowd])[who]
    wrong = np.where((drawn < bias) & (habit != truth), habit, wrong)
    wrong = np.where(drawn >= 1.0 - items.decoy, decoy, wrong)
    return np.where(right, truth, wrong)


def honest_crowd(
    n: int, seed: int = 0, *, accuracy: tuple[float, float] = (0.75, 0.97), seconds: float = 4.0, spread: float = 0.3
) -> list[Annotator]:
    """n honest annotators, accuracies spread evenly, paces log-normal around `seconds`."""
    rng = np.random.default_rng(seed)
    accuracies, paces = rng.uniform(*accuracy, n), seconds * np.exp(spread * rng.standard_normal(n))
    return [Annotator(accuracy=float(a), seconds=float(s)) for a, s in zip(accuracies, paces, strict=True)]


def with_planted(crowd: Sequence[Annotator], kind: str, n: int, seed: int = 0) -> list[Annotator]:
    """The crowd with its last n members replaced: by "random", "constant", "copying" or "fast" ones.

    Copying ones copy honest ones that stay, each another where there are enough; fast ones take an eighth of the
    time and are right half as often above chance.
    """
    rng = np.random.default_rng(seed)
    kept = list(crowd[: len(crowd) - n])
    if n and not kept:
        raise ConsensusError("somebody honest must stay in the crowd", exit_code=2)
    victims = rng.permutation(len(kept))
    for place, one in enumerate(crowd[len(kept) :]):
        if kind == "copying":
            kept.append(replace(one, kind="copying", copies=int(victims[place % len(victims)])))
        elif kind == "fast":
            kept.append(replace(one, accuracy=one.accuracy / 2.0 + 0.25, seconds=one.seconds / 8.0))
        elif kind == "random":
            kept.append(replace(one, kind="random"))
        elif kind == "constant":
            kept.append(replace(one, kind="constant", habit=int(rng.integers(2))))
        else:
            raise ConsensusError(f"nobody is planted as {kind!r}", "random, constant, copying or fast", exit_code=2)
    return kept


def _check(crowd: Sequence[Annotator], items: Items, per_item: int | None, each: int | None) -> None:
    if (per_item is None) == (each is None):
        raise ConsensusError("say either how many judgments per item or how many each", exit_code=2)
    if not crowd or items.n < 1 or items.n_classes < 1:
        raise ConsensusError("a simulation needs annotators, items and classes", exit_code=2)
    if items.shares is not None and len(items.shares) != items.n_classes:
        raise ConsensusError("there must be one share a class", exit_code=2)
    if per_item is not None and not 0 <= per_item <= len(crowd):
        raise ConsensusError(f"{len(crowd)} annotators cannot give {per_item} judgments an item", exit_code=2)
    if each is not None and not 0 <= each <= items.n:
        raise ConsensusError(f"nobody can judge {each} of {items.n} items", exit_code=2)
    for j, one in enumerate(crowd):
        if one.kind not in get_args(Kind):
            raise ConsensusError(f"there is no annotator of kind {one.kind!r}", exit_code=2)
        if not 0 <= one.habit < items.n_classes:
            raise ConsensusError(f"annotator {j} has the habit {one.habit}, which is no class", exit_code=2)
        copied = one.copies
        if one.kind == "copying" and (
            copied is None or not 0 <= copied < len(crowd) or crowd[copied].kind == "copying"
        ):
            raise ConsensusError(f"annotator {j} must copy somebody who does not copy himself", exit_code=2)


def _assignment(
    crowd: Sequence[Annotator], n_items: int, per_item: int | None, each: int | None, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    A = len(crowd)
    if per_item is not None:
        rows = max(1, (1 << 22) // A)
        parts = [
            rng.random((min(rows, n_items - start), A)).argpartition(max(per_item - 1, 0), axis=1)[:, :per_item]
            for start in range(0, n_items, rows)
        ]
        return np.repeat(np.arange(n_items), per_item), np.concatenate(parts).ravel().astype(np.int64)
    own = [rng.choice(n_items, each, replace=False) for _ in crowd]
    for j, one in enumerate(crowd):
        if one.kind == "copying" and one.copies is not None:
            source = own[one.copies]
            common = source[: round(one.shared * len(source))]
            rest = np.setdiff1d(np.arange(n_items), source)
            missing = len(source) - len(common)
            others = rng.choice(rest, min(missing, len(rest)), replace=False)
            own[j] = np.concatenate([common, others])
    sizes = [len(mine) for mine in own]
    return np.concatenate(own).astype(np.int64), np.repeat(np.arange(A), sizes)


def _careless(crowd: Sequence[Annotator], who: Ints, answer: Ints, K: int, rng: np.random.Generator) -> Ints:
    kinds = np.array([a.kind for a in crowd])[who]
    guess = rng.integers(K, size=len(who))
    habit = np.array([a.habit for a in crowd], dtype=np.int64)[who]
    return np.where(kinds == "random", guess, np.where(kinds == "constant", habit, answer))


def _copied(crowd: Sequence[Annotator], item: Ints, who: Ints, answer: Ints, rng: np.random.Generator) -> Ints:
    out, drawn = answer.copy(), rng.random(len(who))
    for j, one in enumerate(crowd):
        if one.kind == "copying":
            theirs: NDArray[np.bool_] = who == one.copies
            told = dict(zip(item[theirs].tolist(), answer[theirs].tolist(), strict=True))
            for m in np.flatnonzero(who == j):
                if drawn[m] < one.copy_rate:
                    out[m] = told.get(int(item[m]), int(out[m]))
    return out


def _moments(crowd: Sequence[Annotator], who: Ints, first: Ints, seconds: Floats, rng: np.random.Generator) -> Floats:
    """Everybody works in one go, beginning at a time of his own; who copies begins when the other has ended."""
    A = len(crowd)
    total = np.bincount(who, weights=seconds, minlength=A)
    begin = rng.random(A) * max(float(total.max(initial=0.0)), 1.0)
    for j, one in enumerate(crowd):
        if one.kind == "copying" and one.copies is not None:
            begin[j] += begin[one.copies] + total[one.copies]
    elapsed = np.cumsum(seconds)
    start = np.concatenate([[0.0], elapsed])[first]
    return np.asarray(elapsed - start[who] + begin[who])
