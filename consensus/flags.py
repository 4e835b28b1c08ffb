"""What is suspicious about annotators: each test's findings, and how much their judgments then weigh.

Each flag has at most 1 % false alarms under its own test's null hypothesis, told in the module of the test.
Nobody is removed: judgments are first weighted down, then shown to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from consensus.candidates import Candidates
from consensus.coarse import groups_of, in_groups
from consensus.copying import copied_pairs
from consensus.errors import ConsensusError
from consensus.fit import Result, fit
from consensus.judgments import Floats, Ints, Judgments
from consensus.pace import drifting, later_half, too_fast
from consensus.skill import suspicion

FLAGS = ("random", "constant", "contrary", "copying", "drifting", "fast")
_LIGHTER = frozenset(FLAGS) - {"contrary"}
"""Flags by which judgments weigh less. Who says the opposite is read backwards: his answers are worth as much."""
_WHY = {
    "constant": "nine of ten answers are the same",
    "random": "the answers do not follow the others'",
    "contrary": "the answers go against the others'",
}
WEIGHT_OF_REPEATED = 0.1
WEIGHT_OF_UNINFORMATIVE = 0.1
WEIGHT_OF_FAST = 0.5
WEIGHT_AFTER_DRIFT = 0.5
LOOKS = 2


@dataclass(frozen=True)
class Finding:
    """One annotator, what was found, whom he copied (None otherwise), and the finding as a sentence's end."""

    annotator: int
    flag: str
    partner: int | None
    why: str


def findings(
    result: Result, judgments: Judgments, *, seconds: Floats | None = None, moment: Floats | None = None
) -> list[Finding]:
    """All that the tests find. seconds and moment: float64 [M], time in view and when, where they are known.

    Of two who copy, the one who answered later is named; without moments both are.
    Without times nobody is drifting or fast. Very many classes are joined into groups (`consensus.coarse`).
    """
    for name, times in (("seconds", seconds), ("moment", moment)):
        if times is not None and np.shape(times) != judgments.item.shape:
            raise ConsensusError(f"{name} must have one number per judgment", exit_code=2)
    if isinstance(result.posterior, Candidates):
        result, judgments = _in_groups(result, judgments)
    out = []
    for j, flag in enumerate(suspicion(result, judgments)):
        if flag:
            out.append(Finding(j, flag, None, _WHY[flag]))
    careless = {finding.annotator for finding in out if finding.flag in _LIGHTER}
    for pair in copied_pairs(result, judgments, moment):
        for copier, source in ((pair.first, pair.second), (pair.second, pair.first)):
            # Two who always give the same one answer agree by themselves.
            if (pair.later is None or pair.later == copier) and copier not in careless:
                why = f"agrees in {pair.agreed} of {pair.shared} items with one other"
                out.append(Finding(copier, "copying", source, why))
    if moment is not None:
        out += [Finding(j, "drifting", None, "gets worse with time") for j in drifting(result, judgments, moment)]
    if seconds is not None:
        out += [Finding(j, "fast", None, "much faster than the others") for j in too_fast(judgments, seconds)]
    return out


@dataclass(frozen=True, eq=False)
class WeightedDown:
    """A fit in which suspicious annotators weigh less: the result, the judgments with their weights, and why."""

    result: Result
    judgments: Judgments
    found: tuple[Finding, ...]


def fit_weighted_down(
    judgments: Judgments,
    gold: Mapping[int, int] | None = None,
    *,
    parents: Ints | None = None,
    seconds: Floats | None = None,
    moment: Floats | None = None,
) -> WeightedDown:
    """Fit by the default method, look for suspicious annotators, and fit again with their judgments weighing less.

    Where nobody is suspicious it is the first fit. Else it is looked a second time, by the second fit: a first one that
    many misled may accuse the wrong people, whom the second clears (on simulated crowds of which two fifths guess or
    always say one thing, one in eight was worse off after one look, none after two). Deterministic: the same judgments
    in any order give the same bits.
    """
    first = fit(judgments, gold=gold, parents=parents)
    result, lighter, found = first, judgments, tuple[Finding, ...]()
    for _ in range(LOOKS):
        seen = tuple(findings(result, judgments, seconds=seconds, moment=moment))
        if seen == found:
            break
        found = seen
        if not any(finding.flag in _LIGHTER for finding in found):
            result, lighter = first, judgments
            break
        lighter = weighted_down(judgments, found, moment=moment)
        result = fit(lighter, gold=gold, parents=parents)
    return WeightedDown(result, lighter, found)


def _in_groups(result: Result, judgments: Judgments) -> tuple[Result, Judgments]:
    group = groups_of(judgments)
    gold = {int(i): int(group[result.gold[i]]) for i in np.flatnonzero(result.gold >= 0)}
    joined = in_groups(judgments, group)
    return fit(joined, gold=gold), joined


def flags(
    result: Result, judgments: Judgments, *, seconds: Floats | None = None, moment: Floats | None = None
) -> list[set[str]]:
    """For each annotator the flags that apply, empty for the ordinary."""
    out: list[set[str]] = [set() for _ in range(judgments.n_annotators)]
    for finding in findings(result, judgments, seconds=seconds, moment=moment):
        out[finding.annotator].add(finding.flag)
    return out


def weighted_down(judgments: Judgments, found: Iterable[Finding], *, moment: Floats | None = None) -> Judgments:
    """The same judgments, those of suspicious annotators weighing less, for another fit.

    A copied answer weighs a tenth (what the copier answers otherwise weighs all), random and constant ones a tenth,
    too fast ones half, and half after the first half of somebody who drifts.
    """
    weight = np.ones(len(judgments)) if judgments.weight is None else judgments.weight.copy()
    for finding in found:
        mine = judgments.annotator == finding.annotator
        if finding.flag == "copying" and finding.partner is not None:
            told = np.full(judgments.n_items, -1, dtype=np.int64)
            theirs = judgments.annotator == finding.partner
            told[judgments.item[theirs]] = judgments.answer[theirs]
            weight[mine & (told[judgments.item] == judgments.answer)] *= WEIGHT_OF_REPEATED
        elif finding.flag in ("random", "constant"):
            weight[mine] *= WEIGHT_OF_UNINFORMATIVE
        elif finding.flag == "fast":
            weight[mine] *= WEIGHT_OF_FAST
        elif finding.flag == "drifting" and moment is not None:
            weight[later_half(judgments, moment, finding.annotator)] *= WEIGHT_AFTER_DRIFT
    return replace(judgments, weight=weight)
