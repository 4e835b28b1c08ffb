"""MAP Dawid-Skene with priors pooled over all annotators, by expectation-maximisation.

Model (Dawid & Skene 1979, doi:10.2307/2346806): item i has class z_i ~ p, annotator j answers l to an
item of class k with probability pi_j[k, l]. Each row is split in two, because how often somebody errs is
personal while what a class is mistaken for is mostly a matter of the classes:

    r_j[k] over {right, wrong, each answer that is no class},     e_j[k] over the wrong classes,
    pi_j[k, k] = r_j[k, right],   pi_j[k, l] = r_j[k, wrong] e_j[k, l],   pi_j[k, unsure] = r_j[k, unsure].

Annotators are drawn together as in a hierarchical model (compare Paun et al. 2018,
doi:10.1162/tacl_a_00040): r_j[k] is pulled to a row R[k] and e_j[k] to a row E[k] that all share and that are
themselves learned, so an annotator with two judgments is an ordinary one and not a sure one. r_j[k] is also pulled
to a row O_j of the annotator's own, because who is good at one class tends to be good at the others. Maximised,
with judgment weights w, strengths s, o and t (in judgments), anchor weight c (in annotators), d items:

    F = sum_i log sum_k p_k prod_j pi_j[k, a_ij]^w_ij  +  d sum_k log p_k
        - s sum_k ( sum_j KL(R[k] || r_j[k]) + c KL(R[k] || anchor of R[k]) )  -  o sum_jk KL(O_j || r_j[k])
        - t sum_k ( sum_j KL(E[k] || e_j[k]) + c KL(E[k] || anchor of E[k]) )

exp(-s KL(R || r)) is the kernel of a Dirichlet(1 + s R) density, for two answers a Beta. The anchors (right
7 times of 10, errors spread evenly) keep classes from changing names. Every step is an exact maximum:

    E   q_i(k)  ~  p_k prod_j pi_j[k, a_ij]^w_ij
    M   p_k     ~  d + sum_i q_i(k)
        r_j[k]  ~  N_j[k] + s R[k] + o O_j,    e_j[k] ~ N_j[k] + t E[k];    N: expected counts
        R[k]    ~  exp( (sum_j log r_j[k] + c log anchor) / (A + c) ),  the same for E
        O_j     ~  exp( sum_k log r_j[k] / K )

so F never falls. s and o are learned once, from a first look (`consensus.pooling`). Items with gold keep their
class, teach pi, and are left out of p (curators choose them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints, Layout
from consensus.majority import clamp, vote_shares
from consensus.pooling import FEWEST, learned_strengths

ANCHOR_RIGHT = 0.7
ERROR_STRENGTH_PER_CLASS = 2.0
FIRST_LOOK = 10  # iterations, with an own row worth
FIRST_OWN = 3.0  # judgments
LARGEST_CONFUSION = 100_000_000  # numbers; about 2.4 GB with the temporaries


@dataclass(frozen=True)
class Prior:
    """Strengths in judgments a row: of everybody's rates of error and of the annotator's own over all classes (None:
    learned from how much annotators differ, `consensus.pooling`), and of what is mistaken for what (None: 2 per
    class); anchor weight in annotators; class_items are added to each class when its share is learned."""

    strength: float | None = None
    own_strength: float | None = None
    error_strength: float | None = None
    anchor_weight: float = 5.0
    class_items: float = 1.0


DEFAULT_PRIOR = Prior()


@dataclass(frozen=True, eq=False)
class Fitted:
    """posterior [K, I], log_confusion [K, A, L], pooled [K, L], log_prior [K] and the way there."""

    posterior: Floats
    log_confusion: Floats
    pooled: Floats
    log_prior: Floats
    objective: tuple[float, ...]
    converged: bool


def fit_dawid_skene(
    layout: Layout, gold: Ints, prior: Prior = DEFAULT_PRIOR, max_iterations: int = 200, tolerance: float = 1e-7
) -> Fitted:
    """Run EM from the majority vote until F gains less than `tolerance` per judgment.

    gold: int64 [I], -1 where unknown. Raises ConsensusError when the confusions cannot be held.
    """
    K, A, L = layout.n_classes, layout.n_annotators, layout.n_answers
    if K * A * L > LARGEST_CONFUSION:
        raise ConsensusError(
            f"{A} annotators with {K} x {L} confusions do not fit in memory",
            "use the method many-classes",
        )
    if max_iterations < 1:
        raise ConsensusError("at least one iteration is needed", exit_code=2)
    error_strength = ERROR_STRENGTH_PER_CLASS * K if prior.error_strength is None else prior.error_strength
    strengths = (
        FEWEST if prior.strength is None else prior.strength,
        FIRST_OWN if prior.own_strength is None else prior.own_strength,
        error_strength,
    )
    if not min(*strengths, prior.anchor_weight, prior.class_items) > 0:
        raise ConsensusError("the prior's numbers must all be above 0", exit_code=2)
    state = _start(layout, gold)
    if prior.strength is None or prior.own_strength is None:
        # A look at the crowd with weak priors first; what it says about them is then fixed, so that F is one function.
        for _ in range(min(FIRST_LOOK, max_iterations)):
            state = _iterate(layout, gold, prior, strengths, state)
        learned = learned_strengths(split_rows(expected_counts(layout, state.posterior))[0])
        strengths = (prior.strength or learned[0], prior.own_strength or learned[1], error_strength)
    objective: list[float] = []
    converged = False
    enough = tolerance * max(1.0, float(layout.cell_total.sum()))
    for _ in range(max_iterations):
        state = _iterate(layout, gold, prior, strengths, state)
        objective.append(state.objective)
        if len(objective) > 1 and objective[-1] - objective[-2] <= enough:
            converged = True
            break
    pooled = state.pooled
    shared_rows = join_rows(pooled[0], pooled[1], L)[:, 0]
    return Fitted(state.posterior, state.log_confusion, shared_rows, state.log_prior, tuple(objective), converged)


@dataclass(frozen=True, eq=False)
class _State:
    """Between two iterations: posterior [K, I], the rows R and E, the rows O, and what the last iteration made."""

    posterior: Floats
    pooled: list[Floats]
    own: Floats
    log_confusion: Floats
    log_prior: Floats
    objective: float


def _start(layout: Layout, gold: Ints) -> _State:
    anchors = _anchors(layout)
    own = np.repeat(anchors[0].mean(axis=0, keepdims=True), layout.n_annotators, axis=1)
    nothing = np.empty(0)
    return _State(vote_shares(layout, gold), list(anchors), own, nothing, nothing, -np.inf)


def _anchors(layout: Layout) -> list[Floats]:
    return [_normalised(part) for part in split_rows(anchor_rows(layout)[:, None, :])]


def _iterate(layout: Layout, gold: Ints, prior: Prior, strengths: tuple[float, float, float], state: _State) -> _State:
    A, L = layout.n_annotators, layout.n_answers
    anchors = _anchors(layout)
    judged = layout.cell_total.reshape(A, L).sum(axis=1) > 0
    counts = split_rows(expected_counts(layout, state.posterior))
    log_prior = class_prior(layout, state.posterior, gold, prior.class_items)
    pooled, own = state.pooled, state.own
    # Personal and shared rows depend on each other; two rounds cost little beside the sums above.
    for _ in range(2):
        personal = _personal(counts, pooled, own, strengths)
        pooled = [
            _shared(rows[:, judged], anchor, prior.anchor_weight)
            for rows, anchor in zip(personal, anchors, strict=True)
        ]
        own = _own(personal[0])
    personal = _personal(counts, pooled, own, strengths)
    log_confusion = np.log(join_rows(personal[0], personal[1], L))
    posterior, likelihood = expect(layout, log_confusion, log_prior, gold)
    penalty = strengths[1] * _divergence(own[:, judged], personal[0][:, judged])
    for rows, shared, anchor, strength in zip(personal, pooled, anchors, strengths[::2], strict=True):
        away = _divergence(shared, rows[:, judged]) + prior.anchor_weight * _divergence(shared, anchor)
        penalty += strength * away
    objective = likelihood + prior.class_items * float(log_prior.sum()) - penalty
    return _State(posterior, pooled, own, log_confusion, log_prior, objective)


def split_rows(rows: Floats) -> tuple[Floats, Floats]:
    """[K, A, L] counts or probabilities -> (right, wrong, no class) [K, A, 2 + L - K], wrong ones [K, A, K]."""
    K = rows.shape[0]
    wrong = rows[:, :, :K].copy()
    right = wrong[np.arange(K), :, np.arange(K)]
    wrong[np.arange(K), :, np.arange(K)] = 0.0
    kinds = np.concatenate([right[:, :, None], wrong.sum(axis=2, keepdims=True), rows[:, :, K:]], axis=2)
    return kinds, wrong


def join_rows(kinds: Floats, wrong: Floats, n_answers: int) -> Floats:
    """Probabilities [K, A, L] from r and e, the inverse of `split_rows` after normalising."""
    K, A, _ = wrong.shape
    rows = np.empty((K, A, n_answers))
    rows[:, :, :K] = kinds[:, :, 1:2] * wrong
    rows[np.arange(K), :, np.arange(K)] = kinds[:, :, 0]
    rows[:, :, K:] = kinds[:, :, 2:]
    return rows


def anchor_rows(layout: Layout) -> Floats:
    """u, float64 [K, L]: right with ANCHOR_RIGHT; answers that are no class as often as observed."""
    K, L = layout.n_classes, layout.n_answers
    given = layout.cell_total.reshape(-1, L).sum(axis=0)
    other = (given[K:] + 0.5) / (given.sum() + 0.5 * (L - K) + 0.5)
    rows = np.empty((K, L))
    wrong = (1.0 - ANCHOR_RIGHT) / (K - 1) if K > 1 else 0.0
    rows[:, :K] = wrong
    rows[np.arange(K), np.arange(K)] = ANCHOR_RIGHT if K > 1 else 1.0
    rows[:, :K] *= 1.0 - other.sum()
    rows[:, K:] = other
    return rows


def expected_counts(layout: Layout, posterior: Floats) -> Floats:
    """N, float64 [K, A, L]: how often each annotator is expected to have called class k by answer l."""
    K = layout.n_classes
    counts = np.empty((K, layout.n_annotators * layout.n_answers))
    for k in range(K - 1):
        counts[k] = layout.by_cell.sums(posterior[k], layout.scratch)
    # Posteriors sum to 1, so the last class is what the others leave.
    counts[K - 1] = np.maximum(layout.cell_total - counts[: K - 1].sum(axis=0), 0.0)
    return counts.reshape(K, layout.n_annotators, layout.n_answers)


def class_prior(layout: Layout, posterior: Floats, gold: Ints, class_items: float = 1.0) -> Floats:
    """log p, float64 [K], from the items that were judged and are not gold, with `class_items` added a class."""
    counted = np.zeros(layout.n_items)
    counted[layout.by_item.key] = 1.0
    counted[gold >= 0] = 0.0
    mass = class_items + (posterior * counted).sum(axis=1)
    return np.log(mass / mass.sum())


def expect(layout: Layout, log_confusion: Floats, log_prior: Floats, gold: Ints) -> tuple[Floats, float]:
    """The E-step: posterior float64 [K, I] (columns sum to 1) and the judgments' log-likelihood."""
    evidence = log_ratios(layout, log_confusion)
    known = np.flatnonzero(gold >= 0)
    base = float((layout.cell_total * log_confusion[0].ravel()).sum())
    base += float(evidence[gold[known], known].sum())
    evidence += log_prior[:, None]
    top = evidence.max(axis=0)
    evidence -= top
    np.exp(evidence, out=evidence)
    total = evidence.sum(axis=0)
    evidence /= total
    top += np.log(total)
    top[known] = 0.0
    return clamp(evidence, gold), base + float(top.sum())


