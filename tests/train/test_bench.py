"""`python -m train bench` end to end on the smallest network: what it reports, not how fast."""

import json
import multiprocessing

import pytest
import torch

import train.data
from tests.shards.make import make_release
from train.bench import Asked, loading, make_job, measure
from train.cli import main


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    release = make_release(folder, {"train": 24}, classes=3, side=32)
    out = folder / "bench.json"
    words = ["bench", "resnet18", "--size", "32", "--batch-size", "4", "--device", "cpu", "--seconds", "0.01"]
    assert main([*words, "--data", str(release), "--workers", "0", "--json", "--out", str(out)]) == 0
    return json.loads(out.read_text())


def test_it_compares_with_torchvision_and_a_plain_loop(found):
    assert {"synthetic", "loader", "end_to_end", "torchvision", "torch_plain"} <= found["samples_per_second"].keys()
    assert all(rate > 0 for rate in found["samples_per_second"].values())
    assert found["samples_per_cpu_second"].keys() == found["samples_per_second"].keys()
    ours, theirs = found["samples_per_second"]["synthetic"], found["samples_per_second"]["torchvision"]
    assert found["against"]["torchvision"] == pytest.approx(ours / theirs)


def test_it_names_the_slowest_stage_and_what_the_chip_could_do(found):
    assert found["slowest"] == max(found["stage_ms"], key=found["stage_ms"].get)
    assert found["mfu"] == pytest.approx(
        6 * 555_422_720 * found["samples_per_second"]["synthetic"] / found["peak_flops"], rel=1e-2
    )  # ResNet-18 at 32 x 32 with a 3x3 stem has 0.56 G multiply-adds
    assert found["memory_bytes"] > 0


def test_it_prints_for_people(capsys):
    words = ["bench", "resnet20", "--batch-size", "2", "--device", "cpu", "--seconds", "0.01", "--no-peers"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    for word in ("synthetic", "end to end", "MFU", "slowest"):
        assert word in printed


def test_contenders_load_one_at_a_time_and_use_up_what_was_decoded_ahead_before_their_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(train.data, "MEMORY_LIMIT", 0)
    release = make_release(tmp_path, {"train": 60}, classes=3, side=16)
    asked = Asked("resnet8", 16, 2, 3, str(release), device="cpu", workers=1, seconds=0.0, rounds=2)
    job = make_job(asked)
    order = {rows.tobytes(): turn for turn, (rows, _) in zip(range(30), train.bench.endless(job), strict=False)}
    seen = {"a": [], "b": []}

    def note(name):
        def use(rows, _):
            assert len(multiprocessing.active_children()) == 1  # the loader of the one whose turn it is
            seen[name].append(order[rows.tobytes()])
            return len(rows)

        return use

    contenders = {name: lambda name=name: loading(job, note(name)) for name in seen}
    rates = measure(contenders, torch.device("cpu"), asked)
    ahead = job.train.pictures.ahead
    assert ahead == 4
    # Two steps to warm up and one timed in each of two rounds; every turn begins after what was decoded ahead.
    assert seen == {name: [ahead, ahead + 1, ahead, ahead] for name in rates}
    assert not multiprocessing.active_children()
