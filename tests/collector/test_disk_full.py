"""A disk that is full: a clean stop that says how much is needed, and a run that continues once there is space."""

import errno
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cairn.cli import run
from collector.space import is_disk_full, size_words
from label_store import CairnError, CategorySpec, Workspace, blobs, put_category
from label_store.models import Fetch
from tests.collector.site import Site, jpeg

PICTURES = 60


class Disk:
    """A place for blobs that takes so many bytes, and how to make it larger."""

    def __init__(self, folder: Path, mounted: bool) -> None:
        self.folder, self.mounted, self.full = folder, mounted, True

    def grow(self) -> None:
        self.full = False
        if self.mounted:
            subprocess.run(["mount", "-o", "remount,size=64m", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """A tmpfs of 600 KiB where this process may mount one; else its answer at the rim."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    made = Disk(folder, mounted)
    if not mounted:
        real, size = blobs._write, [0]

        def write(path: str, data: bytes) -> None:
            if Path(path).is_relative_to(folder) and made.full:
                size[0] += len(data)
                if size[0] > 600 * 1024:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(path, data)

        monkeypatch.setattr(blobs, "_write", write)
    yield made
    if mounted:
        subprocess.run(["umount", str(folder)], check=False)


def test_a_full_disk_stops_cleanly_says_how_much_is_needed_and_resumes(
    disk: Disk, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.init(tmp_path / "store")
    with workspace.write() as session:
        put_category(session, CategorySpec("car"))
    for name, value in (
        ("CAIRN_WORKSPACE", str(workspace.folder)), ("CAIRN_BLOBS_URL", str(disk.folder / "blobs")),
        ("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc])), ("CAIRN_HOST_DELAY", "0"), ("CAIRN_FETCH_CONCURRENCY", "2"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    urls = [site.put(f"/{n}.jpg", jpeg(n, 480)) for n in range(PICTURES)]
    (tmp_path / "list.txt").write_text("\n".join(urls) + "\n")
    command = ["collect", "urls", str(tmp_path / "list.txt"), "-c", "car", "--processes", "0"]
    assert run(command) == 1
    error = capsys.readouterr().err
    assert "is full" in error
    assert "the rest needs" in error or "addresses left need about" in error or "a thousand pictures" in error
    assert "continues where it stopped" in error
    with workspace.read() as session:
        kept = session.scalar(select(func.count()).select_from(Fetch).where(Fetch.status == "ok"))
        assert session.scalar(select(func.count()).select_from(Fetch).where(Fetch.status != "ok")) == 0
    assert kept is not None
    assert kept < PICTURES
    disk.grow()
    assert run(command) == 0
    with workspace.read() as session:
        assert session.scalar(select(func.count()).select_from(Fetch).where(Fetch.status == "ok")) == PICTURES
    assert all(site.asked[f"/{n}.jpg"] <= 2 for n in range(PICTURES))
    workspace.close()


def test_a_full_disk_is_known_by_its_cause() -> None:
    error = CairnError("cannot keep a picture")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert is_disk_full(error)
    assert not is_disk_full(CairnError("cannot keep a picture"))
    assert not is_disk_full(PermissionError(errno.EACCES, "no"))


@pytest.mark.parametrize(("size", "words"), [(5, "5 bytes"), (2048, "2.0 KiB"), (3 * 2**40, "3.0 TiB")])
def test_sizes_are_said_as_people_say_them(size: float, words: str) -> None:
    assert size_words(size) == words
