"""Rows of benchmarks/train_gpu.py: kinds of runs stay apart, compilation is no training, none falls back unseen."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch._dynamo

from benchmarks.train_gpu import refuse_mixture
from benchmarks.training import cifar
from benchmarks.training.rows import FAST, HE, NOISE, ROWS, SPEED_RUNS
from benchmarks.training.runs import Setting, setup_seconds
from shards import open_release
from tests.data import shared_data
from tests.shards.make import make_release
from train.bench import Asked, make_job
from train.data import even_batches
from train.sources.kinds import decode
from train.speed import faster

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "train_gpu.py"


def test_a_file_of_figures_is_of_one_machine_and_one_kind(tmp_path):
    kind = {"machine": "a", "tiny": False, "choose": False}
    table = {"speed-94": kind | {"found": {}}, "speed-95": {"found": "not measured"}}
    refuse_mixture(table, kind)
    for word, other in (("machine", "b"), ("tiny", True), ("choose", True)):
        with pytest.raises(SystemExit, match=f"speed-94 was measured with {word}"):
            refuse_mixture(table, kind | {word: other})
    with pytest.raises(SystemExit):  # a file from before rows said where they were measured
        refuse_mixture({"speed-94": {"found": {}}}, kind)


def test_runs_of_another_kind_have_another_folder(tmp_path):
    folders = {
        Setting(tmp_path, tmp_path, tiny, choose, "cpu", None).folder
        for tiny in (False, True)
        for choose in (False, True)
    }
    assert len(folders) == 4


def test_the_time_of_compilation_is_what_the_first_epoch_took_longer():
    assert setup_seconds([41.0, 1.0, 1.2, 1.0]) == 40.0
    assert setup_seconds([0.9, 1.0]) == 0
    assert setup_seconds([7.0]) == 0


def test_compiled_recipes_have_batches_of_one_length():
    for recipe in (FAST, NOISE, *SPEED_RUNS.values()):
        assert [count % recipe["batch_size"] for count in (50_000, 45_000, 40_000)] == [0, 0, 0]


def test_hes_table_takes_the_papers_steps_and_batch():
    batches = even_batches(np.arange(50_000), HE["batch_size"])
    assert {len(rows) for rows in batches} == {127, 128}
    assert len(batches) * HE["epochs"] == pytest.approx(64_000, rel=0.002)


def test_a_network_is_compiled_however_many_were_before_it():
    """Networks share one forward function, of which torch keeps a few programs and then compiles no more."""
    job = make_job(Asked("resnet8", 16, 4, 3, device="cpu", precision="fp32"))
    job = replace(job, config=replace(job.config, cuda_graphs=True))  # the quickest backend to set up
    once = torch._dynamo.config.patch(recompile_limit=1, fail_on_recompile_limit_hit=True)
    with once:
        for name in ("resnet8", "resnet14", "resnet20"):
            job = replace(job, config=replace(job.config, model=name))
            model = job.new_model().eval()
            forward = faster(model, job)
            with torch.no_grad():
                x = torch.randn(4, 3, 16, 16)
                torch.testing.assert_close(forward(x), model(x))
    torch.compiler.reset()


def test_a_release_has_the_statistics_of_all_its_pictures_whatever_its_tars(tmp_path):
    small = make_release(tmp_path / "small", {"train": 30}, formats=("png",))
    large = make_release(tmp_path / "large", {"train": 30}, formats=("png",), max_bytes=1 << 28)
    one, other = open_release(small), open_release(large)
    assert len(one.splits["train"].shards) > len(other.splits["train"].shards) == 1
    assert one.manifest.pixels == other.manifest.pixels
    split = other.split("train")
    pixels = np.stack([np.asarray(decode(split.read_image(row), "")) for row in range(30)]).reshape(-1, 3) / 255
    assert one.manifest.pixels.mean == pytest.approx(pixels.mean(axis=0), abs=1e-6)
    assert one.manifest.pixels.std == pytest.approx(pixels.std(axis=0), abs=1e-6)


def test_people_of_cifar_10h_mostly_say_the_true_class():
    data = shared_data()
    shares = cifar.shares_of_people(data)
    assert shares.shape == (10_000, 10)
    assert shares.sum(axis=1) == pytest.approx(np.ones(10_000), abs=1e-5)
    _, labels = cifar.decode(data, "test", 500)
    assert (shares[:500].argmax(axis=1) == labels).mean() > 0.98


def test_a_file_without_any_row_says_what_is_to_be_run(tmp_path):
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--only", "--json", str(file), "--device", "cpu"],
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())["rows"]
    assert list(rows) == [row.name for row in ROWS]
    for name, row in rows.items():
        assert row["found"] == "not measured"
        assert row["command"] == f"python benchmarks/train_gpu.py --only {name}"
    assert done.stdout.count("not measured") == len(ROWS)


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_row_runs_end_to_end_on_a_cpu_in_its_tiny_form(tmp_path):
    shared_data()
    file = tmp_path / "tiny.json"
    command = [sys.executable, str(SCRIPT), "--tiny", "--device", "cpu", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1400, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())["rows"]
    assert list(rows) == [row.name for row in ROWS]
    assert all(isinstance(row["found"], dict) and row["tiny"] for row in rows.values())
