"""`cairn taxonomy` from the outside: shipped and written files, WordNet, and errors of one sentence with a hint."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from label_store import Origin, Workspace, ingest
from tests.house.front_door import FrontDoor
from tests.label_store.lexicons import write_files
from tests.label_store.pictures import jpeg


@pytest.fixture(scope="module")
def cairn() -> Iterator[FrontDoor]:
    with FrontDoor() as door:
        yield door


@pytest.fixture
def place(tmp_path) -> Path:
    Workspace.init(tmp_path / "w").close()
    return tmp_path / "w"


def test_the_thousand_come_by_their_name_and_leave_by_a_file_that_brings_them_again(cairn, place, tmp_path):
    came = cairn("taxonomy", "import", "ilsvrc", cwd=place)
    assert came.code == 0, came.err
    assert "1,860 categories (1,000 and 860 above them) from ilsvrc" in came.out
    shown = cairn("taxonomy", "show", "--leaves", "--json", cwd=place).json
    assert len(shown) == 1000
    assert cairn("taxonomy", "export", "all.toml", cwd=place).code == 0
    Workspace.init(tmp_path / "other").close()
    assert cairn("taxonomy", "import", place / "all.toml", cwd=tmp_path / "other").code == 0
    assert cairn("taxonomy", "export", "all.toml", cwd=tmp_path / "other").code == 0
    assert (tmp_path / "other" / "all.toml").read_bytes() == (place / "all.toml").read_bytes()


def test_everything_that_a_category_can_have_is_said_on_one_line_and_shown(cairn, place):
    workspace = Workspace.open(place)
    picture = ingest(workspace, jpeg(1), Origin(source="folder", url="file:///1.jpg")).sha256
    workspace.close()
    ran = cairn(
        "taxonomy", "add", "Sports Car", "--slug", "sport", "--synonym", "racer", "--translation", "de=Sportwagen",
        "--attribute", "colour+=red,black", "--guideline", "two seats", "--good", picture, cwd=place,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    (shown,) = cairn("taxonomy", "show", "sport", "--json", cwd=place).json
    assert shown["translations"] == {"de": ["Sportwagen"]}
    assert shown["attributes"] == [{"name": "colour", "choices": ["red", "black"], "multiple": True}]
    assert (shown["guideline"], shown["examples"]) == ("two seats", {"good": [picture], "bad": []})


def test_wordnet_makes_a_taxonomy_from_a_folder_and_finds_its_own_categories_again(cairn, place, tmp_path):
    write_files(tmp_path / "dict")
    words = ("taxonomy", "wordnet", "animal", "--leaves", "2", "--wordnet", tmp_path / "dict")
    came = cairn(*words, cwd=place)
    assert came.code == 0, came.err
    assert "2 of 3 leaves" in came.out
    again = cairn(*words, cwd=place)
    assert "0 of them new" in again.out
    shown = {row["slug"]: row["parents"] for row in cairn("taxonomy", "show", "--json", cwd=place).json}
    assert shown["dog"] == shown["cat"] == ["animal"]
    assert shown["tabby"] == ["cat"]


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        (("import", "nothing"), "there is no file nothing", "ilsvrc"),
        (("import", "bad.csv"), "bad.csv: row 3: a category needs a name", ""),
        (("export", "x.xlsx"), "x.xlsx is neither .csv nor .toml", "the ending"),
        (("export", "no/x.csv"), "no/x.csv cannot be written", ""),
        (("wordnet", "dog", "--wordnet", "dict"), "'dog' has 2 meanings: say which", "dog.n.02"),
        (("wordnet", "dog", "--wordnet", "none"), "none is neither a folder", "wordnet-base"),
        (("show", "cra"), "there is no category 'cra'", "'car'"),
        (("add", "x", "--translation", "Auto"), "--translation 'Auto' is not language=word", "de=Auto"),
        (("add", "x", "--attribute", "a=b"), "--attribute 'a=b' is not name=choice,choice", "colour+="),
        (("add", "x", "--good", "0" * 64), "there is no picture '000", "collect"),
        (("add", "x", "--parent", "cr"), "'x' is under 'cr', and there is no such category", "car"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_changes_nothing(cairn, place, words, says, hint):
    write_files(place / "dict")
    (place / "bad.csv").write_text("name,wnid\nbus,\n,n1\n")
    assert cairn("taxonomy", "add", "car", cwd=place).code == 0
    ran = cairn("taxonomy", *words, cwd=place)
    assert ran.code in (1, 2)
    assert says in ran.sentence
    assert hint in ran.hint
    assert [row["slug"] for row in cairn("taxonomy", "show", "--json", cwd=place).json] == ["car"]
