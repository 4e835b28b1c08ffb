"""Rows of benchmarks/train_gpu.py: kinds of runs stay apart, compilation is no training, none falls back unseen."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch._dynamo

from benchmarks.train_gpu import refuse_mixture
from benchmarks.training.rows import FAST, HE, NOISE, SPEED_RUNS
from benchmarks.training.runs import Setting, setup_seconds
from shards import open_release
from tests.shards.make import make_release
from train.bench import Asked, make_job
from train.data import even_batches
from train.sources.kinds import decode
from train.speed import faster


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
