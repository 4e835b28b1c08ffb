import numpy as np
import pytest

from consensus import ConsensusError, StoppingRule, states

POSTERIOR = np.array([[0.99, 0.01], [0.5, 0.5], [0.98, 0.02], [1.0, 0.0]])


def test_fixed_settles_at_n_and_disputes_ties():
    rule = StoppingRule.from_json({"rule": "fixed", "n": 3})
    assert states(POSTERIOR, np.array([3, 3, 2, 4]), rule).tolist() == ["settled", "disputed", "open", "settled"]


def test_risk_settles_at_the_bound_and_gives_up_at_max_n():
    rule = StoppingRule.from_json({"rule": "risk", "max_risk": 0.01, "max_n": 10})
    assert states(POSTERIOR, np.array([2, 10, 9, 0]), rule).tolist() == ["settled", "disputed", "open", "open"]


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "hope"},
        {},
        {"rule": "fixed", "n": 0},
        {"rule": "fixed", "n": "many"},
        {"rule": "fixed", "max_risk": 0.1},
        {"rule": "risk", "max_risk": 1.0},
        {"rule": "risk", "max_n": 0},
    ],
)
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(ConsensusError):
        StoppingRule.from_json(rule)


def test_no_items_have_no_states():
    assert states(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), StoppingRule("fixed")).tolist() == []
