"""Two processes under torchrun (gloo) train what one process trains: the same losses for the same global batch."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.shards.make import make_release
from train.errors import TrainError
from train.parallel import World, check_pieces

ARGUMENTS = ["--model", "resnet8", "--width", "0.5", "--epochs", "2", "--batch-size", "16", "--lr", "0.05"]
ARGUMENTS += ["--device", "cpu", "--precision", "fp32", "--workers", "0", "--threads", "1"]
# The same layout as synchronised norms compute in: in the flat areas of drawn shapes many activations lie at ReLU's
# kink together, where another order of additions alone already changes gradients by a thousandth.
ARGUMENTS += ["--no-channels-last"]


@pytest.mark.parametrize(("count", "size"), [(7, 2), (3, 4), (16, 3), (1, 2)], ids=str)
def test_shares_hold_every_row_once(count, size):
    rows = np.arange(count)
    shares = [rows[World(rank, size).share(count)] for rank in range(size)]
    assert np.array_equal(np.concatenate(shares), rows)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_batch_of_which_a_process_would_lack_a_part_is_refused():
    """17 samples in batches of 16 are batches of 9 and 8."""
    check_pieces(World(0, 2), 17, 16, accumulate=4)
    for world, accumulate in ((World(0, 3), 3), (World(1, 9), 1)):
        with pytest.raises(TrainError, match="A batch of 8 samples is too small for"):
            check_pieces(world, 17, 16, accumulate)
    check_pieces(World(), 17, 16, accumulate=9)  # alone, a batch is passed in as many parts as it has samples


def history(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_two_processes_have_the_losses_of_one_and_count_every_sample_once(tmp_path):
    release = make_release(tmp_path, {"train": 45, "val": 13, "test": 17}, classes=3, side=16)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    alone = [sys.executable, "-m", "train", str(release), "--out", str(tmp_path / "one"), *ARGUMENTS]
    subprocess.run(alone, check=True, capture_output=True, timeout=200, env=environment)
    both = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "train"]
    both += [str(release), "--out", str(tmp_path / "two"), *ARGUMENTS]
    done = subprocess.run(both, check=False, capture_output=True, timeout=250, env=environment, text=True)
    assert done.returncode == 0, done.stderr
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    for name in ("train_loss", "val_loss"):
        assert [float(row[name]) for row in two] == pytest.approx([float(row[name]) for row in one], abs=1e-4)
    metrics = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert metrics["processes"] == 2
    assert metrics["test"]["samples"] == np.sum(metrics["test"]["confusion"]) == 17
    assert metrics["test"]["loss"] == pytest.approx(
        json.loads((tmp_path / "one" / "metrics.json").read_text())["test"]["loss"], abs=1e-4
    )
    assert done.stdout.count("report   ") == 1  # one process speaks for both
