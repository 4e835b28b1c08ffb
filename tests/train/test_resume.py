"""A run that was killed with SIGKILL, also in the middle of an epoch, ends in the very same weights."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.shards.make import make_release
from tests.train.data import make_image_folder, tiny_config
from train import TrainError, run
from train.checkpoint import Stamp, load_checkpoint, write_checkpoint
from train.cli import main
from train.config import load_config, save_config

COMMON = ["--model", "resnet8", "--width", "0.5", "--epochs", "3", "--batch-size", "8", "--lr", "0.05"]
COMMON += ["--device", "cpu", "--precision", "fp32", "--workers", "0", "--threads", "1", "--checkpoint-seconds", "0"]


def weights(run_folder: Path, name: str = "last.pt") -> dict[str, torch.Tensor]:
    return torch.load(run_folder / name, weights_only=True)["weights"]


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("data"), {"train": 45, "val": 12, "test": 12}, classes=3, side=16)


def kill_in_mid_epoch(release: Path, out: Path, epoch: int, options: list[str] = COMMON) -> None:
    """Start the command, wait until a checkpoint from inside `epoch` is on disk, and kill it."""
    # Each step sleeps a little, so that the moment to kill in cannot be missed; the arithmetic is untouched.
    slow = (
        "import sys, time, train.loop as loop\n"
        "step = loop.train_step\n"
        "loop.train_step = lambda *a: (time.sleep(0.1), step(*a))[1]\n"
        "from train.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow, str(release), "--out", str(out), *options], stderr=subprocess.PIPE
    )
    try:
        while process.poll() is None:
            if (out / "last.pt").is_file():
                position = torch.load(out / "last.pt", weights_only=True)["position"]
                if position["epoch"] == epoch and 0 < position["step"] < 5:
                    os.kill(process.pid, signal.SIGKILL)
                    break
            time.sleep(0.05)
        assert process.wait(60) == -signal.SIGKILL, process.stderr.read().decode()
    finally:
        process.kill()
        process.stderr.close()


@pytest.fixture(scope="module")
def killed(release, tmp_path_factory):
    out = tmp_path_factory.mktemp("killed") / "run"
    kill_in_mid_epoch(release, out, epoch=1)
    assert not (out / "metrics.json").exists()
    return out


def test_killed_in_mid_epoch_and_started_again_gives_the_same_weights(release, killed, tmp_path):
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    shutil.copytree(killed, broken)
    assert main([str(release), "--out", str(unbroken), *COMMON]) == 0
    assert main([str(release), "--out", str(broken), *COMMON]) == 0
    for name in ("last.pt", "best.pt"):
        assert equal(weights(unbroken, name), weights(broken, name))
    columns = [[line.split(",")[:7] for line in (f / "history.csv").read_text().split()] for f in (unbroken, broken)]
    assert columns[0] == columns[1]  # all but the two columns of time


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_killed_on_a_gpu_and_started_again_gives_the_same_weights(release, tmp_path):
    options = [*COMMON, "--device", "cuda", "--deterministic"]
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    kill_in_mid_epoch(release, broken, 1, options)
    for out in (unbroken, broken):
        done = subprocess.run([sys.executable, "-m", "train", str(release), "--out", str(out), *options], check=False)
        assert done.returncode == 0
    assert equal(weights(unbroken), weights(broken))


def test_deterministic_arithmetic_changes_nothing_on_a_cpu(release, tmp_path):
    plain = run(tiny_config(release, tmp_path / "plain", epochs=1))
    strict = run(tiny_config(release, tmp_path / "strict", epochs=1, deterministic=True))
    assert torch.are_deterministic_algorithms_enabled()
    run(tiny_config(release, tmp_path / "plain", epochs=1))
    assert not torch.are_deterministic_algorithms_enabled()
    assert equal(weights(plain.folder), weights(strict.folder))


def test_a_decoder_that_is_killed_is_told_in_a_sentence_and_the_same_command_goes_on(tmp_path, monkeypatch):
    """torch raises it from a signal, wherever the program then is: here in the middle of an epoch's second half."""
    import train.data as module

    folder = make_image_folder(tmp_path / "set", {"train": 60, "test": 6})
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    config = tiny_config(folder, tmp_path / "run", workers=1, batch_size=4, checkpoint_seconds=0.0)

    def kill(done, total, note):
        if "epoch 2/" in note:
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.2)

    with pytest.raises(TrainError, match="A process that decodes pictures died") as caught:
        run(config, progress=kill)
    assert "the same command again" in caught.value.hint
    assert load_checkpoint(tmp_path / "run" / "last.pt", stamp_of(tmp_path / "run"))["position"]["epoch"] == 1
    again, whole = run(config), run(tiny_config(folder, tmp_path / "whole", workers=1, batch_size=4))
    assert equal(weights(again.folder), weights(whole.folder))


