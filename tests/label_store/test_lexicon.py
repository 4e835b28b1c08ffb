"""Lexicons: WordNet's own files and the `wn` library, synsets by name, and taxonomies out of them."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from label_store import CairnError, UsageError, put_categories, read_specs, read_taxonomy
from label_store.lexicon import Synset, ancestors, find_synset, open_lexicon
from label_store.lexicon_files import FileLexicon, find_folder
from label_store.lexicon_wn import english_lexicons, open_wn
from label_store.taxonomy_files import SHIPPED
from label_store.taxonomy_wordnet import choose_leaves, tree_specs
from tests.data import shared_data
from tests.label_store import ilsvrc
from tests.label_store.lexicons import DOG, write_files, write_lmf


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    """No lexicon but those that a test brings."""
    monkeypatch.delenv("WNHOME", raising=False)
    monkeypatch.delenv("WNSEARCHDIR", raising=False)
    monkeypatch.setattr("label_store.lexicon_files.DEBIAN", tmp_path / "no-debian")
    import wn

    monkeypatch.setattr(wn.config, "_data_directory", tmp_path / "wn")
    monkeypatch.setattr(wn.config, "_dbpath", tmp_path / "wn" / "wn.db")


@pytest.fixture
def files(tmp_path) -> FileLexicon:
    write_files(tmp_path / "dict")
    return FileLexicon(tmp_path / "dict")


@pytest.fixture
def wn_lexicon(tmp_path):
    """The real `wn` library with a real lexicon in a folder of its own."""
    import wn

    write_lmf(tmp_path / "omw.xml")
    wn.add(tmp_path / "omw.xml", progress_handler=None)
    return open_wn("omw-en:1.4")


@pytest.fixture
def debian(monkeypatch) -> FileLexicon:
    """Princeton's nouns; where CI is set their absence is a failure, not a skip."""
    monkeypatch.setattr("label_store.lexicon_files.DEBIAN", Path("/usr/share/wordnet"))
    folder = find_folder()
    if folder is None:
        assert not os.environ.get("CI"), "there are no WordNet files; .ci/wordnet installs them"
        pytest.skip("there are no WordNet files; apt-get install wordnet-base")
    return FileLexicon(folder)


@pytest.fixture(params=["files", "wn_lexicon"])
def lexicon(request):
    return request.getfixturevalue(request.param)


def words(synsets) -> list[str]:
    return [synset.words[0] for synset in synsets]


# What both backends say alike


def test_a_synset_has_its_words_its_gloss_and_its_neighbours(lexicon):
    dog = find_synset(lexicon, "dog.n.01")
    assert dog.words == ("dog", "domestic dog")
    assert dog.definition == "a member of the genus Canis"
    assert words(lexicon.parents(dog)) == ["animal"]
    assert sorted(words(lexicon.children(dog))) == ["pug", "whippet"]
    assert words(ancestors(lexicon, find_synset(lexicon, "whippet"))) == ["dog", "animal"]


def test_an_individual_is_below_its_kind_and_is_no_kind(lexicon):
    lassie = find_synset(lexicon, "Lassie")
    assert words(lexicon.parents(lassie)) == ["dog"]
    assert "Lassie" not in words(lexicon.children(find_synset(lexicon, "dog.n.01")))


def test_words_of_several_parts_are_found_however_they_are_written(lexicon):
    assert words(lexicon.senses("domestic dog")) == words(lexicon.senses("domestic_dog")) == ["dog"]


def test_a_wordnet_id_names_the_synset(lexicon):
    dog = lexicon.senses("dog")[0]
    assert dog.wnid is not None
    assert find_synset(lexicon, dog.wnid) == dog


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dog.v.01", "is no noun"),
        ("dog.n.07", r"'dog' has \d meanings? as a noun in .*, and no number 7"),
        ("dog.n.00", "no number 0"),
        ("unicorn", "has no noun 'unicorn'"),
        ("unicorn.n.01", "has no noun 'unicorn'"),
        ("n99999999", "has no noun n99999999"),
        ("", "has no noun ''"),
    ],
)
def test_what_names_no_synset_is_one_sentence(lexicon, text, says):
    with pytest.raises(UsageError, match=says) as told:
        find_synset(lexicon, text)
    assert told.value.hint


def test_a_taxonomy_of_a_lexicon_goes_into_a_workspace(lexicon, workspace):
    root = find_synset(lexicon, "dog.n.01")
    leaves, there = choose_leaves(lexicon, root, 10)
    with workspace.write() as session:
        put_categories(session, tree_specs(lexicon, leaves, root))
        specs = {spec.slug: spec for spec in read_specs(session)}
    assert there == 2
    assert {slug: spec.parents for slug, spec in specs.items()} == {"dog": (), "whippet": ("dog",), "pug": ("dog",)}
    assert specs["dog"].synonyms == ("domestic dog",)
    assert specs["dog"].wnid == root.wnid


