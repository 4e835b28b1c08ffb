"""A campaign while it runs: each judgment updates its item in O(K), and says what to ask next, and of whom.

Given a fit, item i keeps its evidence for each class k at each level of difficulty t (`consensus.difficulty`),

    log g_i(t, k) = log p_k + log W[k, t] + sum_j log (T_t pi_j)[k, a_ij],     q_i(t, k) ~ g_i(t, k),

so a judgment adds one number to each. What a further judgment by annotator j is worth is the expected fall of the
doubt D(q) = 1 - sum_k q(k)^2, the chance that two draws from the posterior differ. Unlike 1 - max_k q(k) it falls also
where one judgment alone cannot change the answer (compare the expected error reduction of Roy & McCallum 2001):

    gain_ij = D(q_i) - sum_a P(a) D(q_i given a),      P(a) = sum_tk q_i(t, k) (T_t pi_j)[k, a].

The judgments an item still needs are counted as in a sequential test (Wald 1945): the log-odds that are missing to the
bound, over what one ordinary judgment adds to them on average, given how difficult the item has shown itself to be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consensus.candidates import Posteriors, rows_of
from consensus.difficulty import keep_answer
from consensus.fit import Result
from consensus.judgments import SOMEBODY, Floats, Ints, Judgments
from consensus.live_many import LiveMany

__all__ = ["SOMEBODY", "Live", "LiveMany", "live_of"]


def live_of(result: Result, judgments: Judgments | None = None) -> Live | LiveMany:
    """The live campaign of a fit by any method, with the judgments that items have so far (None: none yet)."""
    return Live(result, judgments) if result.shared is None else LiveMany(result, judgments)


class Live:
    """The posteriors of all items but gold, kept up to date. I items, K classes, T levels of difficulty (1 without).

    evidence: float64 [I, T, K], its largest value of each item near 0; n: int64 [I], judgments of each item.
    """

    def __init__(self, result: Result, judgments: Judgments | None = None) -> None:
        """From a fit, and the judgments that items have so far (None: none yet)."""
        result.dense()  # told where there are no confusions
        self._confusion, self._pooled = result.confusion, result.pooled
        levels = result.difficulty
        K = len(result.class_prior)
        self._mixing = np.eye(K)[None] if levels is None else levels.mixing
        share = np.zeros((1, K)) if levels is None else levels.log_share
        self._share = share[0]
        self._rows: dict[int, Floats] = {}
        n_items = len(result.n) if judgments is None else judgments.n_items
        self.evidence = np.repeat((np.log(result.class_prior) + share)[None], n_items, axis=0)
        self.n = np.zeros(n_items, dtype=np.int64)
        if judgments is not None:
            self._add_all(judgments.present())

    def rows(self, annotator: int) -> Floats:
        """log (T_t pi_j)[k, a], float64 [T, K, L]; computed once an annotator."""
        found = self._rows.get(annotator)
        if found is None:
            confusion = self._pooled if annotator < 0 else self._confusion[annotator]
            found = np.log(self._mixing @ confusion)
            self._rows[annotator] = found
        return found

    def add(
        self,
        item: Ints | Sequence[int],
        annotator: Ints | Sequence[int],
        answer: Ints | Sequence[int],
        weight: Floats | None = None,
    ) -> None:
        """Take in judgments, arrays [M] (annotator -1: somebody new). O(T K) each."""
        each = np.ones(len(item)) if weight is None else weight
        for i, j, a, w in zip(item, annotator, answer, each, strict=True):
            if w > 0:
                row = self.evidence[i] + w * self.rows(int(j))[:, :, a]
                self.evidence[i] = row - row.max()
                self.n[i] += 1

    def _add_all(self, judged: Judgments) -> None:
        # An annotator at a time, in an order that does not depend on that of the judgments.
        weight = np.ones(len(judged)) if judged.weight is None else judged.weight
        order = np.lexsort((weight, judged.answer, judged.item, judged.annotator))
        item, who, answer, weight = judged.item[order], judged.annotator[order], judged.answer[order], weight[order]
        bounds = np.flatnonzero(np.diff(who)) + 1
        for part in np.split(np.arange(len(who)), bounds) if len(who) else []:
            step = self.rows(int(who[part[0]])).transpose(2, 0, 1)[answer[part]] * weight[part][:, None, None]
            mine = item[part]
            if (np.diff(mine) > 0).all():
                self.evidence[mine] += step
            else:
                np.add.at(self.evidence, mine, step)
        self.evidence -= self.evidence.max(axis=(1, 2), keepdims=True)
        self.n += np.bincount(item, minlength=len(self.n))

    def posterior(self, item: int) -> Floats:
        """float64 [K], sums to 1: the item's posterior now. O(T K)."""
        return self.posteriors(np.array([item]))[0]

    def posteriors(self, items: Ints) -> Floats:
        """float64 [N, K] of int64 [N]: as `fit` would give them with these confusions."""
        evidence = self.evidence[items]
        sure = _shares(evidence).sum(axis=1)
        if evidence.shape[1] == 1:
            return sure
        # The first level is Dawid-Skene itself but for its share, and Dawid-Skene decides on the answer.
        return np.ascontiguousarray(keep_answer(sure.T.copy(), (evidence[:, 0] - self._share).T).T)

    def gains(self, items: Ints, annotator: int) -> Floats:
        """float64 [N]: what one judgment by this annotator is expected to take off the doubt about each item."""
        q = _shares(self.evidence[items])
        rows = np.exp(self.rows(annotator))
        joint = np.einsum("ntk,tka->nka", q, rows)
        chance = joint.sum(axis=1)
        after = (joint**2).sum(axis=1) / np.maximum(chance, 1e-300)
        return np.asarray(np.maximum(after.sum(axis=1) - (q.sum(axis=1) ** 2).sum(axis=1), 0.0))

    def best_items(self, items: Ints, annotator: int, n: int) -> Ints:
        """The n items of `items` where this annotator's judgment is worth most, the best first (ties: as given)."""
        return np.asarray(items)[np.argsort(-self.gains(items, annotator), kind="stable")[:n]]

    def best_annotator(self, item: int, annotators: Ints, price: Floats | None = None) -> int:
        """The annotator of int64 [N] whose judgment takes most off the item's doubt per price (ties: the first)."""
        gain = np.array([self.gains(np.array([item]), int(j))[0] for j in annotators])
        return int(annotators[int(np.argmax(gain if price is None else gain / price))])

    def needed(self, items: Ints, max_risk: float, posterior: Posteriors | None = None) -> Floats:
        """float64 [N]: how many more ordinary judgments until the risk is at most `max_risk`; inf where none helps.

        posterior: float64 [I, K] of all items, where more than their judgments is known of them (a model).
        """
        q = _shares(self.evidence[items])
        people = q.sum(axis=1)
        total = people if posterior is None else rows_of(posterior, items)
        if total.shape[1] < 2:
            return np.zeros(len(items))
        second, first = np.argsort(total, axis=1, kind="stable")[:, -2:].T
        each = np.arange(len(items))
        odds = np.log(np.maximum(total[each, first], 1e-300)) - np.log1p(-np.minimum(total[each, first], 1 - 1e-15))
        missing = np.log1p(-max_risk) - np.log(max(max_risk, 1e-12)) - odds
        rows = self.rows(SOMEBODY)
        level = q[each, :, first] / np.maximum(people[each, first], 1e-300)[:, None]
        rate = np.zeros(len(items))
        for t in range(rows.shape[0]):
            ratio = rows[t, first] - rows[t, second]
            rate += level[:, t] * (np.exp(rows[t, first]) * ratio).sum(axis=1)
        out = np.full(len(items), np.inf)
        np.divide(missing, rate, out=out, where=rate > 1e-9)
        return np.maximum(out, 0.0)


def _shares(evidence: Floats) -> Floats:
    q = np.exp(evidence - evidence.max(axis=(1, 2), keepdims=True))
    return np.asarray(q / q.sum(axis=(1, 2), keepdims=True))
