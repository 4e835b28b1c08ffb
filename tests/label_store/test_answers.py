"""Answers: each kind has one shape; whatever else is sent is refused with what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from label_store import AnswerError, as_word, check_answer

CAR = [
    {"name": "type", "choices": ["suv", "van"], "multiple": False},
    {"name": "colour", "choices": ["red", "black", "white"], "multiple": True},
]


@pytest.mark.parametrize(
    "kind, answer, normal",
    [
        ("verify", {"value": "yes"}, {"value": "yes"}),
        ("classify", {"value": "car", "comment": "hm"}, {"value": "car", "comment": "hm"}),
        ("classify", {"value": "none", "comment": ""}, {"value": "none"}),
        (
            "attributes",
            {"values": {"type": "suv", "colour": ["white", "red", "red"]}},
            {"values": {"type": "suv", "colour": ["red", "white"]}},
        ),
        ("attributes", {"values": {"type": "unsure", "colour": []}}, {"values": {"type": "unsure", "colour": []}}),
        ("boxes", {"boxes": []}, {"boxes": []}),
        (
            "boxes",
            {"boxes": [{"category": "car", "x": 0, "y": 1, "w": 10, "h": 4.5}]},
            {"boxes": [{"category": "car", "x": 0.0, "y": 1.0, "w": 10.0, "h": 4.5, "crowd": False}]},
        ),
        ("verify", {"flag": "broken"}, {"flag": "broken"}),
    ],
)
def test_answers_in_their_normal_form(kind, answer, normal):
    assert check_answer(kind, answer, categories=["car"], attributes=CAR, size=(10, 10)) == normal


@pytest.mark.parametrize(
    "kind, answer",
    [
        ("verify", {"value": "maybe"}),
        ("verify", {}),
        ("verify", "yes"),
        ("classify", {"value": "cat"}),
        ("classify", {"value": ["car"]}),
        ("attributes", {"values": {"type": "suv"}}),
        ("attributes", {"values": {"type": "suv", "colour": ["pink"]}}),
        ("attributes", {"values": {"type": "suv", "colour": [], "doors": "4"}}),
        ("boxes", {"boxes": [{"category": "car", "x": 5, "y": 5, "w": 6, "h": 1}]}),
        ("boxes", {"boxes": [{"category": "car", "x": 5, "y": 5, "w": 0, "h": 1}]}),
        ("boxes", {"boxes": [{"category": "car", "x": float("nan"), "y": 5, "w": 1, "h": 1}]}),
        ("boxes", {"boxes": [{"category": "car", "x": True, "y": 5, "w": 1, "h": 1}]}),
        ("polygons", {"shapes": [{"category": "car", "rings": [[[0, 0], [1, 1]]]}]}),
        ("polygons", {"shapes": [{"category": "car", "rings": [[[0, 0], [1, 1], [99, 0]]]}]}),
        ("verify", {"flag": "boring"}),
        ("verify", {"value": "yes", "comment": "x" * 3000}),
        ("verify", {"value": "yes", "comment": "a\x00b"}),
        ("verify", {"value": "yes", "comment": "\ud800"}),
        ("dance", {"value": "yes"}),
    ],
)
def test_what_does_not_fit_is_refused(kind, answer):
    with pytest.raises(AnswerError):
        check_answer(kind, answer, categories=["car"], attributes=CAR, size=(10, 10))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["value", "values", "boxes"]), inner),
)


@given(st.sampled_from(["verify", "classify", "attributes", "boxes", "polygons"]), json_values)
def test_any_json_is_either_an_answer_or_refused_and_checking_twice_changes_nothing(kind, answer):
    try:
        normal = check_answer(kind, answer, categories=["car"], attributes=CAR, size=(10, 10))
    except AnswerError:
        return
    assert check_answer(kind, normal, categories=["car"], attributes=CAR, size=(10, 10)) == normal


def test_exports_write_one_word_where_it_is_one():
    assert as_word({"value": "yes"}) == "yes"
    assert as_word({"boxes": []}) == '{"boxes": []}'