# WordNet's own files


def test_a_word_of_two_meanings_is_asked_back_with_both(files):
    with pytest.raises(UsageError, match="'dog' has 2 meanings: say which") as told:
        find_synset(files, "dog")
    assert "dog.n.01 (a member of the genus Canis); dog.n.02 (informal term for a man)" in told.value.hint


def test_a_quotation_within_a_definition_is_no_example(files):
    assert find_synset(files, "whippet").definition == 'small slender dog of "greyhound type" developed in England'


@pytest.mark.parametrize(("variable", "below"), [("WNSEARCHDIR", ""), ("WNHOME", "dict"), ("WNHOME", "")])
def test_wordnet_s_own_variables_say_where_it_is(monkeypatch, tmp_path, variable, below):
    write_files(tmp_path / "home" / below)
    monkeypatch.setenv(variable, str(tmp_path / "home"))
    assert open_lexicon().name == f"WordNet 3.0 in {tmp_path / 'home' / below}"


def test_ids_are_wordnet_3_0_s_alone(tmp_path):
    offsets = write_files(tmp_path / "dict", version="3.1")
    lexicon = FileLexicon(tmp_path / "dict")
    assert lexicon.senses("pug")[0].wnid is None
    with pytest.raises(UsageError, match=r"is an id of WordNet 3.0, which WordNet 3.1 in .* does not know"):
        find_synset(lexicon, "n" + offsets["pug"])


def test_files_that_are_cut_off_are_told_and_not_guessed_at(tmp_path):
    offsets = write_files(tmp_path / "dict")
    data = tmp_path / "dict" / "data.noun"
    data.write_bytes(data.read_bytes()[: int(offsets["whippet"]) + 20])
    with pytest.raises(CairnError, match=r"data.noun is broken at byte"):
        FileLexicon(tmp_path / "dict").senses("whippet")


def test_a_folder_without_nouns_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"has no data\.noun"):
        open_lexicon(str(tmp_path))


# wn


def test_translations_come_from_the_languages_beside_it(wn_lexicon):
    dog = find_synset(wn_lexicon, f"n{DOG}")
    assert wn_lexicon.translations(dog) == {"de": ("Hund",), "es": ("perro", "can")}
    assert wn_lexicon.translations(find_synset(wn_lexicon, "pug")) == {}


def test_wn_is_taken_where_there_are_no_files_and_first_the_one_with_wordnet_3_0_s_ids(wn_lexicon, tmp_path):
    import wn

    write_lmf(tmp_path / "other.xml", english="ewn")
    text = (tmp_path / "other.xml").read_text().replace("omw-de", "x-de").replace("omw-es", "x-es")
    (tmp_path / "other.xml").write_text(text)
    wn.add(tmp_path / "other.xml", progress_handler=None)
    assert english_lexicons() == ["omw-en:1.4", "ewn:1.4"]
    assert open_lexicon().name == "omw-en:1.4 of wn"
    other = open_lexicon("ewn:1.4")
    assert other.senses("dog")[0].wnid is None
    with pytest.raises(UsageError, match=r"which ewn:1\.4 of wn does not know"):
        find_synset(other, f"n{DOG}")


def test_without_any_lexicon_the_error_says_how_to_get_one(tmp_path):
    with pytest.raises(CairnError, match="no lexicon is installed") as told:
        open_lexicon()
    assert "wordnet-base" in told.value.hint
    assert not (tmp_path / "wn").exists(), "looking for a lexicon leaves nothing behind"
    with pytest.raises(UsageError, match="neither a folder with WordNet's files nor an English lexicon of `wn`"):
        open_lexicon("omw-en:1.4")


def test_without_the_wn_library_it_is_as_if_it_had_no_lexicon(monkeypatch):
    monkeypatch.setitem(sys.modules, "wn", None)
    assert english_lexicons() == []


# Which leaves


class Drawn:
    """A lexicon of a drawn graph: an edge (a, b) with a < b says that b is a kind of a."""

    name, has_wnids = "drawn", False

    def __init__(self, edges: set[tuple[int, int]]) -> None:
        self.edges = sorted(edges)

    def at(self, n: int) -> Synset:
        return Synset(f"{n:02d}", (f"w{n}",), "")

    def senses(self, word: str):
        return (self.at(int(word[1:])),)

    def synset(self, wnid: str):
        return None

    def parents(self, synset: Synset):
        return [self.at(a) for a, b in self.edges if b == int(synset.key)]

    def children(self, synset: Synset):
        return [self.at(b) for a, b in self.edges if a == int(synset.key)]

    def translations(self, synset: Synset):
        return {}


