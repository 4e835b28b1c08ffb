"""How many judgments a target error needs, told from a pilot: its annotators judge simulated items on, one by one.

Annotators are drawn with replacement from the pilot's, each with his fitted confusion pi_j. Items differ in
difficulty d ~ Normal(0, s^2): annotator j is right with probability sigmoid(c logit(a_j) - d), where
c = sqrt(1 + pi s^2 / 8) keeps his accuracy a_j on average (MacKay 1992's probit approximation), and errs as pi_j says.
s is what makes as many simulated items unanimous as the pilot's; with s = 0 people would err independently, and
a plan made so is too hopeful. Labels are the posteriors' best after n judgments each (fixed), or after as many as
bring the risk down to a bound (risk), at most 10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.errors import ConsensusError
from consensus.fit import Result
from consensus.judgments import Floats, Ints, Judgments
from consensus.stopping import StoppingRule

MOST_JUDGMENTS = 15
MOST_BY_RISK = 10
RISKS = (0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
DIFFICULTIES = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
FEWEST_ITEMS = 20
SIMULATED = 4000


@dataclass(frozen=True)
class PlannedRule:
    """A stopping rule with what it is expected to give: judgments an item and the share of wrong labels."""

    rule: StoppingRule
    judgments: float
    error: float


@dataclass(frozen=True)
class Plan:
    """Rules, the cheapest first; difficulty: the spread found in the pilot; scale: what an audit said of the error."""

    rules: tuple[PlannedRule, ...]
    difficulty: float
    scale: float

    def cheapest(self, error: float) -> PlannedRule | None:
        """The first rule that keeps to the error; None where none does."""
        return next((planned for planned in self.rules if planned.error <= error), None)


def plan_judgments(
    result: Result, judgments: Judgments, *, audited: float | None = None, items: int = SIMULATED, seed: int = 0
) -> Plan:
    """From a pilot's fit. audited: the pilot labels' error as an audit told it, which scales all errors.

    Raises ConsensusError where the pilot has fewer than 20 items with two judgments or more.
    """
    judged = judgments.present()
    n = np.bincount(judged.item[judged.answer < judged.n_classes], minlength=judged.n_items)
    several = n >= 2
    if several.sum() < FEWEST_ITEMS:
        raise ConsensusError(
            f"a pilot needs {FEWEST_ITEMS} items with two judgments or more, and this one has {int(several.sum())}",
            "let people judge some items several times first",
        )
    weight = np.bincount(judged.annotator, minlength=judged.n_annotators).astype(np.float64)
    seen = unanimous(judged, several)
    rng = np.random.default_rng(seed)
    like = np.minimum(n[several], MOST_JUDGMENTS)
    simulated = judged_by_confusions if result.shared is None else judged_by_shared_errors
    runs = [_Run(*simulated(result, weight, spread, items, np.random.default_rng(seed))) for spread in DIFFICULTIES]
    shares = [run.unanimous(rng.choice(like, items)) for run in runs]
    best = int(np.abs(np.array(shares) - seen).argmin())
    run = runs[best]
    scale = 1.0
    if audited is not None:
        own = run.error(np.minimum(rng.choice(like, items), MOST_JUDGMENTS))
        scale = audited / max(own, 0.5 / items)
    planned = []
    for k in range(1, MOST_JUDGMENTS + 1):
        planned.append(PlannedRule(StoppingRule("fixed", n=k), float(k), run.error(np.full(items, k))))
    for risk in RISKS:
        stops = run.stops(risk)
        rule = StoppingRule("risk", max_risk=risk, max_n=MOST_BY_RISK)
        planned.append(PlannedRule(rule, float(stops.mean()), run.error(stops)))
    scaled = [PlannedRule(p.rule, p.judgments, float(min(1.0, p.error * scale))) for p in planned]
    return Plan(tuple(sorted(scaled, key=lambda p: (p.judgments, p.error))), DIFFICULTIES[best], scale)


def unanimous(judgments: Judgments, counted: NDArray[np.bool_]) -> float:
    """The share of the counted items (bool [I]) whose judgments of a class are all the same."""
    named = judgments.answer < judgments.n_classes
    low = np.full(judgments.n_items, judgments.n_classes)
    high = np.full(judgments.n_items, -1)
    np.minimum.at(low, judgments.item[named], judgments.answer[named])
    np.maximum.at(high, judgments.item[named], judgments.answer[named])
    return float((low == high)[counted].mean())


@dataclass(frozen=True, eq=False)
class _Run:
    """Simulated judgments of one spread of difficulty, each an array [items, MOST_JUDGMENTS]: the answers, and after
    each of them the risk and whether the best answer is wrong."""

    answer: Ints
    risk: Floats
    wrong: NDArray[np.bool_]

    def error(self, n: Ints) -> float:
        return float(self.wrong[np.arange(len(n)), n - 1].mean())

    def unanimous(self, n: Ints) -> float:
        same = np.minimum.accumulate(self.answer, axis=1) == np.maximum.accumulate(self.answer, axis=1)
        return float(same[np.arange(len(n)), n - 1].mean())

    def stops(self, risk: float) -> Ints:
        low = self.risk[:, :MOST_BY_RISK] <= risk
        low[:, -1] = True
        return low.argmax(axis=1) + 1


Simulated = tuple[Ints, Floats, NDArray[np.bool_]]
"""What `_Run` holds."""


def judged_by_confusions(
    result: Result, weight: Floats, spread: float, items: int, rng: np.random.Generator
) -> Simulated:
    """Annotators drawn by weight, float64 [A], with their fitted confusions."""
    K = result.confusion.shape[1]
    prior = result.class_prior
    # "Unsure" is left out: a judgment here is one that names a class.
    rows = result.confusion[:, :, :K] / result.confusion[:, :, :K].sum(axis=2, keepdims=True)
    truth = rng.choice(K, p=prior / prior.sum(), size=items)
    who = rng.choice(len(weight), p=weight / weight.sum(), size=(items, MOST_JUDGMENTS))
    hard = spread * rng.standard_normal(items)[:, None]
    chance = _right(rows[who, truth[:, None], truth[:, None]], hard, spread)
    errors = rows[who, truth[:, None]]
    np.put_along_axis(errors, truth[:, None, None].repeat(MOST_JUDGMENTS, 1), 0.0, axis=2)
    total = errors.sum(axis=2, keepdims=True)
    errors = np.divide(errors, total, out=np.zeros_like(errors), where=total > 0)
    drawn = rng.random((items, MOST_JUDGMENTS, 1))
    wrong = np.minimum((np.cumsum(errors, axis=2) < drawn).sum(axis=2), K - 1)
    answer = np.where(rng.random((items, MOST_JUDGMENTS)) < chance, truth[:, None], wrong)
    evidence = np.log(rows.clip(1e-12))[who, :, answer]
    logs = np.log(prior) + np.cumsum(evidence, axis=1)
    logs -= logs.max(axis=2, keepdims=True)
    posterior = np.exp(logs) / np.exp(logs).sum(axis=2, keepdims=True)
    return answer, 1.0 - posterior.max(axis=2), posterior.argmax(axis=2) != truth[:, None]


def judged_by_shared_errors(
    result: Result, weight: Floats, spread: float, items: int, rng: np.random.Generator
) -> Simulated:
    """The same with very many classes: a rate each, errors drawn as all make them, and nothing of size K x K.

    Candidates of an item are the answers it got; what lies on classes that nobody named is left out of the risk.
    """
    shared, share = result.shared, result.class_prior
    assert shared is not None
    truth = rng.choice(len(share), p=share / share.sum(), size=items)
    who = rng.choice(len(weight), p=weight / weight.sum(), size=(items, MOST_JUDGMENTS))
    hard = spread * rng.standard_normal(items)[:, None]
    rate = np.clip(shared.right[who], 1e-6, 1.0 - 1e-6)
    right = rng.random((items, MOST_JUDGMENTS)) < _right(rate, hard, spread)
    wrong = shared.drawn(np.repeat(truth, MOST_JUDGMENTS), rng).reshape(items, MOST_JUDGMENTS)
    answer = np.where(right, truth[:, None], wrong)
    # Candidate c of an item is its c-th answer, where no earlier one is the same: there from then on.
    first = (answer[:, :, None] == answer[:, None, :]).argmax(axis=2) == np.arange(MOST_JUDGMENTS)
    logs = np.empty((items, MOST_JUDGMENTS, MOST_JUDGMENTS))
    for c in range(MOST_JUDGMENTS):
        same = answer == answer[:, c : c + 1]
        of = np.repeat(answer[:, c], MOST_JUDGMENTS)
        error = shared.mistaken(of, answer.ravel()).reshape(items, MOST_JUDGMENTS)
        step = np.where(same, np.log(rate), np.log1p(-rate) + np.log(error))
        logs[:, c] = np.log(share[answer[:, c]])[:, None] + np.cumsum(step, axis=1)
        logs[:, c, :c] = -np.inf
    logs[~first] = -np.inf
    logs -= logs.max(axis=1, keepdims=True)
    posterior = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    best = np.take_along_axis(answer, posterior.argmax(axis=1), axis=1)
    return answer, 1.0 - posterior.max(axis=1), best != truth[:, None]


def _right(rate: Floats, hard: Floats, spread: float) -> Floats:
    """How often somebody with this rate is right on items so much harder."""
    inner = np.clip(rate, 1e-6, 1.0 - 1e-6)
    stretch = np.sqrt(1.0 + np.pi * spread * spread / 8.0)
    return np.asarray(1.0 / (1.0 + np.exp(-(stretch * np.log(inner / (1.0 - inner)) - hard))))
