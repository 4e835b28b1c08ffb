"""The whole chain as a newcomer runs it: `cairn demo --quick`, killed in the middle and run again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CAIRN = [sys.executable, "-m", "cairn"]


def killed_and_run_again(folder: Path) -> subprocess.CompletedProcess[str]:
    """Start the demo, kill its whole process group while people judge, and run the same command again."""
    command = [*CAIRN, "demo", "--quick", "--workspace", str(folder)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + 200
    while time.monotonic() < until and first.poll() is None and judged(folder) < 60:
        time.sleep(0.1)
    assert first.poll() is None, "the demo ended before it could be killed"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def judged(folder: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(f"file:{folder / 'labels.db'}?mode=ro", uri=True) as database:
            return int(database.execute("SELECT count(*) FROM judgments").fetchone()[0])
    except sqlite3.Error:
        return 0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "workspace"
    done = killed_and_run_again(folder)
    assert done.returncode == 0, done.stderr
    assert "going on with the demo" in done.stderr
    assert str(folder / "report.html") in done.stdout
    return folder


@pytest.fixture(scope="module")
def story(demo: Path) -> dict:
    return json.loads((demo / "story.json").read_text())


@pytest.mark.timeout(600)
def test_everything_a_polite_collector_can_get_was_collected_and_nothing_else(story):
    found = story["collected"]
    assert found["missed"] == []
    assert found["unsound_kept"] == []
    assert found["thumbnails_kept"] == 0
    assert found["images"] >= found["reachable"] > 400
    assert story["robots_requests"] == 0
    assert story["bad_rows"] == 3
    reasons = {row["reason"] for row in found["outcomes"] if row["status"] != "ok"}
    assert {"robots", "http_4xx", "not_image", "undecodable", "timeout", "too_large"} <= reasons


def test_every_licence_that_was_written_somewhere_is_known(story):
    assert set(story["collected"]["licenses"]) == {"CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "All rights reserved"}


def test_nobody_judged_twice_and_nothing_was_lost_though_the_app_was_killed(demo, story):
    import sqlite3

    with sqlite3.connect(demo / "labels.db") as database:
        twice = database.execute(
            "SELECT count(*) FROM"
            " (SELECT item_id, person_id FROM judgments WHERE active GROUP BY 1, 2 HAVING count(*) > 1)"
        ).fetchone()[0]
        over = database.execute("SELECT count(*) FROM items WHERE gold IS NULL AND n > 9").fetchone()[0]
        counted = database.execute(
            "SELECT count(*) FROM items i WHERE gold IS NULL AND n <> (SELECT count(*) FROM judgments j"
            " WHERE j.item_id = i.id AND j.active AND json_extract(j.answer, '$.flag') IS NULL)"
        ).fetchone()[0]
    assert (twice, over, counted) == (0, 0, 0)
    assert story["states"]["open"] == 0


def test_consensus_is_better_than_what_it_came_from(story):
    labels = story["labels"]
    assert labels["consensus"] < labels["one_annotator"]
    assert labels["consensus"] < labels["claim"]
    assert story["released"]["error"] < labels["claim"]


def test_the_two_bad_annotators_are_found_and_no_careful_one_is(story):
    flagged = {who["name"] for who in story["annotators"] if who["flags"]}
    assert {"Rand", "Yes"} <= flagged
    assert not flagged & {"Ada", "Bo", "Chen", "Dana", "Eli"}


def test_planted_duplicates_are_found_and_no_others(story):
    found = story["duplicates"]
    assert found["planted"] >= 5
    assert found["found"] >= 0.8 * found["planted"]
    assert found["false"] == []


def test_the_release_was_verified_and_the_network_evaluated_on_its_test_split(story):
    assert story["problems"] == []
    assert (
        sum(counts.get("test", 0) for counts in story["released"]["classes"].values())
        == (story["training"]["test"]["samples"])
    )


def test_the_report_is_one_file_that_needs_nothing_else(demo):
    page = (demo / "report.html").read_text()
    assert len(page) < 5_000_000
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert "<script" not in page
    for anchor in ("site", "collected", "judged", "settled", "duplicates", "splits", "trained", "evaluated"):
        assert f'id="{anchor}"' in page


def test_explain_tells_the_whole_life_of_a_released_picture(demo, story):
    key = next((demo / "releases" / "demo" / "1").glob("train/*.tar"))
    import tarfile

    with tarfile.open(key) as tar:
        first = tar.getnames()[0].split(".")[0]
    done = subprocess.run([*CAIRN, "explain", first, "-w", str(demo), "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    life = json.loads(done.stdout)
    assert life["fetches"][0]["license"]
    assert life["candidates"]
    assert life["items"][0]["judgments"]
    assert life["items"][0]["consensus"]["state"] == "settled"
    assert life["releases"][0]["release"] == "demo/1"
    told = subprocess.run([*CAIRN, "explain", first, "-w", str(demo)], capture_output=True, text=True)
    for word in ("fetched", "proposed", "judged", "settled", "released"):
        assert word in told.stdout


def test_a_folder_that_is_not_a_demos_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    done = subprocess.run([*CAIRN, "demo", "--quick", "-w", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert (tmp_path / "precious.txt").read_text() == "mine"
