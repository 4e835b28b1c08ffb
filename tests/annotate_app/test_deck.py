"""The deck: which items come next, kept in memory; a hint that forgets itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from annotate_app.deck import LIVES, MOST, Deck, Decks

AT = datetime(2026, 1, 1, tzinfo=UTC)
ANN, BEA = 1, 2


def deck(*items: int, stays: bool = True) -> Deck:
    made = Deck(AT, stays=stays)
    made.put(items)
    return made


def test_items_come_in_the_order_in_which_they_were_put():
    assert deck(5, 3, 9).hand(ANN, 2) == [5, 3]


def test_a_given_item_keeps_its_place_for_the_next_person_so_that_it_is_finished_early():
    cards = deck(1, 2, 3, 4)
    cards.gave(ANN, [1, 2])
    assert cards.hand(ANN, 9) == [3, 4]
    assert cards.hand(BEA, 2) == [1, 2]


def test_or_goes_behind_all_others_where_all_are_to_be_begun():
    cards = deck(1, 2, 3, 4, stays=False)
    cards.gave(ANN, [1, 2])
    assert cards.hand(BEA, 9) == [3, 4, 1, 2]


def test_what_is_spent_is_for_nobody_and_what_a_person_knows_is_for_others_only():
    cards = deck(1, 2, 3)
    cards.spend([1])
    cards.knows(ANN, [2])
    assert cards.hand(ANN, 9) == [3]
    assert cards.hand(BEA, 9) == [2, 3]
    assert cards.hand(BEA, 9, besides={2}) == [3]


@given(st.lists(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.integers(0, 60))
def test_nobody_is_handed_an_item_twice_or_one_that_is_not_for_them(items, known, spent, number):
    cards = deck(*items)
    cards.knows(ANN, known)
    cards.spend(spent)
    handed = cards.hand(ANN, number)
    assert len(handed) == len(set(handed)) == min(number, len(set(items) - known - spent))
    assert set(handed) <= set(items) - known - spent


def test_a_deck_does_not_grow_without_end():
    cards = deck(*range(MOST + 500))
    assert len(cards.hand(ANN, MOST + 500)) == MOST


def test_a_deck_is_made_anew_when_it_is_old_or_the_clock_went_back():
    decks = Decks()
    first = decks.of(1, None, AT, stays=True)
    assert decks.of(1, None, AT + LIVES / 2, stays=True) is first
    assert decks.of(1, 7, AT, stays=True) is not first
    assert decks.of(1, None, AT + LIVES, stays=True) is not first
    assert decks.of(1, None, AT - timedelta(hours=1), stays=True) is not first


def test_who_waited_for_a_turn_takes_the_deck_that_others_made_meanwhile():
    decks = Decks()
    newer = decks.of(1, None, AT, stays=True)
    assert decks.of(1, None, AT - timedelta(seconds=30), stays=True) is newer
    assert decks.of(1, None, AT + LIVES / 2, stays=True) is newer


def test_a_slow_search_in_vain_is_remembered_and_a_quick_one_is_not():
    decks = Decks()
    decks.rest(1, ANN, None, "done", searched=0.01)
    assert decks.told(1, ANN, None) is None
    decks.rest(1, ANN, None, "done", searched=30)
    assert decks.told(1, ANN, None) == "done"
    assert decks.told(1, BEA, None) is None
