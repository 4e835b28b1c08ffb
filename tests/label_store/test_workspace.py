"""Workspaces and settings: found, made twice without harm, and a sentence for everything that is wrong."""

import os
import subprocess
import sys
import threading

import pytest
from sqlalchemy import text

from label_store import CairnError, NotAWorkspace, UsageError, Workspace
from label_store.models import Event


def test_init_twice_changes_nothing(tmp_path):
    first = Workspace.init(tmp_path / "w")
    (tmp_path / "w" / "cairn.toml").write_text('name = "mine"\n')
    again = Workspace.init(tmp_path / "w")
    assert first.folder == again.folder
    assert again.settings.name == "mine"


def test_the_nearest_folder_upwards_is_found(tmp_path, monkeypatch):
    Workspace.init(tmp_path / "w")
    deep = tmp_path / "w" / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert Workspace.open().folder == (tmp_path / "w").resolve()


def test_the_environment_names_the_workspace_and_wins_over_the_file(tmp_path, monkeypatch):
    Workspace.init(tmp_path / "w")
    (tmp_path / "w" / "cairn.toml").write_text("host_delay = 2.0\n")
    monkeypatch.setenv("CAIRN_WORKSPACE", str(tmp_path / "w"))
    monkeypatch.setenv("CAIRN_HOST_DELAY", "0.5")
    assert Workspace.open().settings.host_delay == 0.5


def test_a_folder_that_is_no_workspace_is_a_sentence(tmp_path):
    with pytest.raises(NotAWorkspace, match="is not a workspace") as wrong:
        Workspace.open(tmp_path)
    assert "cairn init" in wrong.value.hint
    assert wrong.value.exit_code == 2


@pytest.mark.parametrize(
    "toml, says",
    [("host_dely = 1\n", "host_dely"), ("host_delay = -1\n", "host_delay"), ("host_delay = = 1\n", "cairn.toml")],
)
def test_a_wrong_setting_is_named(tmp_path, toml, says):
    Workspace.init(tmp_path / "w")
    (tmp_path / "w" / "cairn.toml").write_text(toml)
    with pytest.raises(UsageError, match=says):
        Workspace.open(tmp_path / "w")


@pytest.mark.parametrize("url", ["mysql://x/y", "nonsense", ""])
def test_a_database_we_do_not_speak_is_a_sentence(tmp_path, url):
    with pytest.raises(UsageError, match="database"):
        Workspace.init(tmp_path / "w", database_url=url)


def test_a_database_file_that_is_something_else_is_a_sentence(tmp_path):
    Workspace.init(tmp_path / "w").close()
    for name in ("labels.db", "labels.db-wal", "labels.db-shm"):
        (tmp_path / "w" / name).unlink(missing_ok=True)
    (tmp_path / "w" / "labels.db").write_bytes(b"this is a text file, not a database" * 100)
    with pytest.raises(CairnError, match="cannot be opened"):
        Workspace.open(tmp_path / "w")


def test_a_failed_block_leaves_nothing(any_workspace):
    with pytest.raises(RuntimeError), any_workspace.write() as session:
        session.add(Event(action="half"))
        session.flush()
        raise RuntimeError
    with any_workspace.read() as session:
        assert session.query(Event).count() == 0


def test_many_writers_wait_for_each_other_and_none_is_refused(any_workspace):
    failures = []

    def write_twenty() -> None:
        try:
            for _ in range(20):
                with any_workspace.write() as session:
                    before = session.query(Event).count()  # a read first: the deadlock of deferred transactions
                    session.add(Event(action="tick", detail={"before": before}))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write_twenty) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with any_workspace.read() as session:
        assert session.query(Event).count() == 120


def test_a_commit_that_was_told_survives_kill_minus_9(workspace):
    script = """
import os, signal, sys
from pathlib import Path
from label_store import Workspace
from label_store.models import Event
workspace = Workspace.open(Path(sys.argv[1]))
for n in range(1000):
    with workspace.write() as session:
        session.add(Event(action=f"n{n}"))
    print(n, flush=True)
    if n == 25:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(workspace.folder)], capture_output=True, text=True, env={**os.environ}
    )
    assert done.returncode == -9
    told = [int(line) for line in done.stdout.split()]
    assert told == list(range(26))
    with workspace.read() as session:
        assert session.query(Event).count() == len(told)


def test_sqlite_runs_in_wal_mode_and_flushes_every_commit(workspace):
    with workspace.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


@pytest.mark.parametrize("name", ["q?y=1", "h%20x", "spaß und mehr"])
def test_a_folder_may_have_any_name(tmp_path, name):
    Workspace.init(tmp_path / name).close()
    assert Workspace.open(tmp_path / name).sqlite_file == tmp_path / name / "labels.db"
    assert (tmp_path / name / "labels.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_reader_sees_one_state_while_others_write(any_workspace):
    with any_workspace.read() as session:
        before = session.query(Event).count()
        with any_workspace.write() as other:
            other.add(Event(action="meanwhile"))
        session.expire_all()
        assert session.query(Event).count() == before
    with any_workspace.read() as session:
        assert session.query(Event).count() == before + 1


def test_a_password_in_a_wrong_database_url_is_not_shown(tmp_path):
    with pytest.raises(UsageError) as wrong:
        Workspace.init(tmp_path / "w", database_url="mysql://me:secret@host/x")
    assert "secret" not in str(wrong.value)
