"""Seeds that train at once, each in a process of its own: the weights of one after another, and the same errors."""

import multiprocessing
import os
import signal

import pytest
import torch

from tests.shards.make import make_release
from tests.train.data import tiny_config
from train import TrainError, run
from train.parallel import World
from train.preparing import prepare


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("data"), {"train": 48, "val": 12, "test": 12}, classes=3, side=16)


@pytest.fixture(scope="module")
def one_after_another(release, tmp_path_factory):
    torch.set_num_threads(1)
    return run(tiny_config(release, tmp_path_factory.mktemp("runs") / "run", seeds=3))


def same_weights(first, second):
    for seed in range(3):
        ours, theirs = (
            torch.load(one / f"seed-{seed}" / "best.pt", weights_only=True)["weights"] for one in (first, second)
        )
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_seeds_side_by_side_end_in_the_weights_of_one_after_another(release, one_after_another, tmp_path):
    seen, lines = [], []
    found = run(
        tiny_config(release, tmp_path / "run", seeds=3, side_by_side=2),
        progress=lambda done, total, note: seen.append((done, total)),
        on_epoch=lambda row, fold: lines.append(row),
    )
    same_weights(found.folder, one_after_another.folder)
    assert found.metrics["test"] == one_after_another.metrics["test"]
    assert [(row.seed, row.epoch) for row in found.history] == [(seed, e) for seed in range(3) for e in (1, 2)]
    assert sorted((row.seed, row.epoch) for row in lines) == [(row.seed, row.epoch) for row in found.history]
    assert seen[-1][0] == seen[-1][1]
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_told_and_the_same_command_goes_on(release, one_after_another, tmp_path):
    config = tiny_config(release, tmp_path / "run", seeds=3, side_by_side=2)

    def kill(row, fold):
        for process in multiprocessing.active_children():
            os.kill(process.pid, signal.SIGKILL)

    with pytest.raises(TrainError, match=r"The process that trains seed [01] died \(exit code -9\)") as caught:
        run(config, on_epoch=kill)
    assert "--side-by-side" in caught.value.hint
    assert not multiprocessing.active_children()
    same_weights(run(config).folder, one_after_another.folder)


def test_what_is_wrong_in_one_process_is_said_by_the_run(release, tmp_path):
    with pytest.raises(TrainError, match="The loss is no longer a number at epoch") as caught:
        run(tiny_config(release, tmp_path / "run", seeds=2, side_by_side=2, lr=1e30))
    assert "smaller --lr" in caught.value.hint


def test_processes_of_torchrun_are_not_divided_further(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", seeds=2, side_by_side=2)
    with pytest.raises(TrainError, match="cannot train side by side") as caught:
        prepare(config, torch.device("cpu"), World(0, 2), None)
    assert caught.value.exit_code == 2
