"""Bad input through the real command line: one sentence, the next step, the right exit code, nothing half-written."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.site import jpeg
from tests.house.front_door import FrontDoor, Ran

FAILED, USAGE, PARTIAL, STOPPED = 1, 2, 3, 130


@pytest.fixture(scope="module")
def cairn() -> Iterator[FrontDoor]:
    with FrontDoor() as door:
        yield door


@pytest.fixture(scope="module")
def _made(cairn: FrontDoor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with two categories, four pictures and a campaign; each test gets a copy."""
    folder = tmp_path_factory.mktemp("made") / "vehicles"
    assert cairn("init", folder, cwd=folder.parent).code == 0
    for category in ("car", "bus"):
        assert cairn("taxonomy", "add", category, cwd=folder).code == 0
    _pictures(folder.parent / "pictures", 4)
    collected = cairn("collect", "folder", "../pictures", "-c", "car", "--processes", 0, cwd=folder)
    assert collected.code == 0, collected
    assert cairn("campaign", "create", "cars", "--kind", "verify", "-c", "car", cwd=folder).code == 0
    return folder


@pytest.fixture
def here(_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_made, tmp_path / "vehicles"))


def _pictures(folder: Path, n: int, side: int = 48) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        (folder / f"{number}.jpg").write_bytes(jpeg(number, side))
    return folder


def refused(ran: Ran, code: int, *words: str) -> Ran:
    """The command said in one sentence, with these words, why it did not do it."""
    assert ran.code == code, f"{ran}"
    assert "Traceback" not in ran.err + ran.out
    for word in words:
        assert word in ran.sentence
    return ran


def listing(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its bytes; of a database, what it holds."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.name == "labels.db":
            with contextlib.closing(sqlite3.connect(path)) as database:
                found["labels.db"] = "\n".join(database.iterdump()).encode()
        elif path.is_file() and not path.name.startswith("labels.db-"):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("collect", "urls", "nowhere.csv", "-c", "car"), USAGE),
        (("collect", "folder", "nowhere", "-c", "car"), USAGE),
        (("taxonomy", "import", "nowhere.toml"), USAGE),
        (("campaign", "import", "cars", "nowhere.csv"), USAGE),
        (("build", "vehicles", "--recipe", "nowhere.toml"), USAGE),
        (("verify", "nowhere"), USAGE),
        (("diff", "nowhere", "nowhere-else"), USAGE),
        (("publish", "nowhere", "public"), USAGE),
        (("duplicates", "nowhere"), USAGE),
        (("shards", "nowhere", "out"), USAGE),
        (("takedown", "--near", "nowhere.jpg"), USAGE),
        (("explain", "0123abcd"), USAGE),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_path_that_is_not_there_is_named_and_nothing_is_written(
    cairn: FrontDoor, here: Path, words: tuple[str, ...], code: int
) -> None:
    before = listing(here)
    named = next(word for word in words if word.startswith(("nowhere", "0123")))
    assert refused(cairn(*words, cwd=here), code, named).hint
    assert listing(here) == before


def test_training_on_a_path_that_is_not_there_names_it(cairn: FrontDoor, tmp_path: Path) -> None:
    ran = cairn("train", "nowhere", "--out", "run", cwd=tmp_path)
    refused(ran, USAGE, "nowhere")
    assert not (tmp_path / "run").exists()


def test_a_workspace_that_is_not_one_is_named_with_the_command_that_makes_one(cairn: FrontDoor, tmp_path: Path) -> None:
    for words in (("collect", "status"), ("build", "vehicles"), ("serve",), ("user", "list"), ("consensus", "cars")):
        ran = refused(cairn(*words, "--workspace", tmp_path, cwd=tmp_path), USAGE, str(tmp_path))
        assert f"cairn init {tmp_path}" in ran.hint
    assert listing(tmp_path) == {}


def test_outside_of_any_workspace_the_sentence_says_where_it_looked(cairn: FrontDoor, tmp_path: Path) -> None:
    refused(cairn("campaign", "status", cwd=tmp_path), USAGE, str(tmp_path), "above")


def test_a_workspace_named_by_the_environment_that_is_not_one_is_named(cairn: FrontDoor, tmp_path: Path) -> None:
    refused(cairn("collect", "status", cwd=tmp_path, CAIRN_WORKSPACE="/nonexistent/x"), USAGE, "/nonexistent/x")


def test_an_unknown_command_or_option_points_to_the_help(cairn: FrontDoor, tmp_path: Path) -> None:
    for words in (("colect",), ("collect", "yahoo"), ("collect", "urls"), ("build", "x", "--no-such-flag")):
        assert "--help" in refused(cairn(*words, cwd=tmp_path), USAGE).hint


def test_an_unknown_category_is_refused_before_anything_is_fetched(cairn: FrontDoor, here: Path) -> None:
    (here / "list.csv").write_text("url\nhttps://pictures.invalid/1.jpg\n")
    before = listing(here)
    ran = refused(cairn("collect", "urls", "list.csv", "-c", "cra", cwd=here), USAGE, "cra")
    assert "car" in ran.sentence + ran.hint
    refused(cairn("campaign", "create", "x", "--kind", "verify", "-c", "cra", cwd=here), USAGE, "cra")
    assert listing(here) == before


def test_a_recipe_with_an_unknown_key_or_category_is_refused(cairn: FrontDoor, here: Path) -> None:
    (here / "recipe.toml").write_text("[splits]\ntrian = 0.8\n")
    ran = refused(cairn("build", "vehicles", "--recipe", "recipe.toml", cwd=here), USAGE, "recipe.toml", "splits.trian")
    assert "splits.train" in ran.hint
    refused(cairn("build", "vehicles", "--categories", "cra", cwd=here), USAGE, "cra")
    assert list((here / "releases").iterdir()) == []


