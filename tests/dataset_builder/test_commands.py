"""The commands: what they print, what they leave, and their exit codes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

import imaging
from cairn.cli import run
from cairn.commands.registry import load
from dataset_builder import recipe_keys
from label_store import Workspace
from label_store.models import Release, ReleaseImage
from tests.dataset_builder.scenes import Store, blurred, photo, picture

Cairn = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cairn(workspace: Workspace, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cairn:
    """Run a command line in the workspace: (exit code, standard output, standard error)."""
    monkeypatch.chdir(workspace.folder)

    def call(*words: object) -> tuple[int, str, str]:
        code = run([str(word) for word in words])
        told = capfd.readouterr()
        return code, told.out, told.err

    return call


def test_every_key_of_the_recipe_is_a_flag_of_the_same_name(cairn: Cairn) -> None:
    names = {name for parameter in load("build").params for name in parameter.opts}
    assert {f"--{key.name}" for key in recipe_keys()} <= names


def test_build_verify_diff_publish_in_their_order(store: Store, cairn: Cairn, tmp_path: Path) -> None:
    store.fill(20)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('categories = ["bus", "car"]\n[pixels]\nsize = 64\n')
    code, told, _ = cairn("build", "v", "--recipe", recipe, "--workers", 1, "--dry-run")
    assert (code, "would hold 20 samples" in told) == (0, True)
    code, told, _ = cairn("build", "v", "--recipe", recipe, "--workers", 1, "--pixels.size", 48)
    assert code == 0
    assert told.splitlines()[-1].startswith("next: cairn verify v/1")
    manifest = json.loads((store.workspace.releases / "v" / "1" / "dataset.json").read_text())
    assert [category["slug"] for category in manifest["categories"]] == ["bus", "car"]
    assert manifest["recipe"]["pixels"]["size"] == 48
    assert cairn("verify", "v/1")[0] == 0
    store.yes(photo(60))
    code, told, _ = cairn(
        "build", "v", "--workers", 1, "--splits.train", 0.5, "--splits.val", 0.25, "--splits.test", 0.25, "--json"
    )
    assert (code, json.loads(told)["samples"], json.loads(told)["version"]) == (0, 21, 2)
    code, told, _ = cairn("diff", "v/1", "v/2", "--json")
    assert (code, len(json.loads(told)["added"]), json.loads(told)["moved"]) == (0, 1, [])
    assert "came" in cairn("diff", "v/1", "v/2")[1]
    assert cairn("publish", "v/2", tmp_path / "public")[0] == 0
    assert cairn("publish", "v/2", tmp_path / "public", "--check")[0] == 0
    assert cairn("verify", tmp_path / "public" / "v" / "2")[0] == 0


def test_a_damaged_picture_makes_exit_3_and_is_named(store: Store, cairn: Cairn) -> None:
    names = store.fill(20)
    store.workspace.blobs.remove(names[5])
    code, _, told = cairn("build", "v", "--workers", 1, "--pixels.size", 48)
    assert code == 3
    assert names[5] in told


def test_a_damaged_release_makes_exit_1_and_names_the_file(store: Store, cairn: Cairn) -> None:
    store.fill(20)
    cairn("build", "v", "--workers", 1, "--pixels.size", 48)
    card = store.workspace.releases / "v" / "1" / "card.md"
    card.write_bytes(card.read_bytes() + b"x")
    code, _, told = cairn("verify", "v/1")
    assert code == 1
    assert "card.md" in told
    code, told, _ = cairn("verify", "v/1", "--json")
    assert (code, json.loads(told)["problems"][0]["file"]) == (1, "card.md")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["build", "v", "--recipe", "absent.toml"], 2, "absent.toml"),
        (["build", "v", "--splits.train", "0.5"], 2, "sum to"),
        (["build", "v", "--task", "guess"], 2, "task"),
        (["build", "v"], 1, "nothing to release"),
        (["build", "v/0"], 2, "cannot be a release"),
        (["verify", "v/1"], 2, "no release"),
        (["diff", "v/1", "v/2"], 2, "no release"),
        (["publish", "v/1", "somewhere"], 2, "no release"),
        (["duplicates", "absent"], 2, "nothing at"),
        (["duplicates", "absent", "--keep", "0"], 2, "a number above 0"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_a_hint(cairn: Cairn, words: list[str], code: int, told: str) -> None:
    found, _, err = cairn(*words)
    assert found == code
    assert told in err
    assert "hint: " in err
    assert "Traceback" not in err


def test_duplicates_needs_no_workspace(cairn: Cairn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    album = tmp_path / "album"
    album.mkdir()
    for number in range(3):
        (album / f"{number}.jpg").write_bytes(photo(number))
    (album / "again.jpg").write_bytes(blurred(1))
    code, told, _ = cairn("duplicates", album, "--workers", 1, "--html", tmp_path / "page.html")
    assert code == 0
    assert "1 repeat another, in 1 groups" in told
    assert f"their pictures are in {tmp_path / 'page.html'}" in " ".join(told.split())
    assert (tmp_path / "page.html").is_file()
    listed = tmp_path / "listed.txt"
    listed.write_text(f"{imaging.phash_hex(imaging.phash(picture(2)))}\n")
    code, told, _ = cairn("duplicates", album / "2.jpg", "--against", listed, "--workers", 1)
    assert f" - {album / '2.jpg'}" in told  # there are no pixels to tell a likeness from
    code, told, _ = cairn("duplicates", album, "--workers", 1, "--json")
    assert [len(group["members"]) for group in json.loads(told)["groups"]] == [1]
    (album / "bad.jpg").write_bytes(b"no picture")
    assert cairn("duplicates", album, "--workers", 1)[0] == 3


def test_the_documented_recipe_names_every_key_with_its_default() -> None:
    text = (Path(__file__).parents[2] / "docs" / "releases.md").read_text()
    block = text.split("```toml\n")[1].split("```")[0]
    table = tomllib.loads(block)
    flat: dict[str, object] = {}
    for key, value in table.items():
        flat |= {f"{key}.{name}": entry for name, entry in value.items()} if isinstance(value, dict) else {key: value}
    keys = {key.name: key for key in recipe_keys()}
    assert set(flat) == set(keys)
    for name, value in flat.items():
        default = keys[name].default
        if default is not None:
            assert value == (list(default) if isinstance(default, tuple) else default), name


@contextmanager
def write_lock(database: Path) -> Iterator[None]:
    """Nobody else can write to the store meanwhile; they wait."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("moment", ["at its pictures", "between the rename and the rows"])
