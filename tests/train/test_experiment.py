"""A whole run on a small release: what it writes, what it chooses, what it refuses."""

import itertools
import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import torch

from shards import open_release
from tests.shards.make import make_release
from tests.train.data import make_cifar, make_image_folder, make_tars, tiny_config
from train import RunConfig, TrainError, run
from train.checkpoint import EpochRow
from train.config import from_toml, to_toml
from train.data import even_batches, load
from train.decoding import stored_side
from train.loop import best_row
from train.metrics import evaluate
from train.partition import assign_folds, hold_out
from train.sources import open_source


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_release(tmp_path_factory.mktemp("data"), {"train": 61, "val": 17, "test": 23}, classes=3, side=16)


@pytest.fixture(scope="module")
def result(release, tmp_path_factory):
    seen = []
    config = tiny_config(release, tmp_path_factory.mktemp("runs") / "run", epochs=3, folds=3)
    found = run(config, progress=lambda *x: seen.append(x), on_epoch=lambda row, fold: seen.extend((row, fold)))
    return found, seen


def test_the_run_folder_holds_what_the_design_says(release, result):
    folder = result[0].folder
    names = {"config.toml", "metrics.json", "history.csv", "last.pt", "best.pt", "report.html", "predictions.npz"}
    assert names <= {file.name for file in folder.iterdir()}
    assert not list(folder.glob("*tmp*")) + list(folder.glob("*partial*"))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["release"] == open_release(release).release_id
    assert metrics["model"] == "resnet8"
    assert metrics["seeds"] == [0]
    assert {"loss", "top1", "top5", "recall", "precision", "confusion"} <= metrics["test"].keys()
    assert tomllib.loads((folder / "config.toml").read_text())["size"] == 16
    assert (folder / "history.csv").read_text().count("\n") == 4


def test_every_last_sample_is_counted(result):
    metrics = result[0].metrics
    assert metrics["test"]["samples"] == 23
    assert np.sum(metrics["test"]["confusion"]) == 23
    assert np.sum(metrics["val"]["confusion"]) == 17
    assert metrics["samples"] == {"train": 61, "val": 17, "test": 23}


def test_best_weights_are_enough_to_predict_again(release, result):
    from train.models.build import build_model

    best = torch.load(result[0].folder / "best.pt", weights_only=True)
    settings = best["settings"]
    model = build_model(settings["model"], len(settings["categories"]), width=settings["width"])
    model.load_state_dict(best["weights"])
    model.eval()
    test = open_source(release).splits["test"]
    pixels = np.stack([np.asarray(test.picture(i)) for i in range(len(test))]).astype(np.float32) / 255
    x = torch.from_numpy((pixels - np.float32(settings["mean"])) / np.float32(settings["std"])).permute(0, 3, 1, 2)
    with torch.no_grad():
        again = evaluate(model(x).numpy(), test.labels)
    assert again.confusion == result[0].test.confusion
    assert again.loss == pytest.approx(result[0].test.loss, rel=1e-4)


def test_progress_reaches_its_total_and_epochs_are_told(result):
    seen = result[1]
    steps = [x for x in seen if isinstance(x, tuple) and x[2] not in ("decoding pictures", "checking shards")]
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert sum(isinstance(x, EpochRow) for x in seen) == 3 * (1 + 3)
    folds = [fold for row, fold in itertools.pairwise(seen) if isinstance(row, EpochRow)]
    assert folds == [None] * 3 + [f"{fold} of 3" for fold in (1, 2, 3) for _ in range(3)]


def test_out_of_fold_predictions_cover_each_training_sample_once(release, result):
    split = open_release(release).split("train")
    with np.load(result[0].folder / "predictions.npz") as found:
        assert list(found["key"]) == list(split.keys)
        assert list(found["sha256"]) == [split.meta(i)["sha256"] for i in range(len(split))]
        assert sorted(np.unique(found["fold"])) == [0, 1, 2]
        assert found["probabilities"].dtype == np.float32
        assert found["probabilities"].shape == (61, 3)
        np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, rtol=1e-5)
        assert 0.05 <= float(found["temperature"]) <= 20
        right = found["probabilities"].argmax(axis=1) == open_source(release).splits["train"].labels
    told = result[0].metrics["out_of_fold"]
    assert (told["samples"], told["top1"]) == (61, right.mean())
    assert told["top1_low"] < right.mean() < told["top1_high"]
    assert "by a network that never saw them" in " ".join((result[0].folder / "report.html").read_text().split())


def test_a_share_has_one_interval_wherever_it_is_told(result):
    found = result[0].metrics["test"]
    assert found["intervals"]["top1"] == [found["top1_low"], found["top1_high"]]


