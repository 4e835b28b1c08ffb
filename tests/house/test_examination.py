"""What `cairn doctor` finds: each thing that is not as it should be, with its remedy."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from cairn import examination
from cairn.examination import Finding, examine
from label_store import Origin, Workspace, ingest
from label_store.models import Takedown
from tests.house.lean import PROJECT
from tests.label_store.pictures import jpeg

Spoil = Callable[[Workspace, pytest.MonkeyPatch], None]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    made = Workspace.init(tmp_path / "w")
    ingest(made, jpeg(1), Origin(source="folder", url="file:///1.jpg"))
    made.close()
    return made


def _set(line: str) -> Spoil:
    def spoil(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        toml = place.folder / "cairn.toml"
        toml.write_text(f"{line}\n{toml.read_text()}")

    return spoil


def _torch(cuda: object) -> Spoil:
    return lambda place, monkeypatch: monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))


def _no_gpu(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _torch(SimpleNamespace(is_available=lambda: False))(place, monkeypatch)


def _chromium(script: str | None) -> Spoil:
    def spoil(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        file = place.folder.parent / "chromium"
        if script is not None:
            file.write_text(script)
            file.chmod(0o755)
        monkeypatch.setenv("CAIRN_CHROMIUM", str(file))

    return spoil


def _world_writable(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.sqlite_file
    place.sqlite_file.chmod(0o666)


def _little_disk(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "LOW_DISK", shutil.disk_usage(place.folder).total + 1)


def _no_blobs(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place.folder / "blobs")


def _no_database(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.sqlite_file
    place.sqlite_file.unlink()


def _damaged(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert place.sqlite_file
    place.sqlite_file.write_bytes(b"not a database" * 1000)


def _old_takedown(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with place.write() as session:
        session.add(Takedown(phash="0" * 16, phash_version=0, reason="asked"))


def _package_missing(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(examination.ROOMS, "serve", ("fastapi", "no-such-package"))


@pytest.mark.parametrize(
    ("spoil", "verdict", "what", "remedy"),
    [
        (_no_gpu, "note", "no GPU", "nvidia-smi"),
        (_chromium(None), "note", "no Chromium", "playwright install chromium"),
        (_chromium("#!/bin/sh\nexit 3\n"), "wrong", "does not start", "install it again"),
        (_set('serve_host = "0.0.0.0"'), "wrong", "no TLS of its own", "reverse proxy"),
        (_set("open_signup = true"), "note", "open_signup is on", "open_signup = false"),
        (_set('allow_hosts = ["10.0.0.1"]'), "note", "10.0.0.1", "allow_hosts"),
        (_set(""), "note", "no contact", "set contact"),
        (_world_writable, "wrong", "written by everybody", "chmod o-w"),
        (_little_disk, "wrong", "GiB free", "free some space"),
        (_no_blobs, "wrong", "is not a folder", "backup"),
        (_no_database, "wrong", "is missing", "cairn init"),
        (_damaged, "wrong", "labels.db", "database_url"),
        (_set("host_dely = 1"), "wrong", "host_dely", ""),
        (_set('database_url = "mysql://x/y"'), "wrong", "mysql", "sqlite"),
        (_old_takedown, "note", "1 takedown has a hash of an earlier kind", "cairn takedown --near"),
        (_package_missing, "note", "no-such-package", "cairn-dataset[serve]"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_found_with_its_remedy(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, verdict: str, what: str, remedy: str
) -> None:
    spoil(place, monkeypatch)
    findings = list(examine(place.folder))
    found = [one for one in findings if one.verdict == verdict and what in one.what]
    assert len(found) == 1, findings
    assert remedy in found[0].remedy
    assert [one for one in findings if one.verdict != "ok" and not one.remedy] == []


@pytest.mark.parametrize("room", examination.ROOMS)
def test_every_package_of_an_extra_is_looked_for(room: str) -> None:
    assert examination.ROOMS[room] == tuple(text.partition(">")[0] for text in PROJECT["optional-dependencies"][room])


def test_a_gpu_is_shown_with_its_memory(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    card = SimpleNamespace(name="A Card", total_memory=24 * 2**30)
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 1, get_device_properties=lambda n: card)
    _torch(cuda)(place, monkeypatch)
    assert Finding("ok", "GPU 0: A Card, 24 GiB") in list(examine(place.folder))


def test_without_torch_nothing_is_said_of_a_gpu(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert not [one for one in examine(place.folder) if "GPU" in one.what]


def test_a_browser_is_named_with_its_version(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _chromium("#!/bin/sh\necho Chromium 1.2.3\n")(place, monkeypatch)
    assert any(one.verdict == "ok" and one.what.startswith("Chromium 1.2.3 (") for one in examine(place.folder))


def test_outside_of_a_workspace_the_machine_is_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    findings = list(examine(None))
    assert any("cairn init" in one.remedy for one in findings)
    assert any(one.what.endswith(f"GiB free at {tmp_path}") for one in findings)
    assert os.listdir(tmp_path) == []
    assert [one for one in findings if one.verdict != "ok" and not one.remedy] == []
