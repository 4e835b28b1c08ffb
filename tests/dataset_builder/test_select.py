"""What becomes a label, and the reason for everything that does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder import Recipe
from dataset_builder.recipe import recipe_from
from dataset_builder.select import REASONS, Chosen, Dropped, select, soft_labels
from dataset_builder.store import Answered, Picture, Provenance

CATEGORIES = ("car", "bus", "van")
NUMBER = {slug: label for label, slug in enumerate(CATEGORIES)}
FREE = (Provenance("https://a.example/1.jpg", license="CC0-1.0"),)


def verify(category: str, value: str, p_yes: float, state: str = "settled", campaign: str = "v") -> Answered:
    return Answered(campaign, "verify", category, state, {"value": value}, {"yes": p_yes, "no": 1 - p_yes}, 3)


def classify(value: str, posterior: dict[str, float], state: str = "settled", campaign: str = "c") -> Answered:
    return Answered(campaign, "classify", None, state, {"value": value}, posterior, 5)


def verdict(*answers: Answered, recipe: Recipe | None = None, **facts: object) -> Chosen | Dropped:
    values: dict[str, object] = {"width": 100, "height": 80, "bytes": 1000, "provenances": FREE} | facts
    picture = Picture("a" * 64, answers=answers, **values)  # type: ignore[arg-type]
    chosen, dropped = select([picture], recipe or Recipe(), CATEGORIES)
    return (*chosen, *dropped)[0]


def chosen(*answers: Answered, **more: object) -> Chosen:
    found = verdict(*answers, **more)  # type: ignore[arg-type]
    assert isinstance(found, Chosen), found
    return found


def reason(*answers: Answered, **more: object) -> str:
    found = verdict(*answers, **more)  # type: ignore[arg-type]
    assert isinstance(found, Dropped), found
    assert found.reason in REASONS
    return found.reason


def test_verify_gives_the_settled_yes_and_soft_labels_of_everything_asked() -> None:
    found = chosen(verify("car", "yes", 0.9), verify("bus", "no", 0.1))
    assert (found.label, found.category, found.posterior) == (0, "car", 0.9)
    assert found.soft == ((0, 0.9), (1, 0.1))
    assert found.n_judgments == 3


def test_classify_names_the_category_directly_with_its_posterior_over_the_released_ones() -> None:
    found = chosen(classify("bus", {"bus": 0.6, "car": 0.2, "none": 0.2}))
    assert (found.label, found.posterior) == (1, 0.6)
    assert found.soft == ((1, 0.75), (0, 0.25))


def test_two_settled_categories_are_disputed_unless_the_recipe_allows_several() -> None:
    answers = (verify("car", "yes", 0.9), verify("van", "yes", 0.97))
    assert reason(*answers) == "disputed"
    several = chosen(*answers, recipe=recipe_from({"multi_label": True}))
    assert (several.category, several.posterior) == ("van", 0.97)


def test_campaigns_that_agree_are_one_label_and_campaigns_that_contradict_are_disputed() -> None:
    assert chosen(verify("car", "yes", 0.9), classify("car", {"car": 0.99, "bus": 0.01})).posterior == 0.99
    assert reason(verify("car", "yes", 0.9), classify("bus", {"bus": 0.99})) == "disputed"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((), "unsettled"),
        ((verify("car", "yes", 0.6, "open"),), "unsettled"),
        ((verify("car", "no", 0.1), verify("bus", "yes", 0.5, "open")), "unsettled"),
        ((verify("car", "yes", 0.5, "disputed"),), "disputed"),
        ((verify("car", "unsure", 0.5), verify("bus", "no", 0.02)), "low_posterior"),
        ((verify("car", "no", 0.1), verify("bus", "no", 0.02)), "category"),
        ((classify("none", {"none": 0.98, "car": 0.02}),), "category"),
        ((classify("lorry", {"lorry": 0.98, "car": 0.02}),), "category"),
    ],
)
def test_a_picture_without_a_settled_category_says_why(answers: tuple[Answered, ...], expected: str) -> None:
    assert reason(*answers) == expected


def test_an_open_second_question_does_not_hold_back_a_settled_yes() -> None:
    assert chosen(verify("car", "yes", 0.9), verify("bus", "yes", 0.5, "open")).category == "car"


def test_each_rule_of_the_recipe_leaves_out_with_its_own_reason() -> None:
    yes = verify("car", "yes", 0.9)
    assert reason(yes, recipe=recipe_from({"min_posterior": 0.95})) == "low_posterior"
    assert reason(yes, recipe=recipe_from({"licenses": ["CC-BY-4.0"]})) == "license"
    assert reason(yes, recipe=recipe_from({"min_side": 81})) == "too_small"
    assert chosen(yes, recipe=recipe_from({"min_side": 80})).label == 0
    assert reason(yes, recipe=recipe_from({"max_aspect": 1.2})) == "aspect"
    assert chosen(yes, recipe=recipe_from({"max_aspect": 1.25})).label == 0
    assert reason(yes, taken_down="taken down on 2026-01-01") == "takedown"


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ([], True),
        (["type"], True),
        (["type=suv"], True),
        (["type=van", "type=suv"], True),
        (["colour=red", "type=suv"], True),
        (["type=van"], False),
        (["doors"], False),
        (["type=suv", "colour=blue"], False),
    ],
    ids=lambda value: "+".join(value) or "none" if isinstance(value, list) else str(value),
)
def test_wanted_attributes_are_met_by_name_or_by_any_value_of_a_name(wanted: list[str], taken: bool) -> None:
    values = {"type": "suv", "colour": ["red", "black"]}
    asked = (verify("car", "yes", 0.9), Answered("a", "attributes", "car", "settled", {"values": values}, {}, 3))
    recipe = recipe_from({"attributes": wanted})
    assert isinstance(verdict(*asked, recipe=recipe), Chosen) == taken
    if not taken:
        assert reason(*asked, recipe=recipe) == "attributes"


@pytest.mark.parametrize(
    ("answers", "soft"),
    [
        ((verify("car", "unsure", 0.5),), ((0, 1.0),)),
        ((verify("car", "yes", 0.9),), ((0, 1.0),)),
        ((verify("car", "yes", 0.6, "disputed"), verify("bus", "yes", 0.2, "disputed")), ((0, 0.75), (1, 0.25))),
        ((verify("car", "yes", 0.99), verify("van", "yes", 0.99)), ((0, 0.5), (2, 0.5))),
        ((classify("unsure", {"car": 0.3, "bus": 0.3, "unsure": 0.4}),), ((0, 0.5), (1, 0.5))),
    ],
    ids=["settled unsure", "less sure than wanted", "disputed", "two categories", "classified unsure"],
)
def test_what_people_could_not_tell_is_kept_apart_without_a_label_if_wanted(
    answers: tuple[Answered, ...], soft: tuple[tuple[int, float], ...]
) -> None:
    recipe = recipe_from({"min_posterior": 0.95, "splits": {"unsure": True}})
    found = chosen(*answers, recipe=recipe)
    assert (found.unsure, found.label, found.category, found.posterior) == (True, -1, None, 0.0)
    assert found.soft == soft
    assert reason(*answers, recipe=recipe_from({"min_posterior": 0.95})) in ("low_posterior", "disputed")


def test_what_people_were_sure_of_or_have_not_judged_is_not_unsure() -> None:
    recipe = recipe_from({"splits": {"unsure": True}})
    assert not chosen(verify("car", "yes", 0.9), recipe=recipe).unsure
    assert reason(verify("car", "no", 0.02), recipe=recipe) == "category"
    assert reason(verify("car", "yes", 0.5, "open"), recipe=recipe) == "unsettled"
    assert reason(verify("car", "unsure", 0.5), recipe=recipe, taken_down="gone") == "takedown"


def test_of_several_origins_the_first_under_an_allowed_licence_is_named() -> None:
    origins = (Provenance("https://a.example/1.jpg"), Provenance("https://b.example/1.jpg", license="CC-BY-4.0"))
    found = chosen(
        verify("car", "yes", 0.9), provenances=origins, recipe=recipe_from({"licenses": ["CC-BY-4.0", "CC0-1.0"]})
    )
    assert found.origin.url == "https://b.example/1.jpg"


def test_an_origin_under_a_preferred_licence_is_named_before_earlier_ones() -> None:
    origins = tuple(Provenance(f"https://{name}.example/1.jpg", license=name) for name in ("by", "nc", "zero"))
    recipe = recipe_from({"licenses": ["by", "zero"], "duplicates": {"prefer_licenses": ["nc", "zero"]}})
    assert chosen(verify("car", "yes", 0.9), provenances=origins, recipe=recipe).origin.license == "zero"


def test_settled_attributes_join_the_picture_of_their_own_category_only() -> None:
    def asked(category: str, values: dict[str, str], state: str = "settled") -> Answered:
        return Answered("attributes", "attributes", category, state, {"values": values}, {}, 3)

    found = chosen(
        verify("car", "yes", 0.9), asked("car", {"type": "suv"}), asked("bus", {"decks": "2"}),
        asked("car", {"colour": "red"}, "open"),
    )  # fmt: skip
    assert found.attributes == {"type": "suv"}


def test_a_task_without_categories_takes_what_is_settled_for_it_with_label_minus_one() -> None:
    boxes = Answered("b", "boxes", None, "settled", {"boxes": [{"category": "car", "x": 1.0}]}, {}, 2)
    found = chosen(boxes, recipe=recipe_from({"task": "detect"}))
    assert (found.label, found.category, found.soft) == (-1, None, ())
    assert found.boxes == [{"category": "car", "x": 1.0}]
    assert reason(verify("car", "yes", 0.9), recipe=recipe_from({"task": "detect"})) == "unsettled"
    disputed = (verify("car", "yes", 0.9), verify("van", "yes", 0.97), boxes)
    assert chosen(*disputed, recipe=recipe_from({"task": "detect"})).label == -1


@given(st.dictionaries(st.sampled_from([f"c{n}" for n in range(15)]), st.floats(0, 1), max_size=15))
def test_soft_labels_are_at_most_ten_best_first_and_sum_to_one(posterior: dict[str, float]) -> None:
    number = {f"c{n}": n for n in range(12)}
    soft = soft_labels(posterior, number)
    assert len(soft) <= 10
    assert len({label for label, _ in soft}) == len(soft)
    assert [p for _, p in soft] == sorted((p for _, p in soft), reverse=True)
    if soft:
        assert sum(p for _, p in soft) == pytest.approx(1, abs=1e-5)
    least = min((p for _, p in soft), default=0)
    total = sum(sorted((p for name, p in posterior.items() if name in number), reverse=True)[:10])
    left = set(range(12)) - {label for label, _ in soft}
    assert all(posterior.get(f"c{n}", 0) / (total or 1) <= least + 1e-5 for n in left)


def test_what_nobody_judged_or_settled_takes_no_mass_from_the_label() -> None:
    nobody = Answered("v", "verify", "bus", "settled", {"value": "no"}, {"yes": 0.5, "no": 0.5}, 0)
    found = chosen(verify("car", "yes", 0.9), verify("van", "yes", 0.5, "open"), nobody)
    assert found.soft == ((0, 1.0),)


def test_the_first_soft_label_is_the_label_also_where_a_reviewer_overruled_the_posterior() -> None:
    assert chosen(classify("car", {"bus": 0.8, "car": 0.2})).soft == ((0, 1.0),)
    assert chosen(verify("car", "yes", 0.3), verify("bus", "no", 0.9)).soft == ((0, 1.0),)
