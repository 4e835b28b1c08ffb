"""A small search: judged on val alone, resumable, told in a report."""

import json

import pytest

from tests.shards.make import make_release
from tests.train.data import make_tars
from train.cli import main

optuna = pytest.importorskip("optuna")
COMMON = ["--model", "resnet8", "--width", "0.25", "--epochs", "1", "--batch-size", "16", "--device", "cpu"]
COMMON += ["--precision", "fp32", "--workers", "0", "--threads", "1"]


def test_a_search_goes_on_where_it_stopped_and_reports_what_mattered(tmp_path, capsys):
    release = make_release(tmp_path, {"train": 24, "val": 9, "test": 3}, classes=3, side=16)
    out = tmp_path / "search"
    for trials in ("2", "5"):
        assert main(["search", str(release), "--trials", trials, "--out", str(out), *COMMON]) == 0
    found = json.loads((out / "search.json").read_text())
    assert [trial["trial"] for trial in found["trials"]] == [0, 1, 2, 3, 4]
    finished = [trial for trial in found["trials"] if trial["state"] == "complete"]
    assert found["best"] in [trial["trial"] for trial in finished]
    assert max(trial["val_top1"] for trial in finished) == next(
        trial["val_top1"] for trial in finished if trial["trial"] == found["best"]
    )
    assert {trial["augment"] for trial in found["trials"]} <= set(finished[0].keys()) | {
        "flip", "cifar", "standard", "cifar+cutout", "standard+trivialaugment", "standard+mixup"
    }  # fmt: skip
    page = (out / "search.html").read_text()
    assert "What mattered" in page
    assert "<svg" in page
    assert "best     trial" in capsys.readouterr().out
    assert main(["search", str(release), "--trials", "6", "--out", str(out), *COMMON, "--optimizer", "adamw"]) == 2
    other = make_release(tmp_path / "other", {"train": 24, "val": 9, "test": 3}, classes=3, side=16, seed=1)
    assert main(["search", str(other), "--trials", "6", "--out", str(out), *COMMON]) == 2
    assert "on other data" in capsys.readouterr().err
    release.rename(tmp_path / "moved")  # neither the place of the data nor the machine make it another search
    words = ["search", str(tmp_path / "moved"), "--trials", "5", "--out", str(out), *COMMON]
    assert main([*words, "--workers", "1", "--device", "auto"]) == 0


def test_a_search_without_val_is_bad_usage(tmp_path, capsys):
    tars = make_tars(tmp_path / "tars", {"train": 12, "test": 3})
    assert main(["search", str(tars), "--trials", "1", "--out", str(tmp_path / "search"), *COMMON]) == 2
    assert "A search needs a val split." in capsys.readouterr().err
