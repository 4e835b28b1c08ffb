"""The page docs/training.md as a researcher follows it: from a release's URL to a table with intervals."""

import json
import re
import shlex
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser
from typer.testing import CliRunner

from cairn.cli import app
from tests.shards.make import make_release
from tests.shards.serving import serve
from tests.train.rendered import make_scenes

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
SMALL = {"--model": ("resnet8", "resnet14"), "--epochs": ("1", "2")}
REST = ["--width", "0.5", "--batch-size", "16", "--device", "cpu", "--threads", "1", "--workers", "1"]


def cairn(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, f"{words}: {done.output} {done.exception!r}"
    return done.stdout


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Releases that were published into a folder which a web server serves; nothing else of them is left here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    release = make_release(tmp_path / "here", {"train": 48, "val": 12, "test": 18}, classes=3, side=16)
    scenes = make_scenes(tmp_path / "here", {"train": 8, "val": 3, "test": 4})
    for one in (release, scenes):
        cairn("publish", str(one), str(tmp_path / "public"))
        one.rename(tmp_path / f"gone-{one.parent.name}")
    with serve(tmp_path / "public") as serving:
        yield serving


def commands_of_the_page() -> list[list[str]]:
    section = PAGE.read_text().split("## From a release's URL")[1]
    block = re.search(r"```\n(.*?)```", section, re.DOTALL)
    return [shlex.split(line)[3:] for line in block[1].splitlines()]


def test_the_first_page_from_a_url_to_a_table_with_intervals(site, tmp_path):
    first, second, comparison = commands_of_the_page()
    for number, words in enumerate((first, second)):
        assert words[0] == "https://example.org/releases/vehicles/1"
        words[0] = f"{site.url}/tiny/1"
        for option, values in SMALL.items():
            words[words.index(option) + 1] = values[number]
        words[words.index("--seeds") + 1] = "2"
        printed = cairn("train", *words, *REST)
        assert "mean of 2 seeds, std" in printed
    assert comparison[0] == "compare"
    cairn("train", *comparison)
    page = HTMLParser((tmp_path / comparison[-1]).read_text())
    rows = [row.text(separator=" ") for row in page.css("#figures tbody tr")]
    starts = ["vehicles resnet8, 2 seeds", "vehicles-50 resnet14, 2 seeds"]
    assert [" ".join(row.split()[:4]) for row in rows] == starts
    assert all(re.search(r"std [\d.]+%.*[\d.]+–[\d.]+", row) for row in rows)
    assert "95 % interval" in page.body.text()
    metrics = json.loads((tmp_path / "runs" / "vehicles" / "metrics.json").read_text())
    assert metrics["data"] == "tiny/1"
    low, high = metrics["test"]["intervals"]["top1"]
    assert low <= metrics["test"]["runs"][0]["top1"] <= high
    tars = [path for path in site.asked if path.endswith(".tar")]
    assert tars
    assert all(site.asked[tar] == 1 for tar in tars), "each is fetched once, whole, for both networks and all seeds"


def test_a_head_learns_from_a_url_too(site, tmp_path):
    words = ["--epochs", "1", "--width", "0.25", "--small-input", "--device", "cpu", "--threads", "1", "--json"]
    found = json.loads(cairn("train", "head", "segment", f"{site.url}/scenes/1", *words))
    assert found["samples"] == {"train": 8, "val": 3, "test": 4}
    assert 0 <= found["test"]["miou"] <= 1


def test_seeds_side_by_side_read_the_release_at_its_url(site, tmp_path):
    words = ["--model", "resnet8", "--epochs", "1", "--seeds", "2", "--side-by-side", "2", "--out", str(tmp_path / "r")]
    assert "mean of 2 seeds" in cairn("train", f"{site.url}/tiny/1", *words, *REST)
