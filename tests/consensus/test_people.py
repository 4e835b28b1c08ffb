"""What is computed about people agrees with plain loops over their judgments."""

import numpy as np
import pytest

from consensus import fit, skill
from consensus.copying import agreement_expected, judgment_pairs
from consensus.pooling import learned_strengths
from tests.consensus import plain_people
from tests.consensus.crowds import campaign


@pytest.fixture(scope="module", params=[2, 4], ids=["two classes", "four classes"])
def crowd(request):
    judged, truth = campaign(
        np.random.default_rng(request.param),
        [0.95, 0.8, 0.7, 0.5, 0.9],
        n_items=60,
        per_item=3,
        n_classes=request.param,
        random=(3,),
        unsure=0.1,
    )
    return judged, fit(judged, gold={0: int(truth[0]), 1: int(truth[1])})


def test_skills_are_the_plain_ones_to_1e_9(crowd):
    judged, result = crowd
    found = skill(result, judged)
    for j in range(5):
        t, z, n = plain_people.skill(result, judged, j)
        assert found.compared[j] == n
        assert found.skill[j] == pytest.approx(t, rel=1e-9, abs=1e-9)
        assert found.z_from_zero[j] == pytest.approx(z, rel=1e-9, abs=1e-9)


def test_expected_agreements_are_the_plain_ones_to_1e_9(crowd):
    judged, result = crowd
    one, other = judgment_pairs(judged)
    found = agreement_expected(result, judged, one, other)
    for p, m, n in zip(found[::7], one[::7], other[::7], strict=True):
        assert p == pytest.approx(plain_people.agreement(result, judged, m, n), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_learned_strengths_are_the_plain_ones_to_1e_9(seed):
    rng = np.random.default_rng(seed)
    kinds = rng.gamma(1.0, 4.0, (int(rng.integers(1, 5)), int(rng.integers(2, 9)), 3))
    kinds[:, 0] *= seed % 2  # somebody without judgments
    assert learned_strengths(kinds) == pytest.approx(plain_people.learned_strengths(kinds.tolist()), rel=1e-9)
