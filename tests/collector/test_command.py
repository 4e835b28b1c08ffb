"""`cairn collect` on the command line: words, JSON, exit codes."""

import json
from pathlib import Path

import pytest

from cairn.cli import run
from label_store import Workspace
from tests.collector.site import Site, jpeg


@pytest.fixture
def place(store: Workspace, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """The workspace and what it may fetch, as the environment says it."""
    monkeypatch.setenv("CAIRN_WORKSPACE", str(store.folder))
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", json.dumps([site.netloc]))
    monkeypatch.setenv("CAIRN_HOST_DELAY", "0")
    return site


def test_a_list_with_a_bad_row_is_done_in_part(place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text(f"url,kind\n{place.put('/a.jpg', jpeg(1))},car\nnot an address,car\n")
    command = ["collect", "urls", str(tmp_path / "list.csv"), "--category-col", "kind", "--processes", "0"]
    assert run(command) == 3
    captured = capsys.readouterr()
    assert "1 new images, 1 new candidates" in captured.out
    assert "list.csv:3" in captured.err
    assert run([*command, "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    assert (report["already"], report["bad_rows"]) == (1, 1)
    assert Path(report["bad_rows_file"]).read_text().splitlines()[0] == "where,why,rows"


def test_failed_fetches_are_no_failure_of_the_run(
    place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text(place.url("/missing.jpg") + "\n")
    command = ["collect", "urls", str(tmp_path / "list.txt"), "-c", "car", "--processes", "0"]
    assert run(command) == 0
    assert "failed: http_4xx 1" in capsys.readouterr().out
    assert run(command) == 0
    assert "nothing left to collect" in capsys.readouterr().out


def test_a_crawl_that_may_read_no_page_fails_and_says_what_to_set(
    place: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = place.put("/", "<p>nothing</p>")
    monkeypatch.setenv("CAIRN_ALLOW_HOSTS", "[]")
    assert run(["collect", "crawl", start, "-c", "car", "--processes", "0"]) == 1
    said = capsys.readouterr().err
    assert "no page could be read: private_address" in said
    assert "allow_hosts" in said


def test_a_crawl_by_mapping_then_status(place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("car", 1), ("dog", 2)):
        place.put(f"/{name}/", f'<img src="{place.put(f"/{name}.jpg", jpeg(seed))}">')
    start = place.put("/", '<a href="/car/">c</a><a href="/dog/">d</a>')
    (tmp_path / "map.toml").write_text('[categories]\n"/car/" = "car"\n')
    command = ["collect", "crawl", start, "--map-file", str(tmp_path / "map.toml"), "--map", "/dog/=dog"]
    assert run([*command, "--processes", "0"]) == 0
    capsys.readouterr()
    assert run(["collect", "status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert {(row["category"], row["candidates"]) for row in status["categories"]} == {("car", 1), ("dog", 1)}
    assert run(["collect", "status"]) == 0
    assert "2 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["urls", "nowhere.csv"],
        ["folder", "nowhere"],
        ["crawl", "http://127.0.0.1/", "--map", "nonsense"],
        ["crawl", "http://127.0.0.1/", "--category", "zebra"],
        ["crawl", "http://127.0.0.1/", "--ignore", "the law"],
        ["crawl", "http://127.0.0.1/", "--map-file", "nowhere.toml"],
    ],
)
def test_bad_usage_is_one_sentence_and_exit_2(
    place: Site, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["collect", *arguments]) == 2
    error = capsys.readouterr().err
    assert "error: " in error
    assert "hint: " in error
    assert not place.asked


def test_what_is_only_good_advice_is_not_called_the_hint_of_an_error(
    place: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_CONTACT", "")
    (tmp_path / "list.txt").write_text(place.put("/a.jpg", jpeg(1)) + "\n")
    assert run(["collect", "urls", str(tmp_path / "list.txt"), "-c", "car", "--processes", "0"]) == 0
    error = capsys.readouterr().err
    assert "note: set contact" in error
    assert "hint:" not in error


def test_pictures_of_no_category_are_told(place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is asked about them, and nothing else would say so."""
    list_of_two = tmp_path / "list.txt"
    list_of_two.write_text(place.put("/a.jpg", jpeg(1)) + "\n" + place.put("/b.jpg", jpeg(2)) + "\n")
    assert run(["collect", "urls", str(list_of_two), "--processes", "0"]) == 0
    assert "2 pictures belong to no category" in " ".join(capsys.readouterr().err.split())
    assert run(["collect", "urls", str(list_of_two), "-c", "car", "--processes", "0"]) == 0
    told = capsys.readouterr()
    assert "no category" not in told.err
    assert "2 new candidates" in told.out


def test_a_row_s_number_is_told_as_it_is(place: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal's library turns `:100:` into a picture of the number, unless it is told not to."""
    listed = tmp_path / "list.csv"
    listed.write_text("url\n" + "\n".join([place.put("/a.jpg", jpeg(1))] * 98) + "\nno address\n")
    assert run(["collect", "urls", str(listed), "-c", "car", "--processes", "0"]) == 3
    assert "list.csv:100: " in " ".join(capsys.readouterr().err.split())
