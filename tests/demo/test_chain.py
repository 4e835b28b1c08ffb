"""The whole chain as a newcomer runs it: `cairn demo --quick`, killed in the middle and run again."""

import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

CAIRN = [sys.executable, "-m", "cairn"]


def killed_and_run_again(folder: Path) -> subprocess.CompletedProcess[str]:
    """Start the demo and kill its whole process group while it collects, while people judge and while it trains."""
    command = [*CAIRN, "demo", "--quick", "--workspace", str(folder)]
    moments: dict[str, Callable[[], bool]] = {
        "collecting": lambda: rows(folder, "fetches") >= 60,
        "judging": lambda: rows(folder, "judgments") >= 60,
        "training": lambda: (folder / "runs" / "demo" / "last.pt").is_file(),
    }
    for moment, reached in moments.items():
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.monotonic() + 200
        while time.monotonic() < until and process.poll() is None and not reached():
            time.sleep(0.05)
        assert process.poll() is None, f"the demo ended before it could be killed {moment}"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert reached(), f"{moment} was not reached in time"
    assert not (folder / "runs" / "demo" / "metrics.json").exists(), "it was still training"
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def rows(folder: Path, table: str) -> int:
    try:
        with sqlite3.connect(f"file:{folder / 'labels.db'}?mode=ro", uri=True) as database:
            return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
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
def sections(demo: Path) -> dict[str, HTMLParser]:
    """The report's sections by anchor, parsed."""
    page = HTMLParser((demo / "report.html").read_text())
    return {section.attributes["id"]: HTMLParser(section.html) for section in page.css("section")}


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


def test_nothing_was_collected_twice_though_the_crawl_was_killed(demo):
    with sqlite3.connect(demo / "labels.db") as database:
        twice = database.execute(
            "SELECT count(*) FROM (SELECT url FROM fetches WHERE status = 'ok' GROUP BY url HAVING count(*) > 1)"
        ).fetchone()[0]
        proposed_twice = database.execute(
            "SELECT count(*) FROM"
            " (SELECT 1 FROM candidates GROUP BY image_sha256, category_id, fetch_id HAVING count(*) > 1)"
        ).fetchone()[0]
    assert (twice, proposed_twice) == (0, 0)


def test_nobody_judged_twice_and_nothing_was_lost_though_the_app_was_killed(demo, story):
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


def pictures(section: HTMLParser) -> list[str]:
    """The addresses of all pictures of a section's contact sheets: each a real JPEG within the file."""
    found = [img.attributes["src"] for img in section.css(".sheet img")]
    for uri in found:
        assert base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")).startswith(b"\xff\xd8")
    return found


def table(section: HTMLParser, css: str = "details table") -> list[list[str]]:
    """The body of a section's table of numbers, row by row."""
    return [[cell.text() for cell in row.css("td")] for row in section.css_first(css).css("tbody tr")]


def test_the_site_is_shown_by_four_pictures_of_each_category(sections, story):
    captions = [caption.text() for caption in sections["site"].css("figcaption")]
    assert len(pictures(sections["site"])) == len(captions)
    assert {name: captions.count(name) for name in captions} == dict.fromkeys(story["candidates"], 4)


def test_collected_shows_where_pictures_came_from_and_what_became_of_each_odd_file(sections, story):
    section, found = sections["collected"], story["collected"]
    origins = section.css_first('svg[aria-label="pictures by gallery or list"]')
    assert len(origins.css("rect")) == len(found["origins"]) >= 10
    assert sum(row["n"] for row in found["origins"]) == sum(
        row["n"] for row in found["outcomes"] if row["status"] == "ok"
    )
    assert {row["source"] for row in found["origins"]} == {"crawl", "urls"}
    odd = {name: (int(n), int(kept), fate) for name, n, kept, fate in table(section, "table.odd")}
    for name in ("CMYK JPEG", "EXIF-rotated JPEG", "16-bit PNG", "picture with alpha", "PNG named .jpg"):
        assert odd[name][0] == odd[name][1] > 0, name
        assert odd[name][2].startswith("kept, ")
    assert odd["text named .jpg"][1:] == (0, "left out: not_image")
    assert odd["truncated JPEG"][1:] == (0, "left out: undecodable")
    assert odd["decompression bomb"][1:] == (0, "left out: too_large")
    assert odd["picture that never finishes"] == (1, 0, "left out: timeout")
    assert odd["page that never finishes"] == (1, 0, "left out: timeout")
    assert odd["dead link"][1:] == (0, "left out: http_4xx")
    reasons = {row[1] for row in table(section)}
    assert {row["reason"] for row in found["outcomes"] if row["status"] != "ok"} == reasons
    assert len(pictures(section)) >= 5