def stamp_of(folder: Path) -> Stamp:
    return Stamp(**torch.load(folder / "last.pt", weights_only=True)["stamp"])


def test_resume_without_data_goes_on_with_the_runs_own_settings(release, killed, tmp_path):
    shutil.copytree(killed, tmp_path / "run")
    assert main(["--resume", "--out", str(tmp_path / "run")]) == 0
    whole = run(tiny_config(release, tmp_path / "whole", epochs=3, batch_size=8))
    assert equal(weights(tmp_path / "run"), weights(whole.folder))


def test_resume_where_there_is_no_run_is_bad_usage(tmp_path, capsys):
    assert main(["--resume", "--out", str(tmp_path)]) == 2
    assert "no run to go on with" in capsys.readouterr().err


def test_a_finished_run_trains_no_further_and_says_the_same(release, tmp_path):
    config = tiny_config(release, tmp_path / "run")
    first = run(config)
    written = (first.folder / "last.pt").stat().st_mtime_ns
    again = run(config)
    assert (again.folder / "last.pt").stat().st_mtime_ns == written
    assert again.test == first.test


def test_other_settings_in_the_same_folder_are_refused(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", epochs=1)
    run(config)
    with pytest.raises(TrainError, match=r"lr 0\.05 there, 0\.1 here") as caught:
        run(tiny_config(release, tmp_path / "run", epochs=1, lr=0.1))
    assert caught.value.exit_code == 2


def test_a_checkpoint_of_another_release_is_refused(release, tmp_path):
    run(tiny_config(release, tmp_path / "run", epochs=1))
    other = make_release(tmp_path / "other", {"train": 45, "test": 12}, classes=3, side=16, seed=9)
    with pytest.raises(TrainError, match="another run: its release is"):
        run(tiny_config(other, tmp_path / "run", epochs=1))


def test_a_checkpoint_of_another_model_is_refused(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", epochs=1)
    run(config)
    there = load_config(tmp_path / "run")
    save_config(tiny_config(release, tmp_path / "run", epochs=1, model="resnet14", size=there.size), tmp_path / "run")
    with pytest.raises(TrainError, match="its model is resnet8, not resnet14"):
        run(tiny_config(release, tmp_path / "run", epochs=1, model="resnet14"))


def test_a_damaged_checkpoint_is_named(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", epochs=1)
    run(config)
    last = tmp_path / "run" / "last.pt"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(TrainError, match=r"last\.pt is not a whole checkpoint"):
        run(config)


def test_a_release_that_moved_is_still_the_same_release(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", epochs=1)
    run(config)
    moved = tmp_path / "elsewhere"
    moved.symlink_to(release)
    run(tiny_config(moved, tmp_path / "run", epochs=1))


def test_a_checkpoint_of_a_newer_format_is_refused(release, tmp_path, monkeypatch):
    import train.checkpoint as module

    result = run(tiny_config(release, tmp_path / "run", epochs=1))
    monkeypatch.setattr(module, "FORMAT", 99)
    write_checkpoint(result.folder / "last.pt", {"stamp": {}})
    monkeypatch.undo()
    with pytest.raises(TrainError, match="format 99"):
        load_checkpoint(result.folder / "last.pt", None)


def test_streamed_pictures_train_the_same_weights_as_pictures_in_memory(tmp_path, monkeypatch):
    import train.data as module

    folder = make_image_folder(tmp_path / "set", {"train": 30, "test": 6})
    in_memory = run(tiny_config(folder, tmp_path / "memory"))
    monkeypatch.setattr(module, "MEMORY_LIMIT", 0)
    streamed = run(tiny_config(folder, tmp_path / "streamed", workers=1))
    assert equal(weights(in_memory.folder), weights(streamed.folder))
    assert in_memory.test == streamed.test
