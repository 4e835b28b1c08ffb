"""Categories and their attributes: from commands and files, and a sentence for what is wrong."""

import pytest

from label_store import AttributeSpec, CategorySpec, UsageError, put_category, read_taxonomy, slugify
from label_store.models import Category

TOML = """
[[category]]
name = "car"
synonyms = ["auto", "motorcar"]
definition = "a motor vehicle with four wheels"
[category.attributes]
type = ["suv", "van"]

[[category]]
name = "sports car"
parents = ["car"]
attributes = [{name = "colour", choices = ["red", "black"], multiple = true}]
"""


def test_a_toml_file_of_categories_with_attributes_and_parents(workspace, tmp_path):
    (tmp_path / "t.toml").write_text(TOML)
    with workspace.write() as session:
        made = [put_category(session, spec) for spec in read_taxonomy(tmp_path / "t.toml")]
        assert [category.slug for category in made] == ["car", "sports-car"]
        assert made[1].attributes[0].as_schema() == {
            "name": "colour",
            "choices": ["red", "black"],
            "multiple": True,
        }


def test_a_csv_file_of_categories(tmp_path):
    (tmp_path / "t.csv").write_text("name,synonyms,wnid\nwhippet,hound;racer,n02091134\ncat,,\n")
    first, second = read_taxonomy(tmp_path / "t.csv")
    assert (first.synonyms, first.wnid) == (("hound", "racer"), "n02091134")
    assert second == CategorySpec(name="cat")


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("t.csv", "title\ncar\n", "no column 'name'"),
        ("t.csv", "name,wnid\ncar,1\n,2\n", "row 3"),
        ("t.toml", "[[category]\n", "not TOML"),
        ("t.toml", "x = 1\n", "no .*category"),
        ("t.toml", '[[category]]\nname = "a"\n[category.attributes]\ncolour = ["red"]\n', "at least two choices"),
    ],
)
def test_a_broken_file_is_one_sentence_with_its_row(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says):
        read_taxonomy(tmp_path / name)


def test_a_circle_of_parents_is_refused(workspace):
    with workspace.write() as session:
        put_category(session, CategorySpec(name="a"))
        put_category(session, CategorySpec(name="b", parents=("a",)))
        with pytest.raises(UsageError, match="circle"):
            put_category(session, CategorySpec(name="a", parents=("b",)))


def test_choices_may_grow_but_not_vanish(workspace):
    def with_choices(*choices: str) -> CategorySpec:
        return CategorySpec(name="car", attributes=(AttributeSpec("colour", choices),))

    with workspace.write() as session:
        put_category(session, with_choices("red", "black"))
        category = put_category(session, with_choices("red", "black", "white"))
        assert category.attributes[0].choices == ["red", "black", "white"]
        with pytest.raises(UsageError, match="lose the choice 'black'"):
            put_category(session, with_choices("red", "white"))


def test_adding_again_brings_up_to_date_and_forgets_nothing(workspace):
    with workspace.write() as session:
        put_category(session, CategorySpec(name="car", definition="four wheels", wnid="n1"))
        put_category(session, CategorySpec(name="car"))
        assert session.query(Category).one().definition == "four wheels"


@pytest.mark.parametrize("name, slug", [("Sports  Car", "sports-car"), ("小汽车", "小汽车"), ("T-shirt!", "t-shirt")])
def test_slugs(name, slug):
    assert slugify(name) == slug


def test_a_question_does_not_turn_from_one_choice_to_several(workspace):
    with workspace.write() as session:
        put_category(session, CategorySpec(name="car", attributes=(AttributeSpec("colour", ("red", "black")),)))
        several = AttributeSpec("colour", ("red", "black"), multiple=True)
        with pytest.raises(UsageError, match="allows one choice"):
            put_category(session, CategorySpec(name="car", attributes=(several,)))


@pytest.mark.parametrize(
    "spec",
    [
        CategorySpec(name="unsure"),
        CategorySpec(name="None"),
        CategorySpec(name="x", slug="../../evil"),
        CategorySpec(name="car", attributes=(AttributeSpec("type", ("suv", "unsure")),)),
    ],
)
def test_words_that_are_answers_and_slugs_that_are_paths_are_refused(workspace, spec):
    with workspace.write() as session, pytest.raises(UsageError):
        put_category(session, spec)
