"""What a setting does to a run: faster ways give the same numbers, and every state survives an interruption."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import train.loop as loop_module
import train.memory as memory_module
import train.models.pretrained as pretrained_module
from shards import open_release
from tests.shards.make import make_release
from tests.shards.serving import serve
from tests.train.data import make_image_folder, tiny_config
from train import TrainError, run
from train.cli import main
from train.models.build import build_model
from train.models.pretrained import digest_of, load_partial, read_weights


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("data"), {"train": 48, "val": 12, "test": 12}, classes=3, side=16)


def losses(result):
    return [row.train_loss for row in result.history]


@pytest.fixture(scope="module")
def plain(release, tmp_path_factory):
    return run(tiny_config(release, tmp_path_factory.mktemp("plain") / "run"))


@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [({"channels_last": False}, 1e-4), ({"compile": True}, 1e-3), ({"precision": "bf16"}, 0.03)],
    ids=["channels_last", "compile", "bf16"],
)
def test_a_faster_way_gives_the_same_losses(release, plain, tmp_path, changes, tolerance):
    other = run(tiny_config(release, tmp_path / "run", **changes))
    assert losses(other) == pytest.approx(losses(plain), rel=tolerance)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_cuda_graphs_give_the_same_losses(release, tmp_path):
    config = tiny_config(release, tmp_path / "plain", device="cuda")
    graphed = run(tiny_config(release, tmp_path / "graphs", device="cuda", cuda_graphs=True))
    assert losses(graphed) == pytest.approx(losses(run(config)), rel=1e-3)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_graphs_without_a_gpu_are_refused(release, tmp_path):
    with pytest.raises(TrainError, match="CUDA graphs need a GPU"):
        run(tiny_config(release, tmp_path / "run", cuda_graphs=True))


def test_a_batch_in_parts_moves_the_weights_as_a_whole_one(release, tmp_path):
    """A network without batch norm's statistics sees no difference: the norms are frozen with everything else."""
    common = {"frozen": 4, "epochs": 1, "augment": "none"}
    whole = run(tiny_config(release, tmp_path / "whole", **common))
    parts = run(tiny_config(release, tmp_path / "parts", accumulate=3, **common))
    assert losses(parts) == pytest.approx(losses(whole), rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adamw", "ema": 0.9},
        {"optimizer": "muon", "augment": "cifar+alternate+mixup"},
        {"loss": "elr", "lr": 0.05, "schedule": "onecycle"},
    ],
    ids=["adamw-ema", "muon-mixup", "elr"],
)
def test_every_state_survives_an_interruption(release, tmp_path, monkeypatch, changes):
    unbroken = run(tiny_config(release, tmp_path / "unbroken", **changes))
    real, steps = loop_module.train_step, []

    def interrupted(*arguments):
        steps.append(1)
        if len(steps) == 5:
            raise KeyboardInterrupt
        return real(*arguments)

    broken = tiny_config(release, tmp_path / "broken", checkpoint_seconds=0, **changes)
    monkeypatch.setattr(loop_module, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(broken)
    assert torch.load(tmp_path / "broken" / "last.pt", weights_only=True)["position"]["step"] > 0
    monkeypatch.setattr(loop_module, "train_step", real)
    run(broken)
    for name in ("last.pt", "best.pt"):
        ours, theirs = (
            torch.load(f / name, weights_only=True)["weights"] for f in (tmp_path / "broken", unbroken.folder)
        )
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_the_average_is_what_is_measured_and_kept(release, plain, tmp_path):
    averaged = run(tiny_config(release, tmp_path / "run", ema=0.99))
    assert losses(averaged) == losses(plain)  # the training itself is the same
    best, last = (torch.load(averaged.folder / name, weights_only=True) for name in ("best.pt", "last.pt"))
    assert not torch.equal(best["weights"]["fc.weight"], last["weights"]["fc.weight"])


def test_pretrained_weights_are_taken_as_far_as_they_fit_and_the_rest_is_listed(release, plain, tmp_path):
    best = plain.folder / "best.pt"
    model = build_model("resnet8", 7, width=0.5)
    loaded = load_partial(model, read_weights(str(best)))
    assert loaded.other_shape == ("fc.weight", "fc.bias")
    assert torch.equal(model.conv1.weight, torch.load(best, weights_only=True)["weights"]["conv1.weight"])
    again = run(tiny_config(release, tmp_path / "run", pretrained=str(best), frozen=4, epochs=1))
    assert "tensors loaded" in again.metrics["pretrained"]
    kept = torch.load(again.folder / "last.pt", weights_only=True)["weights"]
    theirs = torch.load(best, weights_only=True)["weights"]
    assert all(torch.equal(kept[name], theirs[name]) for name in theirs if not name.startswith("fc"))
    assert not torch.equal(kept["fc.weight"], theirs["fc.weight"])


def test_a_run_does_not_go_on_when_a_file_that_it_learns_from_has_changed(release, plain, tmp_path):
    weights, targets = tmp_path / "weights.pt", tmp_path / "targets.npz"

    def write(factor):
        state = torch.load(plain.folder / "best.pt", weights_only=True)["weights"]
        torch.save({name: tensor * factor for name, tensor in state.items()}, weights)

    def write_targets(share):
        keys = open_release(release).split("train").keys
        rest = (1 - share) / 2
        np.savez(targets, key=keys, probabilities=np.tile(np.float32([share, rest, rest]), (len(keys), 1)))

    write(1)
    write_targets(0.5)
    config = tiny_config(release, tmp_path / "run", pretrained=str(weights), targets=str(targets), epochs=1)
    first = run(config)
    weights.rename(tmp_path / "moved.pt")
    write(1)
    assert losses(run(config)) == losses(first)  # the same values in another file are the same
    write(2)
    with pytest.raises(TrainError, match="its file of pretrained weights is"):
        run(config)
    write(1)
    write_targets(0.8)
    with pytest.raises(TrainError, match="its file of targets is"):
        run(config)


def test_weights_from_a_url_are_kept_and_bounded(plain, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with serve(plain.folder) as serving:
        place = f"{serving.url}/best.pt"
        first, again = read_weights(place), read_weights(place)
        assert digest_of(first) == digest_of(again) == digest_of(read_weights(str(plain.folder / "best.pt")))
        assert serving.asked["/best.pt"] == 1
        with pytest.raises(TrainError, match=r"cannot be read \(HTTP Error 404"):
            read_weights(f"{serving.url}/nothing.pt")
        monkeypatch.setattr(pretrained_module, "LARGEST", 1000)
        with pytest.raises(TrainError, match="is larger than 1,000 bytes"):
            read_weights(f"{serving.url}/last.pt")
    assert len(list((tmp_path / "torch" / "hub" / "checkpoints").iterdir())) == 1


def test_weights_that_are_none_are_refused(tmp_path):
    (tmp_path / "broken.pt").write_bytes(b"nothing")
    with pytest.raises(TrainError, match=r"weights at .*broken\.pt cannot be read"):
        read_weights(str(tmp_path / "broken.pt"))
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(TrainError, match="fits the network"):
        load_partial(build_model("resnet8", 3), read_weights(str(tmp_path / "other.pt")))


def test_targets_can_come_from_a_file_by_key(release, tmp_path):
    from train.sources import open_source

    samples = open_source(release).splits["train"]
    order = np.random.default_rng(0).permutation(len(samples))
    np.savez(
        tmp_path / "same.npz",
        key=np.array(samples.keys)[order],
        probabilities=np.eye(3, dtype=np.float32)[samples.labels][order],
    )
    hard = run(tiny_config(release, tmp_path / "hard", epochs=1))
    same = run(tiny_config(release, tmp_path / "same", epochs=1, targets=str(tmp_path / "same.npz")))
    assert losses(same) == pytest.approx(losses(hard), rel=1e-5)
    np.savez(tmp_path / "few.npz", key=np.array(samples.keys[:3]), probabilities=np.eye(3, dtype=np.float32))
    with pytest.raises(TrainError, match="no targets for 45 training samples"):
        run(tiny_config(release, tmp_path / "few", targets=str(tmp_path / "few.npz")))


def test_too_little_memory_says_which_batch_would_fit(release, tmp_path, monkeypatch):
    monkeypatch.setattr(memory_module, "available_bytes", lambda device: 12 << 20)
    with pytest.raises(TrainError, match="A batch of 512 needs about") as caught:
        run(tiny_config(release, tmp_path / "run", batch_size=512))
    fitting = int(caught.value.hint.split()[1])
    assert 2 <= fitting < 512
    run(tiny_config(release, tmp_path / "fits", batch_size=fitting, epochs=1))


def test_a_decoupled_rate_becomes_the_optimisers(release, tmp_path):
    found = run(tiny_config(release, tmp_path / "run", lr=None, rate=4.0, epochs=1))
    assert found.config.lr == pytest.approx(4.0 * 16 / 1024 * 0.1)
    assert run(tiny_config(release, tmp_path / "run", lr=None, rate=4.0, epochs=1)).config == found.config


def test_batch_auto_finds_one_and_writes_it_down(release, tmp_path):
    found = run(tiny_config(release, tmp_path / "run", batch_size=0, lr=None, epochs=1))
    assert found.config.batch_size == 4  # memory for more, but then an epoch would have fewer than eight steps
    assert found.config.lr == pytest.approx(0.1 * 4 / 128)


def test_broken_pictures_are_left_out_up_to_the_stated_share_and_listed(tmp_path, capsys, monkeypatch):
    folder = make_image_folder(tmp_path / "set", {"train": 40, "test": 6})
    broken = folder / "train" / "class1" / "001.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(TrainError, match=r"class1/001\.png cannot be decoded") as caught:
        run(tiny_config(folder, tmp_path / "strict"))
    assert "--skip-corrupt" in caught.value.hint
    found = run(tiny_config(folder, tmp_path / "lenient", skip_corrupt=0.05, epochs=1))
    assert found.metrics["corrupt"] == ["train/class1/001.png"]
    assert found.metrics["samples"]["train"] == 39
    assert main(["--resume", "--out", str(found.folder)]) == 3  # it is finished: the command only says so
    assert "left out train/class1/001.png: cannot be read" in capsys.readouterr().out
    with monkeypatch.context() as patch:  # torchrun takes any other code for a crash, and ends the other processes
        patch.setattr("train.experiment.run", lambda *_, **__: replace(found, metrics=found.metrics | {"processes": 2}))
        assert main(["--resume", "--out", str(found.folder)]) == 0
    for name in ("004", "007", "010"):
        (folder / "train" / "class1" / f"{name}.png").write_bytes(b"")
    with pytest.raises(TrainError, match=r"More than 5\.00% of 40 samples"):
        run(tiny_config(folder, tmp_path / "many", skip_corrupt=0.05))


def test_curves_go_to_tensorboard_and_csv_while_the_run_goes_on(release, tmp_path):
    pytest.importorskip("tensorboard")
    lines = []
    out = tmp_path / "run"
    run(
        tiny_config(release, out, tensorboard=True),
        on_epoch=lambda row, fold: lines.append((out / "history.csv").read_text().count("\n")),
    )
    assert lines == [2, 3]
    assert any((out / "tensorboard").iterdir())


def test_metrics_name_the_release_the_seeds_and_the_versions(release, plain):
    metrics = json.loads((plain.folder / "metrics.json").read_text())
    assert {"release", "seeds", "versions", "settings", "corrupt", "processes"} <= metrics.keys()
