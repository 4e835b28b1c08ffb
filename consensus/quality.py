"""How often each annotator is right, with a 95 % credible interval.

An annotator's number of right answers is not known but expected: c = sum of posteriors of the answers
given, with variance v = sum q (1 - q). The accuracy's posterior is the Beta whose mean and variance are
those of Beta(prior + right, prior + wrong) with the uncertainty about the truth, v / n^2, added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consensus.beta import beta_quantiles
from consensus.candidates import Posteriors, probability_of
from consensus.judgments import Floats, Ints, Layout

PRIOR_STRENGTH = 2.0  # judgments' worth of the whole crowd's accuracy that everybody starts with


@dataclass(frozen=True, eq=False)
class AnnotatorQuality:
    """Arrays over annotators.

    n: int64 [A], all their judgments. accuracy, low, high: float64 [A], the share of right answers among
    those that name a class ("unsure" is neither right nor wrong), and its 95 % credible interval.
    """

    n: Ints
    accuracy: Floats
    low: Floats
    high: Floats


def annotator_quality(layout: Layout, posterior: Posteriors) -> AnnotatorQuality:
    """From judgments and posteriors float64 [I, K]. Who gave no answer has the crowd's accuracy, wide.

    Weights do not matter here, beyond that a judgment of weight 0 is absent.
    """
    n_annotators = layout.n_annotators
    who, answer = np.divmod(layout.by_cell.keys(), max(layout.n_answers, 1))
    n = np.bincount(who, minlength=n_annotators).astype(np.int64)
    named = answer < layout.n_classes
    who, answer, item = who[named], answer[named], layout.by_cell.take[named]
    right = probability_of(posterior, item, answer)
    answered = np.bincount(who, minlength=n_annotators).astype(np.float64)
    expected = np.bincount(who, weights=right, minlength=n_annotators)
    doubt = np.bincount(who, weights=right * (1.0 - right), minlength=n_annotators)
    crowd = (expected.sum() + 1.0) / (answered.sum() + 2.0)
    strength = answered + PRIOR_STRENGTH
    accuracy = (expected + PRIOR_STRENGTH * crowd) / strength
    variance = accuracy * (1.0 - accuracy) / (strength + 1.0) + doubt / strength**2
    size = np.maximum(accuracy * (1.0 - accuracy) / variance - 1.0, 1e-3)
    low, high = beta_quantiles(accuracy * size, (1.0 - accuracy) * size, (0.025, 0.975))
    return AnnotatorQuality(n, accuracy, np.minimum(low, accuracy), np.maximum(high, accuracy))