def log_ratios(layout: Layout, log_confusion: Floats) -> Floats:
    """float64 [K, I]: sum over an item's judgments of log pi[k] - log pi[0]; the first row is 0."""
    K = layout.n_classes
    flat = log_confusion.reshape(K, -1)
    ratios = np.zeros((K, layout.n_items))
    for k in range(1, K):
        ratios[k] = layout.by_item.sums(flat[k] - flat[0], layout.scratch)
    return ratios


def _normalised(rows: Floats) -> Floats:
    total = rows.sum(axis=2, keepdims=True)
    return np.divide(rows, total, out=np.zeros_like(rows), where=total > 0)


def _personal(
    counts: tuple[Floats, Floats], pooled: list[Floats], own: Floats, strengths: tuple[float, float, float]
) -> list[Floats]:
    kinds = counts[0] + strengths[0] * pooled[0] + strengths[1] * own
    return [_normalised(kinds), _normalised(counts[1] + strengths[2] * pooled[1])]


def _own(kinds: Floats) -> Floats:
    # With one class nobody is ever wrong, and that share of 0 has no logarithm.
    possible = kinds.max(axis=(0, 1), initial=0.0) > 0
    logs = np.log(kinds, out=np.zeros_like(kinds), where=np.broadcast_to(possible, kinds.shape))
    return _normalised(np.where(possible, np.exp(logs.mean(axis=0, keepdims=True)), 0.0))


def _shared(rows: Floats, anchor: Floats, anchor_weight: float) -> Floats:
    # What the anchor rules out (being wrong rightly) stays out: its logarithm is never taken.
    possible = anchor > 0
    logs = np.log(rows, out=np.zeros_like(rows), where=np.broadcast_to(possible, rows.shape))
    mean = logs.sum(axis=1, keepdims=True)
    mean += anchor_weight * np.log(anchor, out=np.zeros_like(anchor), where=possible)
    mean /= rows.shape[1] + anchor_weight
    return _normalised(np.where(possible, np.exp(mean), 0.0))


def _divergence(pooled: Floats, rows: Floats) -> float:
    ratio = np.divide(pooled, rows, out=np.ones_like(rows), where=np.broadcast_to(pooled > 0, rows.shape))
    return float((pooled * np.log(ratio)).sum())