def test_a_fold_is_judged_by_a_network_trained_on_the_others(release, result):
    from train.models.build import build_model

    folder = result[0].folder
    source = open_source(release).splits["train"]
    with np.load(folder / "predictions.npz") as found:
        fold, probabilities, temperature = found["fold"], found["probabilities"], float(found["temperature"])
    best = torch.load(folder / "fold-2-of-3" / "best.pt", weights_only=True)
    settings = best["settings"]
    model = build_model("resnet8", 3, width=settings["width"])
    model.load_state_dict(best["weights"])
    model.eval()
    rows = np.flatnonzero(fold == 1)
    pixels = np.stack([np.asarray(source.picture(int(i))) for i in rows]).astype(np.float32) / 255
    x = torch.from_numpy((pixels - np.float32(settings["mean"])) / np.float32(settings["std"])).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = torch.softmax(model(x) / temperature, dim=1).numpy()
    np.testing.assert_allclose(probabilities[rows], expected, atol=1e-4)


def test_the_report_is_one_file_that_loads_nothing(result):
    page = result[0].report.read_text()
    assert "<svg" in page
    assert "data:image/png;base64," in page
    assert "prefers-color-scheme:dark" in page.replace(" ", "")
    for outside in ("http://", "https://", "<script", "<link", "@import"):
        assert outside not in page
    for category in result[0].metrics["categories"]:
        assert category in page
    for anchor in ("curves", "confusion", "classes", "calibration", "pictures", "settings"):
        assert f'id="{anchor}"' in page


def test_a_network_learns_shapes(tmp_path):
    release = make_release(tmp_path, {"train": 160, "val": 30, "test": 60}, classes=2, side=16)
    found = run(tiny_config(release, tmp_path / "run", epochs=8, width=1.0, augment="flip"))
    assert found.history[-1].train_loss < found.history[0].train_loss
    assert found.test.top1 > 0.75


def test_the_best_epoch_is_chosen_on_val_with_loss_breaking_ties():
    def row(epoch, top1, loss):
        return EpochRow(0, epoch, 0.1, 1.0, 0.5, loss, top1, 100.0, 1.0)

    assert best_row([row(1, 0.5, 1.0), row(2, 0.7, 0.9), row(3, 0.7, 0.8), row(4, 0.6, 0.1)]).epoch == 3
    assert best_row([row(1, None, None), row(2, None, None)]).epoch == 2


def test_without_val_the_last_epoch_is_reported(release, tmp_path):
    found = run(tiny_config(release, tmp_path / "run", val="none"))
    assert found.metrics["chosen_epochs"] == [2]
    assert found.val is None
    assert found.metrics["chosen_by"] == "last epoch"


def test_a_share_of_train_can_stand_in_for_val(release, tmp_path):
    found = run(tiny_config(release, tmp_path / "run", val="0.2", epochs=1))
    assert found.metrics["samples"] == {"train": 49, "val": 12, "test": 23}


def test_several_seeds_give_mean_and_spread(release, tmp_path):
    found = run(tiny_config(release, tmp_path / "run", seeds=2, epochs=1))
    metrics = found.metrics
    assert metrics["seeds"] == [0, 1]
    each = [one["top1"] for one in metrics["test"]["runs"]]
    assert metrics["test"]["top1"] == pytest.approx(np.mean(each))
    assert metrics["test"]["spread"]["top1"]["std"] == pytest.approx(np.std(each, ddof=1))
    assert np.sum(metrics["test"]["confusion"]) == 2 * 23
    first = torch.load(tmp_path / "run" / "seed-0" / "last.pt", weights_only=True)["weights"]
    second = torch.load(tmp_path / "run" / "seed-1" / "last.pt", weights_only=True)["weights"]
    top = torch.load(tmp_path / "run" / "last.pt", weights_only=True)["weights"]
    assert torch.equal(first["conv1.weight"], top["conv1.weight"])
    assert not torch.equal(first["conv1.weight"], second["conv1.weight"])


def test_one_seed_of_several_is_the_same_as_that_seed_alone(release, tmp_path):
    run(tiny_config(release, tmp_path / "both", seeds=2, epochs=1))
    alone = run(tiny_config(release, tmp_path / "alone", seed=1, epochs=1))
    theirs = torch.load(tmp_path / "both" / "seed-1" / "last.pt", weights_only=True)["weights"]
    ours = torch.load(alone.folder / "last.pt", weights_only=True)["weights"]
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


def test_soft_targets_train_other_weights_and_need_a_release(release, tmp_path):
    hard = run(tiny_config(release, tmp_path / "hard", epochs=1))
    soft = run(tiny_config(release, tmp_path / "soft", epochs=1, targets="soft"))
    assert soft.history[0].train_loss != hard.history[0].train_loss
    with pytest.raises(TrainError, match="no soft labels"):
        run(tiny_config(make_tars(tmp_path / "tars", {"train": 9}), tmp_path / "x", targets="soft"))