def test_a_broken_row_of_a_url_list_is_named_and_the_other_rows_are_collected(cairn: FrontDoor, here: Path) -> None:
    (here / "list.csv").write_text("url,category\nnot an address,car\nhttp://127.0.0.1:9/1.jpg,car\n")
    ran = cairn("collect", "urls", "list.csv", "--processes", 0, "--json", cwd=here)
    assert ran.code == PARTIAL, ran
    assert "Traceback" not in ran.err
    assert ran.json["bad_rows"] == 1
    fetched = _rows(here, "SELECT url, status FROM fetches WHERE url LIKE 'http:%'")
    assert [url for url, _ in fetched] == ["http://127.0.0.1:9/1.jpg"]


def test_a_broken_row_of_a_taxonomy_is_named_and_no_category_of_the_file_is_taken(cairn: FrontDoor, here: Path) -> None:
    (here / "more.csv").write_text("name,definition\nlorry,carries goods\n,has no name\n")
    refused(cairn("taxonomy", "import", "more.csv", cwd=here), USAGE, "more.csv", "row 3")
    assert _rows(here, "SELECT slug FROM categories ORDER BY slug") == [("bus",), ("car",)]


def test_a_broken_row_of_judgments_is_listed_and_the_rest_is_taken(cairn: FrontDoor, here: Path) -> None:
    (here / "old.csv").write_text("item,annotator,answer\n1,maria,yes\n1,paul,perhaps\nx,paul,no\n2,paul,no\n")
    ran = cairn("campaign", "import", "cars", "old.csv", cwd=here)
    assert ran.code == PARTIAL
    assert "line 3" in ran.out
    assert "line 4" in ran.out
    assert _rows(here, "SELECT count(*) FROM judgments") == [(2,)]


def test_a_port_in_use_is_named(cairn: FrontDoor, here: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = refused(cairn("serve", "--port", port, cwd=here), FAILED, str(port))
    assert "--port" in ran.hint


def test_a_database_from_a_newer_version_is_left_alone(cairn: FrontDoor, here: Path) -> None:
    with contextlib.closing(sqlite3.connect(here / "labels.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")
    before = listing(here)
    for words in (("collect", "status"), ("init", here), ("serve",), ("build", "vehicles")):
        assert "upgrade" in refused(cairn(*words, cwd=here), FAILED, "9999_from_the_future").hint
    assert listing(here) == before


def test_a_database_that_is_none_or_is_gone_is_named(cairn: FrontDoor, here: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (here / f"labels.db{suffix}").unlink(missing_ok=True)
    refused(cairn("collect", "status", cwd=here), FAILED, "labels.db", "missing")
    (here / "labels.db").write_bytes(b"not a database at all" * 500)
    refused(cairn("collect", "status", cwd=here), FAILED, "labels.db")


def test_settings_that_cannot_be_are_named(cairn: FrontDoor, here: Path) -> None:
    toml = (here / "cairn.toml").read_text()
    for text, word in (
        ("hots_delay = 1\n", "hots_delay"),
        ("host_delay = -1\n", "host_delay"),
        ("a = = 1\n", "cairn.toml"),
    ):
        (here / "cairn.toml").write_text(text + toml)
        ran = refused(cairn("collect", "status", cwd=here), USAGE, word)
        assert word != "hots_delay" or "did you mean 'host_delay'?" in ran.err
    (here / "cairn.toml").write_text(toml)
    refused(cairn("collect", "status", cwd=here, CAIRN_HOST_DELAY="soon"), USAGE, "host_delay")


def test_a_file_that_nobody_may_read_or_a_folder_for_a_file_is_a_sentence(cairn: FrontDoor, here: Path) -> None:
    (here / "folder.csv").mkdir()
    for words in (
        ("collect", "urls", "folder.csv", "-c", "car"),
        ("taxonomy", "import", "folder.csv"),
        ("campaign", "import", "cars", "folder.csv"),
        ("build", "x", "--recipe", "folder.csv"),
    ):
        refused(cairn(*words, cwd=here), USAGE, "folder.csv")


def test_a_traceback_is_shown_when_it_is_asked_for(cairn: FrontDoor, tmp_path: Path) -> None:
    ran = cairn("--debug", "collect", "status", cwd=tmp_path)
    assert ran.code not in (0, PARTIAL)
    assert "Traceback" in ran.err


def test_ctrl_c_says_that_the_same_command_continues(here: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(60)
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        (here / "list.txt").write_text(f"http://{host}/1.jpg\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "cairn", "collect", "urls", "list.txt", "-c", "car"],
            cwd=here,
            env=os.environ | {"CAIRN_ALLOW_HOSTS": json.dumps([host])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            accepted, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
        accepted.close()
    assert process.returncode == STOPPED
    assert "the same command continues" in err
    assert "Traceback" not in err


def test_a_file_where_a_folder_belongs_is_bad_usage(cairn: FrontDoor, here: Path) -> None:
    (here / "file").write_text("somebody's own")
    for words in (("init", "file"), ("demo", "-w", "file"), ("demo", "--live", "-w", "file")):
        assert "folder" in refused(cairn(*words, cwd=here), USAGE, "file").hint
    assert "--out" in refused(cairn("train", "nowhere", "--out", "file", cwd=here), USAGE, "file").hint
    assert (here / "file").read_text() == "somebody's own"


def _rows(workspace: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(workspace / "labels.db")) as database:
        return database.execute(query).fetchall()
