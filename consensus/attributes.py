"""Several attributes of an item, and multi-label as attributes of two classes each: jointly where they correlate.

Each attribute q has been fitted alone, which gives the judgments' evidence L_iq(k) = posterior / prior. The true
values of an item then have a prior in the form of a forest over the attributes (Chow & Liu 1968,
doi:10.1109/TIT.1968.1054142),

    P(z_i) = prod_{roots r} P(z_r) prod_{edges p -> c} P(z_c | z_p),

whose edges are the pairs whose joint table explains the judgments best beyond two tables apart: twice the gain in
log-likelihood, kept where it is above the 99.9 % quantile of chi-square, so that attributes that have nothing to do
with each other stay alone. (Counting posteriors instead would see hardly any dependence where each is unsure.)
Posteriors are exact (Pearl 1988's belief propagation), and P is learned by EM with one more item spread evenly over
each table; the objective never falls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats

SIGNIFICANT = 0.999
EXTRA_ITEMS = 1.0
MOST_FOR_EDGES = 5000
_MOST = 100


@dataclass(frozen=True, eq=False)
class Jointly:
    """posterior: per attribute float64 [I, K_q]; edges (parent, child); objective after each iteration."""

    posterior: tuple[Floats, ...]
    edges: tuple[tuple[int, int], ...]
    objective: tuple[float, ...]


def fit_jointly(
    posteriors: Sequence[Floats], priors: Sequence[Floats], max_iterations: int = _MOST, tolerance: float = 1e-8
) -> Jointly:
    """Posteriors of all attributes together. posteriors: per attribute float64 [I, K_q] of a fit of its own (gold is a
    posterior of 1); priors: float64 [K_q], that fit's `class_prior`. Items without judgments of an attribute, whose
    posterior is the prior, learn of it from the others. Raises ConsensusError where numbers of items differ.
    """
    if len(posteriors) != len(priors) or len({len(p) for p in posteriors}) > 1:
        raise ConsensusError("attributes must have a prior each, and the same items")
    if not posteriors:
        return Jointly((), (), ())
    evidence = [np.maximum(p, 1e-300) / np.maximum(prior, 1e-12) for p, prior in zip(posteriors, priors, strict=True)]
    evidence = [e / e.max(axis=1, keepdims=True) for e in evidence]
    edges = forest(evidence, priors)
    children = {c for _, c in edges}
    roots = [q for q in range(len(posteriors)) if q not in children]
    tables: dict[int, Floats] = {r: np.asarray(priors[r], dtype=np.float64) / np.sum(priors[r]) for r in roots}
    for parent, child in edges:
        pair = posteriors[parent].T @ posteriors[child] + EXTRA_ITEMS / (
            posteriors[parent].shape[1] * posteriors[child].shape[1]
        )
        tables[child] = pair / pair.sum(axis=1, keepdims=True)
    objective: list[float] = []
    found: list[Floats] = []
    for _ in range(max_iterations):
        found, pairs, likelihood = beliefs(evidence, tables, roots, edges)
        spread = sum(float(np.log(np.maximum(t, 1e-300)).mean()) * EXTRA_ITEMS for t in tables.values())
        objective.append(likelihood + spread)
        if len(objective) > 1 and objective[-1] - objective[-2] <= tolerance * max(1, len(evidence[0])):
            break
        for r in roots:
            mass = found[r].sum(axis=0) + EXTRA_ITEMS / found[r].shape[1]
            tables[r] = mass / mass.sum()
        for parent, child in edges:
            pair = pairs[parent, child] + EXTRA_ITEMS / pairs[parent, child].size
            tables[child] = pair / pair.sum(axis=1, keepdims=True)
    return Jointly(tuple(found), tuple(edges), tuple(objective))


def forest(evidence: Sequence[Floats], margins: Sequence[Floats]) -> list[tuple[int, int]]:
    """Edges (parent, child), parents first: the largest significant gains that make no circle."""
    Q, N = len(evidence), len(evidence[0])
    some = np.arange(N) if N <= MOST_FOR_EDGES else np.random.default_rng(0).choice(N, MOST_FOR_EDGES, replace=False)
    ranked = []
    for a in range(Q):
        for b in range(a + 1, Q):
            freedom = (evidence[a].shape[1] - 1) * (evidence[b].shape[1] - 1)
            if freedom:
                gain = pair_gain(evidence[a][some], evidence[b][some], margins[a], margins[b])
                if 2.0 * gain > chi_square_quantile(SIGNIFICANT, freedom):
                    ranked.append((-gain, a, b))
    group = list(range(Q))
    near: dict[int, list[int]] = {q: [] for q in range(Q)}
    for _, a, b in sorted(ranked):
        if group[a] != group[b]:
            near[a].append(b)
            near[b].append(a)
            group = [group[a] if g == group[b] else g for g in group]
    edges, seen = [], set[int]()
    for root in range(Q):
        line = [root] if root not in seen else []
        seen.add(root)
        while line:
            parent = line.pop(0)
            for child in sorted(set(near[parent]) - seen):
                seen.add(child)
                edges.append((parent, child))
                line.append(child)
    return edges


def pair_gain(first: Floats, second: Floats, row: Floats, column: Floats) -> float:
    """How much log-likelihood a joint table of two attributes gains over two tables apart, both by EM."""
    rows, columns = _margin(first, row), _margin(second, column)
    table = np.outer(rows, columns)
    apart = float(np.log(first @ rows).sum() + np.log(second @ columns).sum())
    together = apart
    for _ in range(_MOST):
        chance = np.maximum(((first @ table) * second).sum(axis=1), 1e-300)
        before, together = together, float(np.log(chance).sum())
        if together - before <= 1e-6 and before > apart:
            break
        table = table * (first.T @ (second / chance[:, None]))
        table /= table.sum()
    return together - apart


def _margin(evidence: Floats, start: Floats) -> Floats:
    share = np.asarray(start, dtype=np.float64) / np.sum(start)
    for _ in range(_MOST):
        likely = evidence * share
        share = (likely / np.maximum(likely.sum(axis=1, keepdims=True), 1e-300)).mean(axis=0)
    return share


def beliefs(
    evidence: Sequence[Floats], tables: dict[int, Floats], roots: Sequence[int], edges: Sequence[tuple[int, int]]
) -> tuple[list[Floats], dict[tuple[int, int], Floats], float]:
    """Posteriors per attribute, expected counts of the pairs of each edge, and the log-likelihood of all items."""
    inward = [e.copy() for e in evidence]
    log_scale = np.zeros(len(evidence[0]))
    up: dict[int, Floats] = {}
    for parent, child in reversed(edges):
        message = inward[child] @ tables[child].T
        top = message.max(axis=1, keepdims=True)
        up[child] = message / top
        log_scale += np.log(top[:, 0])
        inward[parent] *= up[child]
    out: list[Floats] = list(inward)
    pairs: dict[tuple[int, int], Floats] = {}
    for root in roots:
        whole = inward[root] * tables[root]
        total = whole.sum(axis=1, keepdims=True)
        log_scale += np.log(total[:, 0])
        out[root] = whole / total
    for parent, child in edges:
        rest = out[parent] / np.maximum(up[child], 1e-300)
        joint = rest[:, :, None] * tables[child][None] * inward[child][:, None, :]
        joint /= joint.sum(axis=(1, 2), keepdims=True)
        out[child] = joint.sum(axis=1)
        pairs[parent, child] = joint.sum(axis=0)
    return out, pairs, float(log_scale.sum())


def chi_square_quantile(p: float, freedom: int) -> float:
    """Wilson and Hilferty's approximation (1931), up to 3 % too high at one degree of freedom."""
    share = 2.0 / (9.0 * freedom)
    return float(freedom * (1.0 - share + NormalDist().inv_cdf(p) * share**0.5) ** 3)