def test_minutes_choose_the_epochs_once_and_write_them_down(release, tmp_path):
    config = tiny_config(release, tmp_path / "run", minutes=0.0001)
    found = run(config)
    assert found.config.epochs == 1
    assert tomllib.loads((tmp_path / "run" / "config.toml").read_text())["epochs"] == 1
    assert run(replace(config, minutes=0.0001)).config.epochs == 1


def test_other_kinds_of_data_run_from_end_to_end(tmp_path):
    for name, path in {
        "folder": make_image_folder(tmp_path / "folder", {"": 60}),
        "tars": make_tars(tmp_path / "tars", {"train": 30, "test": 9}),
        "cifar": make_cifar(tmp_path / "cifar")[0],
    }.items():
        found = run(tiny_config(path, tmp_path / "runs" / name, epochs=1))
        assert found.test.samples == {"folder": 6, "tars": 9, "cifar": 6}[name]


def test_data_without_test_says_so(tmp_path):
    found = run(tiny_config(make_tars(tmp_path / "tars", {"train": 30, "val": 9}), tmp_path / "run", epochs=1))
    assert found.metrics["test"] is None
    assert found.test is None
    assert "no test split" in found.report.read_text()


def test_large_pictures_keep_a_margin_around_what_is_seen(tmp_path):
    folder = make_image_folder(tmp_path / "set", {"train": 6})
    pictures, _ = load(open_source(folder).splits["train"], 224, torch.device("cpu"), 0)
    assert pictures.one(0).shape == (256, 256, 3)
    assert stored_side(64) == 64


def test_a_rate_that_explodes_stops_with_the_step_and_the_samples(release, tmp_path):
    pattern = r"at epoch \d+, step \d+ of .*samples [0-9a-f]{16}.*largest activations: "
    with pytest.raises(TrainError, match=pattern) as caught:
        run(tiny_config(release, tmp_path / "run", lr=1e30, warmup=0.0))
    assert "--lr" in caught.value.hint


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused(release, tmp_path):
    with pytest.raises(TrainError, match="shows 0 CUDA devices") as caught:
        run(tiny_config(release, tmp_path / "run", device="cuda"))
    assert caught.value.exit_code == 2


def test_a_corrupt_sample_is_named_before_anything_is_written(tmp_path):
    release = make_release(tmp_path, {"train": 30, "test": 6}, classes=3)
    split = open_release(release).split("train")
    shard = split.file_of(5)
    damaged = bytearray(shard.read_bytes())
    start = int(split.index.offset[5])
    damaged[start : start + 40] = bytes(40)
    shard.write_bytes(damaged)
    with pytest.raises(TrainError, match=r"train/000000\.tar is not what the manifest says: its SHA-256 is wrong"):
        run(tiny_config(release, tmp_path / "run"))
    with pytest.raises(TrainError, match=str(split.keys[5])):
        run(tiny_config(release, tmp_path / "run", verify=False))
    assert not (tmp_path / "run").exists()


def test_settings_survive_the_way_through_toml():
    config = RunConfig(data='a "b"\\c\n', out="x", lr=1e-3, size=64, small_input=True, minutes=1.5)
    assert from_toml(to_toml(config)) == config


@pytest.mark.parametrize(
    "changes",
    [{"augment": "x"}, {"epochs": 0}, {"lr": -1.0}, {"val": "2"}, {"folds": 1}, {"momentum": 1.0}, {"size": 4}],
)
def test_settings_that_cannot_be_are_bad_usage(changes):
    with pytest.raises(TrainError, match=next(iter(changes))) as caught:
        RunConfig(data="a", out="b", **changes)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("n", "batch"), [(1, 4), (7, 3), (64, 16), (65, 16), (100, 128)])
def test_batches_are_even_and_hold_every_row_once(n, batch):
    order = np.random.default_rng(0).permutation(n)
    batches = even_batches(order, batch)
    assert np.array_equal(np.concatenate(batches), order)
    lengths = {len(b) for b in batches}
    assert max(lengths) <= batch
    assert max(lengths) - min(lengths) <= 1


def test_groups_are_never_torn_apart_and_classes_stay_even():
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 50)
    groups = [f"{label}-{random.integers(0, 25)}" for label in labels]
    fold = assign_folds(labels, groups, 5, seed=1)
    kept, held = hold_out(labels, groups, 0.2, seed=1)
    for group in set(groups):
        rows = [i for i, g in enumerate(groups) if g == group]
        assert len(set(fold[rows])) == 1
        assert len(set(rows) & set(held)) in (0, len(rows))
    assert np.array_equal(np.sort(np.concatenate([kept, held])), np.arange(200))
    counts = np.array([[np.sum((fold == f) & (labels == k)) for k in range(4)] for f in range(5)])
    assert counts.min() >= 4
    assert np.array_equal(fold, assign_folds(labels, groups, 5, seed=1))
    assert not np.array_equal(fold, assign_folds(labels, groups, 5, seed=2))