def test_cairn_build_killed_and_given_again_ends_with_one_whole_release(store: Store, moment: str) -> None:
    store.fill(24)
    folder = store.workspace.folder
    command = [sys.executable, "-m", "cairn", "build", "v", "--workers", "1", "--pixels.size", "48", "-w", str(folder)]
    reached = {
        "at its pictures": folder / "releases" / ".v-1.partial" / "packs",
        "between the rename and the rows": folder / "releases" / "v" / "1" / "dataset.json",
    }[moment]
    # The rows are all that a build writes to the store: while somebody else writes, it stands right before them.
    with write_lock(folder / "labels.db"):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        while not reached.exists():
            assert process.poll() is None, "the build ended before it could be killed"
            time.sleep(0.005)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    with store.workspace.read() as session:
        assert session.scalar(select(Release.id)) is None
    whole = (folder / "releases" / "v" / "1").exists()
    assert whole == (moment == "between the rename and the rows")

    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    with store.workspace.read() as session:
        assert session.scalars(select(Release.version)).all() == [1]
        assert session.scalar(select(func.count()).select_from(ReleaseImage)) == 24
    assert [path.name for path in (folder / "releases").rglob("dataset.json")] == ["dataset.json"]
    assert not list((folder / "releases").glob(".*"))
    assert subprocess.run([*command[:3], "verify", "v/1", "-w", str(folder)], capture_output=True).returncode == 0
