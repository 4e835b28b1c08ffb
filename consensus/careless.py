"""How likely each annotator is one who does not look at the items: two kinds of people, and the skills of the others.

An annotator of skill t gives the right answer with probability t and otherwise guesses without looking (the model of
MACE, Hovy et al. 2013, aclanthology.org/N13-1132); q_i is the posterior of item i from everybody else, q its mean over
his items, s_j the shares of his answers, and g_jt ~ max(s_j - t q, 0) what he guesses:

    L_j(t) = prod_i ( t q_i(a_ij) + (1 - t) g_jt(a_ij) )

A share f of the crowd does not look (t = 0), the skills of the others are Beta with mean m and certainty c:

    P(careless | j) = f L_j(0) / ( f L_j(0) + (1 - f) int L_j(t) Beta(t; m c, (1 - m) c) dt )

f is fitted by EM for each m and c of a grid, with one careless and 19 careful people added, and the posteriors are
averaged over the grid by their likelihoods: with a few dozen people m and c are not known exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from consensus.judgments import Floats, Ints

LEVELS = np.concatenate([[0.0], np.linspace(0.02, 0.98, 33)])
MEANS = np.linspace(0.05, 0.95, 31)
CERTAINTIES = np.geomspace(2.5, 60.0, 12)
CARELESS_BEFOREHAND, CAREFUL_BEFOREHAND = 1.0, 19.0  # annotators
MOST = 2_000  # annotators from whom f, m and c are learned, evenly taken
_LEAST_GUESS = 1e-3
_ROUNDS = 40


def log_likelihoods(who: Ints, answer: Ints, own: Floats, share: Floats, mean: Floats) -> Floats:
    """log L_j(t), float64 [A, T], at each of LEVELS.

    Per judgment who, answer: int64 [M], own: q_i(a_ij), float64 [M]. Per annotator share, mean: s, q, float64 [A, K].
    """
    out = np.empty((len(share), len(LEVELS)))
    for column, level in enumerate(LEVELS.tolist()):
        guess = np.maximum(share - level * mean, _LEAST_GUESS)
        guess /= guess.sum(axis=1, keepdims=True)
        chance = level * own + (1.0 - level) * guess[who, answer]
        out[:, column] = np.bincount(who, weights=np.log(chance), minlength=len(share))
    return out


def carelessness(log_likelihood: Floats, counted: NDArray[np.bool_]) -> tuple[Floats, float, float]:
    """(P(careless) float64 [A], the mean m of the skills of those who look, their deviation) from float64 [A, T].

    counted: bool [A], of whom f, m and c are learned; of all where that would be fewer than half.
    """
    mean, certainty, skills = _priors()
    if not len(log_likelihood):
        return np.zeros(0), 0.0, 0.0
    learned = log_likelihood[counted] if 2 * counted.sum() >= len(counted) else log_likelihood
    careless, careful = _likelihoods(learned[:: -(-len(learned) // MOST)], skills)
    share = np.full(len(mean), CARELESS_BEFOREHAND / (CARELESS_BEFOREHAND + CAREFUL_BEFOREHAND))
    people = len(careless) + CARELESS_BEFOREHAND + CAREFUL_BEFOREHAND
    for _ in range(_ROUNDS):
        each = share * careless / (share * careless + (1.0 - share) * careful)
        share = (each.sum(axis=0) + CARELESS_BEFOREHAND) / people
    fit = np.log(share * careless + (1.0 - share) * careful).sum(axis=0)
    fit += CARELESS_BEFOREHAND * np.log(share) + CAREFUL_BEFOREHAND * np.log1p(-share)
    weight = np.exp(fit - fit.max())
    weight /= weight.sum()
    told = np.empty(len(log_likelihood))
    for start in range(0, len(told), MOST):
        part = slice(start, start + MOST)
        careless, careful = _likelihoods(log_likelihood[part], skills)
        told[part] = (share * careless / (share * careless + (1.0 - share) * careful)) @ weight
    return told, float(mean @ weight), float(np.sqrt(mean * (1.0 - mean) / (certainty + 1.0)) @ weight)


def _likelihoods(log_likelihood: Floats, skills: Floats) -> tuple[Floats, Floats]:
    """Of not looking, [A, 1], and of looking under each prior, [A, P]; up to a factor an annotator."""
    likely = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    return likely[:, :1], np.maximum(likely[:, 1:] @ skills.T, 1e-300)


def _priors() -> tuple[Floats, Floats, Floats]:
    """m and c, float64 [P], of Betas with one peak above 0, and each as shares of LEVELS but the first, [P, T - 1]."""
    mean, certainty = (grid.ravel() for grid in np.meshgrid(MEANS, CERTAINTIES))
    a, b = mean * certainty, (1.0 - mean) * certainty
    kept = (a >= 1.0) & (b >= 0.3)
    mean, certainty, a, b = mean[kept], certainty[kept], a[kept], b[kept]
    levels = LEVELS[1:]
    logs = (a - 1.0)[:, None] * np.log(levels) + (b - 1.0)[:, None] * np.log1p(-levels)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    return mean, certainty, shares / shares.sum(axis=1, keepdims=True)