EDGES = st.sets(st.tuples(st.integers(0, 14), st.integers(0, 14)).filter(lambda edge: edge[0] < edge[1]), max_size=30)


@given(EDGES, st.integers(1, 12))
def test_as_many_leaves_as_asked_or_as_there_are_each_once_and_always_the_same(edges, count):
    lexicon = Drawn(edges)
    below, todo = {0}, [0]
    while todo:
        here = todo.pop()
        todo += [b for a, b in edges if a == here and b not in below]
        below |= {b for a, b in edges if a == here}
    all_leaves = {n for n in below if not any(a == n for a, _ in edges)}
    leaves, there = choose_leaves(lexicon, lexicon.at(0), count)
    assert there == len(all_leaves)
    assert len(leaves) == len(set(leaves)) == min(count, there)
    assert {int(leaf.key) for leaf in leaves} <= all_leaves
    assert choose_leaves(lexicon, lexicon.at(0), count) == (leaves, there)


@given(EDGES)
def test_the_tree_above_leaves_ends_at_the_root_and_its_slugs_differ(edges):
    lexicon = Drawn(edges)
    leaves, _ = choose_leaves(lexicon, lexicon.at(0), 100)
    specs = tree_specs(lexicon, leaves, lexicon.at(0))
    slugs = [spec.slug for spec in specs]
    assert len(set(slugs)) == len(slugs)
    assert all(set(spec.parents) <= set(slugs) for spec in specs)
    assert [spec.slug for spec in specs if not spec.parents] == ["w0"]


def test_leaves_are_divided_evenly_among_branches():
    large = {(1, n) for n in range(10, 20)}
    lexicon = Drawn({(0, 1), (0, 2), (0, 3), (2, 4), (2, 5), (3, 6)} | large)
    leaves, there = choose_leaves(lexicon, lexicon.at(0), 5)
    assert there == 13
    assert {"w4", "w5", "w6"} < set(words(leaves))
    assert len(leaves) == 5


# ILSVRC's thousand


def test_debian_s_wordnet_keeps_the_offsets_that_imagenet_s_ids_are(debian):
    assert debian.has_wnids
    assert find_synset(debian, "n02084071") == find_synset(debian, "dog.n.01")


def test_the_shipped_file_holds_the_thousand_in_their_order_and_all_above_them():
    specs = read_taxonomy(SHIPPED / "ilsvrc.csv")
    thousand = specs[:1000]
    above = {parent for spec in specs for parent in spec.parents}
    assert len({spec.slug for spec in specs}) == len({spec.name for spec in specs}) == len(specs)
    assert not above & {spec.slug for spec in thousand}
    assert {spec.slug for spec in specs[1000:]} == above
    assert [spec.slug for spec in specs if not spec.parents] == ["entity"]
    assert all(spec.wnid and spec.definition for spec in specs)
    slugs = [spec.slug for spec in thousand]
    assert [slug for slug in slugs if slug.startswith(("crane", "maillot"))] == [
        "crane-wading-bird", "crane-lifting-device", "maillot-tights", "maillot-swimsuit",
    ]  # fmt: skip


def test_ids_and_names_of_the_shipped_file_are_ilsvrc_s():
    names = ilsvrc.classes(shared_data() / "imagenet_classes.csv")
    thousand = read_taxonomy(SHIPPED / "ilsvrc.csv")[:1000]
    assert [spec.wnid for spec in thousand] == list(names)
    for spec, name in zip(thousand, names.values(), strict=True):
        assert spec.name == name or (spec.name.startswith(f"{name} (") and name in spec.synonyms)


def test_anybody_can_rebuild_the_shipped_file_and_its_licence_byte_for_byte(debian):
    names = ilsvrc.classes(shared_data() / "imagenet_classes.csv")
    assert ilsvrc.taxonomy(names, debian).encode() == (SHIPPED / "ilsvrc.csv").read_bytes()
    licence = (SHIPPED / ilsvrc.LICENSE).read_text(encoding="utf-8")
    assert licence == ilsvrc.license_text(find_folder() / "data.noun")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence


def test_a_thousand_leaves_of_princeton_s_artifacts(debian):
    root = find_synset(debian, "artifact.n.01")
    leaves, there = choose_leaves(debian, root, 1000)
    assert there > 5000
    assert len({spec.slug for spec in tree_specs(debian, leaves, root)}) == len(tree_specs(debian, leaves, root))
    assert len(leaves) == 1000
