"""When an item has judgments enough: a rule, and the state it gives each item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from consensus.candidates import Posteriors, best_of
from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints

State = Literal["open", "settled", "disputed"]


@dataclass(frozen=True)
class StoppingRule:
    """`fixed`: n judgments each. `risk`: judge until the risk is at most `max_risk`, at most `max_n` times.

    review_price: what a reviewer's answer costs, in judgments (None: not asked). An item that is expected to need more
    further judgments than that is given up to the reviewers at once.
    """

    rule: Literal["fixed", "risk"]
    n: int = 3
    max_risk: float = 0.01
    max_n: int = 10
    review_price: float | None = None

    def __post_init__(self) -> None:
        if self.rule not in ("fixed", "risk"):
            raise ConsensusError(f"there is no stopping rule {self.rule!r}", "it is fixed or risk", exit_code=2)
        if self.n < 1 or self.max_n < 1:
            raise ConsensusError("a stopping rule needs at least one judgment an item", exit_code=2)
        if not 0.0 <= self.max_risk < 1.0:
            raise ConsensusError(f"max_risk is {self.max_risk}, but a risk is at least 0 and below 1", exit_code=2)
        if self.review_price is not None and not self.review_price > 0:
            raise ConsensusError(
                "review_price must be above 0", "it is what a reviewer costs, in judgments", exit_code=2
            )

    @classmethod
    def from_json(cls, rule: Mapping[str, Any]) -> StoppingRule:
        """From {"rule": "fixed", "n": 3} or {"rule": "risk", "max_risk": 0.01, "max_n": 10}, perhaps `review_price`."""
        allowed = {"fixed": {"n"}, "risk": {"max_risk", "max_n", "review_price"}}.get(str(rule.get("rule")))
        if allowed is None:
            raise ConsensusError(f"there is no stopping rule {rule.get('rule')!r}", "it is fixed or risk", exit_code=2)
        extra = sorted(set(rule) - allowed - {"rule"})
        if extra:
            raise ConsensusError(
                f"the stopping rule {rule['rule']!r} knows no {extra[0]!r}",
                f"it takes {', '.join(sorted(allowed))}",
                exit_code=2,
            )
        try:
            return cls(
                rule=rule["rule"],
                n=int(rule.get("n", 3)),
                max_risk=float(rule.get("max_risk", 0.01)),
                max_n=int(rule.get("max_n", 10)),
                review_price=None if rule.get("review_price") is None else float(rule["review_price"]),
            )
        except (TypeError, ValueError) as error:
            if isinstance(error, ConsensusError):
                raise
            raise ConsensusError(f"the stopping rule holds no number where one belongs: {error}") from error


def states(
    posterior: Posteriors,
    n_judgments: Ints,
    rule: StoppingRule,
    needed: Floats | None = None,
    answered: NDArray[np.bool_] | None = None,
) -> NDArray[np.str_]:
    """The state of each item, an array of "open", "settled" or "disputed".

    posterior: float64 [I, K] or candidates; n_judgments: int64 [I]. Fixed: open below n judgments, then settled, or
    disputed where the two best answers are equally likely. Risk: settled once 1 - the largest posterior is
    at most `max_risk` (and somebody has judged), disputed when `max_n` judgments did not get there, or when more than
    `review_price` further ones would be needed (float64 [I], `Live.needed`; asked from the second judgment on).
    answered: bool [I], by default all; what nobody could answer, so that it has no answer, is never settled.
    """
    top, tied = best_of(posterior)
    if rule.rule == "fixed":
        spent = n_judgments >= rule.n
        settled = spent & ~tied
    else:
        # A bound like 0.01 is met by a posterior of 0.99 also where 1 - 0.99 rounds up.
        settled = (1.0 - top <= rule.max_risk + 1e-12) & (n_judgments > 0)
        spent = n_judgments >= rule.max_n
        if needed is not None and rule.review_price is not None:
            spent |= (needed > rule.review_price) & (n_judgments >= 2)
    if answered is not None:
        settled &= answered
    return np.where(settled, "settled", np.where(spent, "disputed", "open"))