def test_judged_has_a_row_and_a_whisker_for_each_annotator_with_true_and_estimated_accuracy(sections, story):
    lines = {row[0]: row for row in table(sections["judged"])}
    assert set(lines) == {"Ada", "Bo", "Chen", "Dana", "Eli", "Fay", "Gus", "Hui", "Rand", "Yes"}
    for who in story["annotators"]:
        estimated, low, high, true = lines[who["name"]][2:6]
        for cell, share in ((estimated, who["estimated"]), (low, who["low"]), (high, who["high"]), (true, who["true"])):
            assert cell.endswith("%")
            assert float(cell[:-1]) / 100 == pytest.approx(share, abs=0.001)
    for mark in ("dot", "whisker", "cross"):
        assert len(sections["judged"].css(f".{mark}")) == 10


def test_settled_shows_the_error_before_and_after_the_attributes_and_what_was_turned_away(sections, story):
    wrong = dict(table(sections["settled"]))
    assert list(wrong) == ["the site's claim", "one annotator", "majority vote", "consensus", "… as estimated"]
    assert all("%" in cell for cell in wrong.values())
    text = sections["settled"].text()
    for name, found in story["attributes"]["errors"].items():
        assert f"{name} wrong on" in text
        assert found["n"] > 20
    assert set(story["attributes"]["errors"]) == {"type", "colour"}
    assert len(pictures(sections["settled"])) == min(24, len(story["rejected"])) > 10


def test_duplicates_are_told_by_transform_and_shown_in_pairs(sections, story):
    found = story["duplicates"]
    told = {name: (int(planted), int(n)) for name, planted, n in table(sections["duplicates"])}
    assert told == {name: (row["n"], row["found"]) for name, row in found["transforms"].items()}
    shown = min(8, len(found["pairs"])) + min(6, len(found["missed"])) + min(6, len(found["false"]))
    assert len(pictures(sections["duplicates"])) == 2 * shown > 0


def test_splits_have_pictures_and_a_row_for_each_category(sections, story):
    lines = {name: list(map(int, counts)) for name, *counts in table(sections["splits"])}
    assert lines == {
        name: [counts.get(split, 0) for split in ("train", "val", "test")]
        for name, counts in story["released"]["classes"].items()
    }
    assert len(pictures(sections["splits"])) >= len(lines) == 8


def test_the_curves_have_a_point_for_each_epoch(sections, story):
    section, epochs = sections["trained"], story["training"]["settings"]["epochs"]
    curves = section.css(".curve")
    assert len(curves) == 4, "accuracy and loss, each of train and val"
    assert len(table(section)) == epochs
    assert "--epochs" in section.css_first(".command").text()


def test_the_confusion_matrix_and_recall_have_every_category(sections, story):
    section, names = sections["evaluated"], story["training"]["categories"]
    assert len(names) == 8
    lines = [[int(cell.text() or 0) for cell in row.css("td")] for row in section.css(".confusion tbody tr")]
    assert lines == story["training"]["test"]["confusion"]
    assert [len(line) for line in lines] == [8] * 8
    assert [row[0] for row in table(section)] == names
    assert len(section.css('svg[aria-label="recall per category"] rect')) == 8
    for line, (_, recall, _) in zip(lines, table(section), strict=True):
        k = lines.index(line)
        assert float(recall[:-1]) / 100 == pytest.approx(line[k] / sum(line), abs=0.001)


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
