"""A campaign of very many classes while it runs: what `consensus.live` is to confusions, this is to shared errors.

An item keeps its judgments; its posterior is made from them over the classes it was called and one more, any other
class (`consensus.many_classes`), so that a judgment costs the item's judgments squared and not the number of classes:

    log g_i(k) = log p_k + sum_j w log P(a_ij | k)
    log g_i(other) = log(1 - sum_k p_k) + sum_j w log((1 - r_j) u(a_ij))

Gains are the expected fall of the same doubt 1 - sum_k q(k)^2; answers that name a class for the first time are taken
together, and the mass of the classes that nobody named as spread over so many that its square is nothing. What is still
needed is counted between the two best classes that were named.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consensus.candidates import Posteriors
from consensus.errors import ConsensusError
from consensus.fit import Result
from consensus.judgments import SOMEBODY, Floats, Ints, Judgments


class LiveMany:
    """The posteriors of all items but gold, kept up to date. n: int64 [I], judgments of each item."""

    def __init__(self, result: Result, judgments: Judgments | None = None) -> None:
        """From a fit by many-classes, and the judgments that items have so far (None: none yet)."""
        if result.shared is None:
            raise ConsensusError("this fit has confusions of each annotator", "consensus.live.Live takes it")
        self._shared, self._share = result.shared, result.class_prior
        n_items = len(result.n) if judgments is None else judgments.n_items
        nothing = np.zeros(0, dtype=np.int64)
        judged = Judgments(nothing, nothing, nothing, n_items, 0, 1, 1) if judgments is None else judgments.present()
        weight = np.ones(len(judged)) if judged.weight is None else judged.weight
        order = np.lexsort((weight, judged.answer, judged.annotator, judged.item))
        self._before = judged.annotator[order], judged.answer[order], weight[order]
        self._first = np.searchsorted(judged.item[order], np.arange(n_items + 1))
        self._since: dict[int, list[tuple[int, int, float]]] = {}
        self.n = np.bincount(judged.item, minlength=n_items).astype(np.int64)

    def add(
        self,
        item: Ints | Sequence[int],
        annotator: Ints | Sequence[int],
        answer: Ints | Sequence[int],
        weight: Floats | None = None,
    ) -> None:
        """Take in judgments, arrays [M] (annotator -1: somebody new)."""
        each = np.ones(len(item)) if weight is None else weight
        for i, j, a, w in zip(item, annotator, answer, each, strict=True):
            if w > 0:
                self._since.setdefault(int(i), []).append((int(j), int(a), float(w)))
                self.n[i] += 1

    def candidates(self, item: int) -> tuple[Ints, Floats, float]:
        """The classes that the item was called, int64 [C], their probabilities, and that of all other classes."""
        who, answer, weight = self._judged(item)
        label = np.unique(answer)
        rate = np.array([self._shared.rate(j) for j in who.tolist()])
        log_wrong = weight * np.log1p(-rate)
        same = label[:, None] == answer[None, :]
        of, named = np.broadcast_arrays(label[:, None], answer[None, :])
        errors = np.ones(same.shape)
        errors[~same] = self._shared.mistaken(of[~same], named[~same])
        logs = np.where(same, weight * np.log(rate), log_wrong + weight * np.log(errors)).sum(axis=1)
        logs += np.log(self._share[label])
        away = max(1.0 - float(self._share[label].sum()), 0.0)
        other = np.log(max(away, 1e-300)) + float((log_wrong + weight * np.log(self._shared.usage[answer])).sum())
        top = max(float(logs.max(initial=-np.inf)), other)
        mass, rest = np.exp(logs - top), float(np.exp(other - top))
        total = float(mass.sum()) + rest
        return label, mass / total, rest / total

    def posterior(self, item: int) -> Floats:
        """float64 [K], sums to 1: the item's posterior now."""
        label, q, other = self.candidates(item)
        row = self._share.copy()
        row[label] = 0.0
        total = float(row.sum())
        row *= other / total if total > 0 else 0.0
        row[label] = q
        return row

    def gains(self, items: Ints, annotator: int) -> Floats:
        """float64 [N]: how much a judgment by this annotator is expected to take off the doubt about each item."""
        return np.array([self._gain(int(item), annotator) for item in items])

    def best_items(self, items: Ints, annotator: int, n: int) -> Ints:
        """The n items of `items` where this annotator's judgment is worth most, the best first (ties: as given)."""
        return np.asarray(items)[np.argsort(-self.gains(items, annotator), kind="stable")[:n]]

    def best_annotator(self, item: int, annotators: Ints, price: Floats | None = None) -> int:
        """The annotator of int64 [N] whose judgment takes most off the item's doubt per price (ties: the first)."""
        gain = np.array([self._gain(item, int(j)) for j in annotators])
        return int(annotators[int(np.argmax(gain if price is None else gain / price))])

    def needed(self, items: Ints, max_risk: float, posterior: Posteriors | None = None) -> Floats:
        """float64 [N]: how many more ordinary judgments until the risk is at most `max_risk`; inf where none helps.

        posterior: of all items, where more than their judgments is known of them (a model).
        """
        rows = (self._named(int(i)) if posterior is None else _two_best(posterior[int(i)]) for i in items)
        return np.array([self._needed(label, q, max_risk) for label, q in rows])

    def _judged(self, item: int) -> tuple[Ints, Ints, Floats]:
        part = slice(self._first[item], self._first[item + 1])
        since = self._since.get(item, ())
        who = np.append(self._before[0][part], [j for j, _, _ in since]).astype(np.int64)
        answer = np.append(self._before[1][part], [a for _, a, _ in since]).astype(np.int64)
        weight = np.append(self._before[2][part], [w for _, _, w in since])
        named = answer < len(self._share)  # "unsure" says nothing here
        return who[named], answer[named], weight[named]

    def _gain(self, item: int, annotator: int) -> float:
        label, q, other = self.candidates(item)
        rate, C = self._shared.rate(annotator), len(label)
        chance = np.full((C, C), rate)
        off = ~np.eye(C, dtype=bool)
        of, named = np.broadcast_arrays(label[:, None], label[None, :])
        chance[off] = (1.0 - rate) * self._shared.mistaken(of[off], named[off])
        joint = np.vstack([q[:, None] * chance, other * (1.0 - rate) * self._shared.usage[label][None, :]])
        fresh = np.append(q * np.maximum(1.0 - chance.sum(axis=1), 0.0), other * rate)
        joint = np.column_stack([joint, fresh])
        squares = joint**2
        squares[-1, :-1] = 0.0  # the rest of the classes stay many
        after = squares.sum(axis=0) / np.maximum(joint.sum(axis=0), 1e-300)
        return max(float(after.sum()) - float((q**2).sum()), 0.0)

    def _named(self, item: int) -> tuple[Ints, Floats]:
        label, q, _ = self.candidates(item)
        return label, q

    def _needed(self, label: Ints, q: Floats, max_risk: float) -> float:
        if not len(label):
            return float("inf")
        first = int(q.argmax())
        missing = np.log1p(-max_risk) - np.log(max(max_risk, 1e-12))
        missing -= np.log(max(q[first], 1e-300)) - np.log1p(-min(q[first], 1 - 1e-15))
        if missing <= 0:
            return 0.0
        # Against the strongest other class that was named, or a class as common as the average one.
        rest = np.delete(np.arange(len(label)), first)
        rival = int(label[rest[q[rest].argmax()]]) if len(rest) else (int(label[first]) + 1) % len(self._share)
        rate, k = self._shared.rate(SOMEBODY), label[first]
        there, back = self._shared.mistaken(np.array([k, rival]), np.array([rival, k]))
        gain = rate * np.log(rate / ((1.0 - rate) * back)) + (1.0 - rate) * there * np.log((1.0 - rate) * there / rate)
        return float(missing / gain) if gain > 1e-9 else float("inf")


def _two_best(row: Floats) -> tuple[Ints, Floats]:
    label = np.sort(np.argsort(-row, kind="stable")[:2])
    return label, row[label]
