import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError, fit
from consensus.simulate import Annotator, Items, honest_crowd, simulate, with_planted


def accuracy_of(made, annotator):
    judged = made.judgments
    mine = judged.annotator == annotator
    return float((judged.answer[mine] == made.truth[judged.item[mine]]).mean())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 5), st.data())
def test_everybody_judges_what_was_asked_and_the_seed_decides_all(A, n, K, data):
    kinds = st.sampled_from(["honest", "random", "constant"])
    crowd = [Annotator(data.draw(kinds), unsure=0.1, bias=0.3, fatigue=0.5) for _ in range(A)]
    if A > 1:
        crowd[-1] = Annotator("copying", copies=0, shared=0.5)
    items = Items(n, K, difficulty=1.0, decoy=0.4)
    how = (
        {"per_item": data.draw(st.integers(0, A))}
        if data.draw(st.booleans())
        else {"each": data.draw(st.integers(0, n))}
    )
    made, again = simulate(crowd, items, seed=3, **how), simulate(crowd, items, seed=3, **how)
    for name in ("truth", "decoy", "difficulty", "seconds", "moment"):
        np.testing.assert_array_equal(getattr(made, name), getattr(again, name))
    np.testing.assert_array_equal(made.judgments.answer, again.judgments.answer)
    pairs = set(zip(made.judgments.item.tolist(), made.judgments.annotator.tolist(), strict=True))
    assert len(pairs) == len(made.judgments)  # nobody judges an item twice
    if "per_item" in how:
        assert len(pairs) == n * how["per_item"]
    elif A == 1 or 2 * how["each"] <= n:
        assert np.bincount(made.judgments.annotator, minlength=A).tolist() == [how["each"]] * A
    assert (made.seconds > 0).all()
    assert np.isfinite(made.moment).all()
    assert K == 1 or (made.decoy != made.truth).all()


def test_honest_people_are_as_often_right_as_they_are_good_and_err_by_habit_and_decoy():
    crowd = [Annotator(accuracy=0.8), Annotator(accuracy=0.6, habit=2, bias=0.5), Annotator(accuracy=0.7)]
    made = simulate(crowd, Items(20_000, 5), per_item=3)
    assert accuracy_of(made, 0) == pytest.approx(0.8, abs=0.01)
    judged = made.judgments
    wrong = (judged.annotator == 1) & (judged.answer != made.truth[judged.item])
    # Half of the errors go to the habit, and of the rest a quarter where it is wrong.
    expected = 0.8 * (0.5 + 0.5 / 4) / (0.8 + 0.2)
    assert (judged.answer[wrong] == 2).mean() == pytest.approx(expected, abs=0.02)
    misled = simulate(crowd, Items(20_000, 5, decoy=0.8), per_item=3)
    judged = misled.judgments
    wrong = (judged.annotator == 0) & (judged.answer != misled.truth[judged.item])
    assert (judged.answer[wrong] == misled.decoy[judged.item[wrong]]).mean() == pytest.approx(0.8 + 0.05, abs=0.02)


def test_hard_items_are_failed_together_and_tired_people_fail_later():
    made = simulate([Annotator(accuracy=0.8)] * 2, Items(20_000, 2, difficulty=2.0), per_item=2)
    wrong = (made.judgments.answer != made.truth[made.judgments.item]).astype(float)
    table = np.zeros((20_000, 2))
    table[made.judgments.item, made.judgments.annotator] = wrong
    assert np.corrcoef(table.T)[0, 1] > 0.2
    tired = simulate([Annotator(accuracy=0.95, fatigue=1.0)], Items(400, 2), each=400)
    right = tired.judgments.answer == tired.truth[tired.judgments.item]
    order = np.argsort(tired.moment)
    assert right[order][:100].mean() > right[order][-100:].mean() + 0.2


def test_those_who_do_not_look_and_those_who_copy():
    crowd = [
        Annotator(accuracy=0.7),
        Annotator("random"),
        Annotator("constant", habit=1),
        Annotator("copying", copies=0),
    ]
    made = simulate(crowd, Items(2000, 4), per_item=4)
    answers = np.zeros((2000, 4), dtype=int)
    answers[made.judgments.item, made.judgments.annotator] = made.judgments.answer
    assert (answers[:, 1] == made.truth).mean() == pytest.approx(0.25, abs=0.04)
    assert (answers[:, 2] == 1).all()
    assert (answers[:, 3] == answers[:, 0]).mean() > 0.95
    moments = np.zeros((2000, 4))
    moments[made.judgments.item, made.judgments.annotator] = made.moment
    assert (moments[:, 3] > moments[:, 0]).all()


def test_planted_annotators_replace_the_last_and_consensus_reads_the_crowd():
    for kind in ("random", "constant", "copying", "fast"):
        crowd = with_planted(honest_crowd(20), kind, 4)
        assert len(crowd) == 20
        assert crowd[:16] == honest_crowd(20)[:16]
        made = simulate(crowd, Items(300, 3), each=75)
        assert (fit(made.judgments).answer == made.truth).mean() > 0.9


@pytest.mark.parametrize(
    "bad",
    [
        lambda: simulate([], Items(3), per_item=0),
        lambda: simulate([Annotator()], Items(3), per_item=2),
        lambda: simulate([Annotator()], Items(3), each=4),
        lambda: simulate([Annotator()], Items(3), each=1, per_item=1),
        lambda: simulate([Annotator("copying")], Items(3), each=1),
        lambda: simulate([Annotator("robot")], Items(3), each=1),
        lambda: simulate([Annotator(habit=5)], Items(3), each=1),
        lambda: simulate([Annotator()], Items(3, 2, shares=[1.0]), each=1),
        lambda: with_planted([Annotator()], "random", 1),
        lambda: with_planted([Annotator()] * 2, "lazy", 1),
    ],
    ids=["nobody", "too few", "too many items", "both", "copies nobody", "kind", "habit", "shares", "all bad", "lazy"],
)
def test_what_cannot_be_simulated_is_a_sentence(bad):
    with pytest.raises(ConsensusError):
        bad()
