"""The front door: texts from outside are never markup, doctor sees what is missing, missing extras are named."""

import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cairn.commands.registry import COMMANDS, load
from cairn.console import table
from label_store import Origin, Workspace, ingest
from tests.house.front_door import FrontDoor
from tests.label_store.pictures import jpeg


@pytest.fixture(scope="module")
def cairn() -> Iterator[FrontDoor]:
    with FrontDoor() as door:
        yield door


HOSTILE = "[/x] [red]alert[/red] [see this]"


def test_names_and_reasons_with_brackets_are_shown_as_they_are(capsys):
    table("", ("name",), [(HOSTILE,)])
    assert HOSTILE in capsys.readouterr().out


@pytest.fixture
def place(tmp_path):
    workspace = Workspace.init(tmp_path / "w")
    for n in range(3):
        ingest(workspace, jpeg(n), Origin(source="folder", url=f"file:///{n}.jpg"))
    yield workspace
    workspace.close()


def test_a_takedown_whose_reason_looks_like_markup_is_listed(cairn, place):
    made = cairn("takedown", "https://a.example/x.jpg", "--reason", HOSTILE, cwd=place.folder)
    assert made.code == 0, made.err
    listed = cairn("takedown", "--list", cwd=place.folder)
    assert listed.code == 0, listed.err
    assert HOSTILE in listed.out


def test_doctor_finds_nothing_wrong_where_nothing_is(cairn, place):
    done = cairn("doctor", cwd=place.folder)
    assert done.code == 0, done.out
    assert "3 looked for, all there" in done.out


def test_doctor_says_that_pictures_are_missing_and_makes_no_folder(cairn, place):
    shutil.rmtree(place.folder / "blobs")
    done = cairn("doctor", cwd=place.folder)
    assert done.code == 1
    assert "is not a folder" in done.out
    assert not (place.folder / "blobs").exists()
    (place.folder / "blobs").mkdir()
    done = cairn("doctor", cwd=place.folder)
    assert done.code == 1
    assert "3 of 3 pictures looked for are not in blobs" in done.out


def test_doctor_refuses_a_folder_that_was_named_but_is_no_workspace(cairn, tmp_path):
    done = cairn("doctor", "-w", tmp_path / "nowhere", cwd=tmp_path)
    assert done.code == 2
    assert "is not a workspace" in done.err


@pytest.mark.parametrize("words", [(), ("campaign",)])
def test_without_words_the_help_is_shown_and_nothing_is_called_an_error(cairn, tmp_path, words):
    shown = cairn(*words, cwd=tmp_path)
    assert (shown.code, shown.err) == (2, "")
    assert "Usage: cairn" in shown.out


@pytest.mark.parametrize(
    ("words", "others"),
    [("--help", ["label_store", "shards"]), ("shards --help", ["label_store"]), ("init --help", ["dataset_builder"])],
)
def test_a_command_imports_nothing_that_only_others_need(words, others):
    script = f"""
import sys
from cairn.cli import run
assert run({words.split()}) == 0
sys.exit(", ".join(set({others}) & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says_first_of_itself(name):
    said = inspect.cleandoc(load(name).help).partition("\n\n")[0]
    assert " ".join(said.split()) == COMMANDS[name]
