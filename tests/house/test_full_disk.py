"""Where space ends a command says so with the next step, leaves nothing half-written, and finishes with room."""

import json
import sys
from pathlib import Path

import pytest

from label_store import Workspace
from tests.collector.site import jpeg
from tests.dataset_builder.scenes import Store
from tests.house.front_door import Ran
from tests.house.full_disk import FILL, on_a_full_disk

FAILED, PARTIAL = 1, 3


def told(ran: Ran, *words: str) -> None:
    """The command said in one sentence that there is no room, and what to do."""
    assert ran.code == FAILED, f"{ran}"
    assert "Traceback" not in ran.err + ran.out
    assert "defect" not in ran.err
    for word in words:
        assert word in ran.sentence
    assert "space" in ran.hint


def _pictures(folder: Path, n: int, side: int, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + n):
        (folder / f"{number}.jpg").write_bytes(jpeg(number, side))
    return folder


def test_shards(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _pictures(tmp_path / "photos" / name, 12, side=400)
    command = f"cairn shards {tmp_path / 'photos'} out"
    done = on_a_full_disk(tmp_path, "128k", ":", command, f"{command} --json")
    told(done.ran, "out")
    assert done.left == []
    assert done.again.code in (0, PARTIAL)
    assert sum(done.again.json["samples"].values()) > 0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with settled pictures, to be copied onto the small disk."""
    folder = tmp_path_factory.mktemp("made") / "vehicles"
    workspace = Workspace.init(folder)
    Store(workspace).fill(20)
    workspace.close()
    return folder


def test_collect(tmp_path: Path, made: Path) -> None:
    pictures = _pictures(tmp_path / "pictures", 40, side=700)
    command = f"cairn collect folder {pictures} -c car --processes 0"
    done = on_a_full_disk(tmp_path, "1500k", f"cp -r {made}/. .", command)
    told(done.ran)
    assert done.left == []
    assert done.again.code == 0, done.again


@pytest.mark.parametrize(
    "command",
    ["taxonomy add tram", "campaign close vehicles", "campaign status", "init .", "init new"],
)
def test_without_a_byte_free_a_command_says_how_much_is_free(tmp_path: Path, made: Path, command: str) -> None:
    done = on_a_full_disk(tmp_path, "1500k", f"cp -r {made}/. .; {FILL}", f"cairn {command}")
    told(done.ran)
    if command != "init new":
        assert "labels.db is full (0.0 MiB free)" in done.ran.sentence
    assert done.again.code == 0, done.again


def test_an_export_leaves_no_half_file(tmp_path: Path, made: Path) -> None:
    command = f"cairn campaign export vehicles -o out.csv -w {made}"
    done = on_a_full_disk(tmp_path, "64k", FILL, command)
    told(done.ran, "no space is left", "0.0 MiB free")
    assert (done.left, done.files) == ([], [])
    assert done.again.code == 0, done.again


def test_a_page_of_duplicates_leaves_no_half_file(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path / "pictures", 3, side=200)
    command = f"cairn duplicates {pictures} --html found.html --workers 1"
    done = on_a_full_disk(tmp_path, "64k", FILL, command)
    told(done.ran, "found.html")
    assert (done.left, done.files) == ([], [])
    assert done.again.code == 0, done.again


BUILD = "cairn build v --workers 1 --pixels.size 48"


def test_a_build_that_cannot_fit_is_refused_before_it_begins(tmp_path: Path, made: Path) -> None:
    done = on_a_full_disk(tmp_path, "3000k", f"cp -r {made}/. .", BUILD)
    told(done.ran, "GiB are free")
    assert not [name for name in done.files if "/v/" in name]
    assert done.again.code == 0, done.again
    assert done.left_again == []


def test_a_build_whose_disk_fills_halfway_publishes_nothing_and_the_same_command_finishes(
    tmp_path: Path, made: Path
) -> None:
    meanwhile = "(until ls -d releases/.*.partial/packs >/dev/null 2>&1; do sleep 0.02; done;"
    meanwhile += " dd if=/dev/zero of=filler bs=1M 2>/dev/null; dd if=/dev/zero bs=1k 2>/dev/null >>filler) &"
    done = on_a_full_disk(tmp_path, "80m", f"cp -r {made}/. .; {meanwhile}", BUILD)
    told(done.ran)
    assert not [name for name in done.files if "/v/" in name]
    assert done.again.code == 0, done.again
    assert done.left_again == []


def test_a_judgment_that_finds_no_room_is_not_told_as_accepted(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    judge = f"env PYTHONPATH={root} {sys.executable} -m tests.house.judge_on_a_full_disk"
    done = on_a_full_disk(tmp_path, "8000k", ":", judge, "cairn campaign status cars --json")
    assert done.ran.code == 0, done.ran
    refused, taken = (json.loads(line) for line in done.ran.out.splitlines())
    assert (refused["status"], refused["type"]) == (507, "application/problem+json")
    assert "full" in refused["body"]["detail"]
    assert "space" in refused["body"]["hint"]
    assert refused["judgments"] == 0
    assert [outcome["status"] for outcome in taken["body"]] == ["accepted"]
    assert taken["judgments"] == 1
    assert done.again.json["judgments"] == 1


def test_training_leaves_no_half_checkpoint_and_the_same_command_finishes(tmp_path: Path) -> None:
    for split, first in (("train", 0), ("test", 100)):
        for number, name in enumerate("ab"):
            _pictures(tmp_path / "photos" / split / name, 8, side=48, first=first + 20 * number)
    flags = "--model resnet20 --width 0.25 --epochs 1 --size 16 --workers 1 --device cpu --batch-size 8"
    done = on_a_full_disk(tmp_path, "128k", ":", f"cairn train {tmp_path / 'photos'} --out run {flags}")
    told(done.ran, "run/", "No space left")
    assert (done.left, "./run/metrics.json" in done.files) == ([], False)
    assert done.again.code == 0, done.again


@pytest.mark.parametrize("size", ["4k", "1m"])
def test_the_demo_says_that_there_is_no_room(tmp_path: Path, size: str) -> None:
    done = on_a_full_disk(tmp_path, size, ":", "cairn demo --quick -w d", "cairn --help")
    told(done.ran, "space")
    assert done.left == []


@pytest.mark.slow
def test_a_demo_whose_disk_was_full_goes_on_to_its_end(tmp_path: Path) -> None:
    done = on_a_full_disk(tmp_path, "6m", ":", "cairn demo --quick -w d", timeout=280)
    told(done.ran, "full")
    assert "going on with the demo" in done.again.err
    assert done.again.code == 0, done.again


@pytest.mark.parametrize(("ci", "uid", "ends"), [("1", 0, "fail"), ("1", 1000, "skip"), ("", 0, "skip")])
def test_where_root_runs_the_checks_a_disk_that_cannot_be_made_fails_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, uid: int, ends: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("os.geteuid", lambda: uid)
    with pytest.raises({"fail": pytest.fail.Exception, "skip": pytest.skip.Exception}[ends], match="unshare"):
        on_a_full_disk(tmp_path, "4k", ":", "cairn --help")
