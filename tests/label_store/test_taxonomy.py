"""Categories and their attributes: from commands and files, and a sentence for what is wrong."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from label_store import (
    AttributeSpec,
    CategorySpec,
    UsageError,
    put_categories,
    put_category,
    read_specs,
    read_taxonomy,
    slugify,
    write_taxonomy,
)
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


# Parents, order, circles


def test_a_parent_may_come_after_its_child(workspace):
    with workspace.write() as session:
        put_categories(session, [CategorySpec("whippet", parents=("dog",)), CategorySpec("dog")])
        assert [spec.parents for spec in read_specs(session)] == [(), ("dog",)]


def test_a_parent_may_be_named_by_its_name(workspace):
    with workspace.write() as session:
        put_categories(session, [CategorySpec("coupe", parents=("Sports Car",)), CategorySpec("Sports Car")])
        assert read_specs(session, ["coupe"])[0].parents == ("sports-car",)


def _edges_make_a_circle(edges: set[tuple[int, int]]) -> bool:
    """An oracle: some node reaches itself."""
    reached = set(edges)
    while True:
        more = {(a, d) for a, b in reached for c, d in reached if b == c} - reached
        if not more:
            return any(a == b for a, b in reached)
        reached |= more


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parents_are_refused_exactly_where_they_make_a_circle(workspace, edges):
    above = {n: tuple(f"c{b}" for a, b in sorted(edges) if a == n) for n in range(6)}
    specs = [CategorySpec(f"c{n}", parents=above[n], where=f"row {n + 2}") for n in range(6)]
    with workspace.write() as session:
        if _edges_make_a_circle(edges):
            with pytest.raises(UsageError, match=r"row \d: category .* that would be a circle"):
                put_categories(session, specs)
        else:
            put_categories(session, specs)
            assert [spec.parents for spec in read_specs(session)] == list(above.values())
        session.rollback()


# Files: the inverse

PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)
WORD = PLAIN.map(str.strip).filter(bool)
TEXT = st.lists(PLAIN, max_size=3).map("\n".join).map(str.strip)
SHA256 = st.integers(0, 2**256 - 1).map(lambda n: f"{n:064x}")
QUESTION = st.builds(
    AttributeSpec,
    WORD,
    st.lists(WORD.filter(lambda word: word not in ("unsure", "none")), min_size=2, max_size=4, unique=True).map(tuple),
    st.booleans(),
)
CATEGORY = st.builds(
    CategorySpec,
    name=WORD,
    slug=st.text("abcdefg", min_size=1, max_size=6),
    definition=TEXT,
    guideline=TEXT,
    synonyms=st.lists(WORD, max_size=3).map(tuple),
    translations=st.dictionaries(
        st.sampled_from(["de", "es", "zh", "pt-BR"]), st.lists(WORD, min_size=1, max_size=2).map(tuple), max_size=3
    ),
    wnid=st.none() | st.integers(0, 10**8 - 1).map(lambda n: f"n{n:08d}"),
    good=st.lists(SHA256, max_size=2).map(tuple),
    bad=st.lists(SHA256, max_size=1).map(tuple),
    attributes=st.lists(QUESTION, max_size=2, unique_by=lambda one: one.name).map(tuple),
)


@st.composite
def taxonomies(draw):
    specs = draw(st.lists(CATEGORY, min_size=1, max_size=4, unique_by=(lambda s: s.slug, lambda s: s.wnid or s.slug)))
    specs.sort(key=lambda spec: spec.slug)
    above = [tuple(other.slug for other in specs[:n] if draw(st.booleans())) for n in range(len(specs))]
    return [
        replace(spec, parents=parents, translations=dict(sorted(spec.translations.items())))
        for spec, parents in zip(specs, above, strict=True)
    ]


@pytest.mark.parametrize("ending", ["csv", "toml"])
@given(specs=taxonomies())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_exported_is_imported_the_same(tmp_path, workspace, ending, specs):
    file = tmp_path / f"t.{ending}"
    write_taxonomy(file, specs)
    read = read_taxonomy(file)
    assert read == specs
    with workspace.write() as session:
        put_categories(session, read)
        assert read_specs(session) == specs
        session.rollback()


# Files: what a cell means, and what is refused


def test_a_csv_cell_of_translations_and_questions(tmp_path):
    (tmp_path / "t.csv").write_text(
        "name,translations,attributes,good\n"
        f'car,de=Auto;es=coche;es=carro,"type=suv,van;colour+=red,black and\\, white",{"a" * 64}\n'
    )
    (car,) = read_taxonomy(tmp_path / "t.csv")
    assert car.translations == {"de": ("Auto",), "es": ("coche", "carro")}
    assert car.attributes == (
        AttributeSpec("type", ("suv", "van")),
        AttributeSpec("colour", ("red", "black and, white"), multiple=True),
    )
    assert car.good == ("a" * 64,)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_spreadsheet_s_own_columns_separator_and_byte_order_mark_do_no_harm(tmp_path, delimiter):
    rows = ["index", "Name", "remark"], ["0", "car", "mine"], ["", "", ""], ["1", "cat", ""]
    (tmp_path / "t.csv").write_text("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    assert read_taxonomy(tmp_path / "t.csv") == [CategorySpec("car"), CategorySpec("cat")]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("t.csv", "name,synonym\ncar,auto\n", "column 'synonym' is not known"),
        ("t.csv", "name,name\ncar,auto\n", "the column 'name' twice"),
        ("t.csv", "name\n", "no categories"),
        ("t.csv", "", "no column 'name'"),
        ("t.csv", "name,wnid\ncar,1\ncat,2,3\n", "row 3 has 3 cells under 2 columns"),
        ("t.csv", 'name\n"car\n', "cannot be read as CSV"),
        ("t.csv", "name,translations\ncar,Auto\n", "row 2: translation 'Auto' is not language=word"),
        ("t.csv", "name,translations\ncar,german!=Auto\n", "row 2: 'german!' is not a language"),
        ("t.csv", "name,attributes\ncar,colour=red\n", "row 2: attribute 'colour=red' is not name=choice,choice"),
        ("t.csv", 'name,attributes\ncar,"c=red,unsure"\n', "row 2: attribute 'c' of 'car': 'unsure' and 'none'"),
        ("t.csv", 'name,attributes\ncar,"c=a,b;c=a,b"\n', "row 2: 'car' asks 'c' twice"),
        ("t.csv", "name,good\ncar,cat.jpg\n", "row 2: an example is named by its picture's SHA-256"),
        ("t.csv", "name\nnone\n", "row 2: 'none' cannot be a category"),
        ("t.csv", "name,slug\ncar,A Car\n", "row 2: 'A Car' cannot be a slug"),
        ("t.csv", "name\n!!!\n", "row 2: a category needs a name with a letter or digit"),
        ("t.csv", "name\n" + "x" * 201 + "\n", "row 2: the slug .* more than 200 characters"),
        ("t.csv", "name,definition\ncar,a\x07b\n", "row 2: the definition of 'car' holds a control character"),
        ("t.toml", "[[category]]\nname = 3\n", "category 1: name is a text, not 3"),
        ("t.toml", '[[category]]\nname = "a"\n[[category]]\nname = "b"\nsynonyms = 3\n', "category 2: synonyms is a"),
        ("t.toml", '[[category]]\nname = "a"\nsynonym = ["b"]\n', "category 1: key 'synonym' is not known"),
        ("t.toml", '[[category]]\nname = "a"\ntranslations = "x"\n', "category 1: translations is a table"),
        ("t.toml", '[[category]]\nname = "a"\nexamples = {god = []}\n', "key examples. 'god' is not known"),
        ("t.toml", 'category = ["a"]\n', "no .*category"),
        ("t.toml", '[[category]]\nname = "a"\nattributes = ["b"]\n', "attributes is a list of tables"),
        (
            "t.toml",
            '[[category]]\nname = "a"\nattributes = [{name = "c", choices = ["a", "b"], multiple = 1}]\n',
            "multiple of attribute 'c' is true or false",
        ),
    ],
)
def test_what_a_file_has_wrong_is_told_with_its_row(tmp_path, name, text, says):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=says) as told:
        read_taxonomy(tmp_path / name)
    assert str(tmp_path / name) in str(told.value)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"name\n\xff\xfe\n")
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        read_taxonomy(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a,n1,\nb,n1,\n", "row 3: the WordNet id n1 of 'b' belongs to 'a'"),
        ("a,,\nb,,\nA!,,\n", "row 4: category 'a' comes a second time"),
        ("a,,z\n", "row 2: 'a' is under 'z', and there is no such category"),
        ("a,,b\nb,,a\n", "row 2: category 'a' cannot be under 'b'"),
        ("whippet,n9,\n", "row 2: category 'whippet' is the WordNet synset n02091134, not n9"),
    ],
)
def test_of_a_file_with_one_bad_row_nothing_is_taken(workspace, tmp_path, rows, says):
    with workspace.write() as session:
        put_category(session, CategorySpec("whippet", wnid="n02091134"))
    (tmp_path / "t.csv").write_text(f"name,wnid,parents\n{rows}")
    with pytest.raises(UsageError, match=says), workspace.write() as session:
        put_categories(session, read_taxonomy(tmp_path / "t.csv"))
    with workspace.read() as session:
        assert [spec.slug for spec in read_specs(session)] == ["whippet"]


def test_a_category_is_known_by_its_wordnet_id_too(workspace):
    with workspace.write() as session:
        put_category(session, CategorySpec("windhund", wnid="n02091134"))
        made = put_category(session, CategorySpec("whippet", wnid="n02091134"))
        assert (made.slug, made.name) == ("windhund", "whippet")


def test_translations_and_examples_are_added_to_those_there_are(any_workspace):
    with any_workspace.write() as session:
        put_category(session, CategorySpec("car", translations={"de": ("Auto",)}, good=("a" * 64,)))
        put_category(session, CategorySpec("car", translations={"es": ("coche",)}, bad=("b" * 64,)))
    with any_workspace.read() as session:
        (car,) = read_specs(session)
    assert car.translations == {"de": ("Auto",), "es": ("coche",)}
    assert (car.good, car.bad) == (("a" * 64,), ("b" * 64,))
