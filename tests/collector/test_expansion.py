"""Queries out of a category's words, as ImageNet made them: synonyms, parents' words in the gloss, translations."""

from hypothesis import given
from hypothesis import strategies as st

from collector.expansion import expand, without_repeats
from collector.planning import words_above
from collector.queries import Query
from label_store import CategorySpec, read_taxonomy
from label_store.taxonomy_files import SHIPPED

WHIPPET = CategorySpec(
    "whippet",
    slug="whippet",
    definition="small slender dog of greyhound type developed in England",
    translations={"de": ("Whippet",), "zh": ("惠比特犬",), "es": ("lebrel inglés",)},
)
ABOVE = [("greyhound",), ("hound", "hound dog"), ("hunting dog",), ("dog", "domestic dog", "Canis familiaris")]


def asked(category: CategorySpec, ancestors: list[tuple[str, ...]], **options: object) -> list[tuple[str, str, str]]:
    return [(one.words, one.kind, one.language) for one in expand(category, ancestors, **options)]  # type: ignore[arg-type]


def test_the_example_of_the_paper() -> None:
    assert asked(WHIPPET, ABOVE) == [
        ("whippet", "name", "en"),
        ("whippet greyhound", "parent", "en"),
        ("whippet dog", "parent", "en"),
        ("惠比特犬", "translation", "zh"),
        ("lebrel inglés", "translation", "es"),
    ]


def test_a_translation_that_is_the_same_word_is_asked_once_and_languages_can_be_chosen() -> None:
    assert [words for words, _, _ in asked(WHIPPET, [], languages=["de", "es"])] == ["whippet", "lebrel inglés"]


def test_synonyms_come_before_the_words_of_parents_and_get_them_too() -> None:
    car = CategorySpec("car", slug="car", synonyms=("auto", "motor vehicle"), definition="a vehicle with four wheels")
    assert [words for words, _, _ in asked(car, [("motor vehicle",), ("vehicle",)])] == [
        "car",
        "auto",
        "motor vehicle",  # holds the word already
        "car vehicle",
        "auto vehicle",
    ]


def test_a_word_counts_only_where_it_stands_by_itself_in_the_gloss() -> None:
    pug = CategorySpec("pug", slug="pug", definition="small Dogs, doglike; hot dogs")
    assert [words for words, _, _ in asked(pug, [("dog",)])] == ["pug"]
    assert [words for words, _, _ in asked(CategorySpec("pug", definition="a small DOG."), [("dog",)])] == [
        "pug",
        "pug dog",
    ]


def test_without_a_gloss_the_nearest_parent_is_appended() -> None:
    assert [words for words, _, _ in asked(CategorySpec("jaguar"), [("cat", "feline"), ("animal",)])] == [
        "jaguar",
        "jaguar cat",
    ]


def test_what_tells_two_of_a_name_apart_is_asked_first() -> None:
    crane = CategorySpec("crane (wading bird)", slug="crane-wading-bird", synonyms=("crane",), definition="large bird")
    assert [words for words, _, _ in asked(crane, [("wading bird",), ("bird",)])] == [
        "crane wading bird",
        "crane",
        "crane bird",
    ]


def test_a_curator_s_phrase_stays_a_phrase_and_no_other_query_is_one() -> None:
    queries = without_repeats([Query('"sports car"', "a"), Query('"sports  car"', "a", "name")])
    assert [one.words for one in queries] == ['"sports car"', "sports car"]


TEXT = st.text("ab\"()' ,", max_size=8)


@given(
    st.builds(
        CategorySpec,
        name=TEXT,
        definition=TEXT,
        synonyms=st.lists(TEXT, max_size=3).map(tuple),
        translations=st.dictionaries(st.sampled_from(["de", "es"]), st.lists(TEXT, max_size=2).map(tuple)),
    ),
    st.lists(st.lists(TEXT, min_size=1, max_size=2).map(tuple), max_size=3),
)
def test_queries_are_never_empty_never_twice_and_always_the_same(category: CategorySpec, above: list) -> None:
    queries = expand(category, above)
    words = [one.words.casefold() for one in queries]
    assert len(set(words)) == len(words)
    assert all(one == " ".join(one.split()) and one for one in words)
    assert queries == expand(category, above)


def test_ilsvrc_s_categories_have_the_words_of_their_parents() -> None:
    specs = {spec.slug: spec for spec in read_taxonomy(SHIPPED / "ilsvrc.csv")}
    queries = expand(specs["whippet"], words_above(specs, "whippet"))
    assert [one.words for one in queries] == ["whippet", "whippet greyhound", "whippet dog"]
    thousand = list(specs)[:1000]
    every = [expand(specs[slug], words_above(specs, slug)) for slug in thousand]
    assert all(queries[0].kind == "name" for queries in every)
    assert sum(any(one.kind == "parent" for one in queries) for queries in every) > 700
