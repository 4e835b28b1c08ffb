"""Heads on rendered scenes: labels in the pixels that are seen, figures by hand, exact resume, what is learnt."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shards import open_release
from tests.train.rendered import FULL, NAMES, SHARD, make_scenes
from train.cli import main
from train.device import make_compute
from train.errors import TrainError
from train.heads import HeadConfig
from train.heads.figures import Boxes, Ranked, class_iou, iou, ranked_answers, ranked_boxes
from train.heads.fit import train_head
from train.heads.labels import Attribute, answers_of, attributes_in, boxes_of, mask_of
from train.heads.tasks import Attributes, HeadPart


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return make_scenes(tmp_path_factory.mktemp("data"), {"train": 200, "val": 30, "test": 60})


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return make_scenes(tmp_path_factory.mktemp("data"), {"train": 12, "val": 4, "test": 6}, seed=3)


def config(task, data, out, **changes):
    common = {"model": "resnet18", "width": 0.25, "small_input": True, "threads": 1, "device": "cpu"}
    return HeadConfig(task, str(data), str(out), **{**common, **changes})


def test_boxes_and_masks_are_in_the_pixels_that_the_network_sees():
    meta = {
        "width": 100, "height": 50, "scale_x": 0.5, "scale_y": 0.5, "offset_x": 0.0, "offset_y": 0.0,
        "boxes": [
            {"category": "square", "x": 60, "y": 20, "w": 40, "h": 60},
            {"category": "square", "x": 0, "y": 0, "w": 60, "h": 50},
            {"category": "disc", "x": 60, "y": 20, "w": 40, "h": 60, "crowd": True},
        ],
        "shapes": [{"category": "square", "rings": [
            [[60, 20], [100, 20], [100, 80], [60, 80]], [[70, 30], [90, 30], [90, 70], [70, 70]],
        ]}],
    }  # fmt: skip
    # The middle square of 100 x 50 begins at 25 and is seen at twice its size.
    boxes, labels = boxes_of(meta, NAMES, 100)
    assert boxes.tolist() == [[10, 20, 50, 80]]  # the second box is mostly outside, the crowd is not an object
    assert labels.tolist() == [NAMES.index("square")]
    mask = mask_of(meta, NAMES, 100)
    assert mask[25, 15] == NAMES.index("square") + 1
    assert mask[50, 30] == 0  # the hole
    assert int((mask > 0).sum()) == pytest.approx(40 * 60 - 20 * 40, rel=0.06)


def test_rendered_masks_fill_their_boxes(small):
    split = open_release(small).split("train")
    for row in range(len(split)):
        meta = split.meta(row)
        mask, (boxes, labels) = mask_of(meta, NAMES, SHARD), boxes_of(meta, NAMES, SHARD)
        assert float(boxes.max()) <= SHARD
        for box, label in zip(boxes, labels, strict=True):
            left, top, right, bottom = np.round(box).astype(int)
            share = (mask[top:bottom, left:right] == label + 1).mean()
            assert share > 0.4
    assert FULL == 2 * SHARD


def test_overlap_and_precision_by_hand():
    a = np.array([[0, 0, 2, 2], [0, 0, 1, 1]], np.float32)
    b = np.array([[1, 0, 3, 2]], np.float32)
    assert iou(a, b).tolist() == [[pytest.approx(1 / 3)], [0.0]]
    # Hit, miss, hit of two: precision 1 at recall 1/2, then 2/3 at recall 1.
    ranked = Ranked(np.array([True, False, True]), np.array([0, 0, 1]), np.array([1.0, 1.0]))
    assert ranked.precision() == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert ranked.precision(np.array([2.0, 0.0])) == pytest.approx(1.0)  # the second picture does not count
    truth = [Boxes(np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32), np.array([0, 0]))]
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 31]], np.float32)
    found = [Boxes(boxes, np.zeros(3, int), np.array([0.9, 0.8, 0.7], np.float32))]
    precision = [one.precision() for one in ranked_boxes(found, truth, 2)]
    assert precision == [pytest.approx(0.5 + 0.5 * 2 / 3), None]  # a box counts only once
    assert class_iou(np.array([[4, 1, 0], [1, 2, 0], [0, 0, 0]])) == [4 / 6, 2 / 4, None]
    known = ranked_answers(np.array([3, 2, 1, 9.0]), np.array([1, 0, 1, np.nan]))
    assert known.precision() == pytest.approx(0.5 + 0.5 * 2 / 3)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_picture_that_counts_twice_is_that_picture_twice(seed):
    random = np.random.default_rng(seed)

    def some(scored):
        count = int(random.integers(0, 4))
        corner, side = random.uniform(0, 20, (count, 2)), random.uniform(5, 20, (count, 2))
        boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
        return Boxes(boxes, random.integers(0, 2, count), random.random(count).astype(np.float32) if scored else None)

    found, truth = [some(True) for _ in range(4)], [some(False) for _ in range(4)]
    weights = random.integers(0, 3, 4)
    again = np.repeat(np.arange(4), weights)
    whole = ranked_boxes(found, truth, 2)
    repeated = ranked_boxes([found[i] for i in again], [truth[i] for i in again], 2)
    for one, other in zip(whole, repeated, strict=True):
        assert one.precision(weights.astype(float)) == pytest.approx(other.precision())


def test_attributes_that_nobody_knows_count_for_nothing(small):
    split = open_release(small).split("train")
    attributes = attributes_in(split)
    assert [(a.name, a.multiple) for a in attributes] == [("colours", True), ("first", False)]
    assert "unsure" not in attributes[1].choices
    answers = answers_of({"attributes": {"first": "unsure", "colours": ["red"]}}, attributes)
    first = len(attributes[0].choices)
    assert np.isnan(answers[first:]).all()
    assert answers[:first].tolist() == [float(choice == "red") for choice in attributes[0].choices]


@pytest.mark.parametrize("task", ["attributes", "detect", "segment"])
def test_a_head_goes_on_where_it_stopped_and_ends_in_the_same_weights(small, tmp_path, task):
    whole = train_head(config(task, small, tmp_path / "whole", epochs=2))
    torch.set_num_threads(1)
    stopped = tmp_path / "stopped"

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_head(config(task, small, stopped, epochs=2), stop)
    train_head(config(task, small, stopped, epochs=2))
    ours, theirs = (torch.load(f / "last.pt", weights_only=True)["weights"] for f in (stopped, whole.folder))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_release_without_such_answers_is_refused(tmp_path, small):
    from tests.shards.make import make_release

    plain = make_release(tmp_path, {"train": 6})
    with pytest.raises(TrainError, match=r"No training sample of .* has boxes"):
        train_head(config("detect", plain, tmp_path / "run"))
    train_head(config("segment", small, tmp_path / "used", epochs=1))
    with pytest.raises(TrainError, match="its model is segment resnet18, not attributes r"):
        train_head(config("attributes", small, tmp_path / "used", epochs=1))


@pytest.mark.parametrize("change", [{"width": 0.5}, {"lr": 0.1}], ids=["width", "rate"])
def test_a_head_with_other_settings_in_the_same_folder_is_refused_in_a_sentence(small, tmp_path, change):
    first = config("segment", small, tmp_path / "run", epochs=1)
    train_head(first)
    (name,) = change
    with pytest.raises(TrainError, match=rf"holds a run with other settings \({name} "):
        train_head(config("segment", small, tmp_path / "run", epochs=1, **change))
    train_head(first)  # the same ones go on


def test_a_rate_that_explodes_stops_a_head_with_the_step_the_samples_and_the_largest_activations(small, tmp_path):
    pattern = r"at epoch 1, step \d+ of 2 .*samples [0-9a-f]{16}.*largest activations: "
    with pytest.raises(TrainError, match=pattern):
        train_head(config("segment", small, tmp_path / "run", lr=1e30, epochs=3, batch_size=6))


def test_an_answer_that_no_training_sample_had_counts_as_wrong():
    task = Attributes((Attribute("colour", ("blue", "red"), False),))
    labels = [answers_of({"attributes": {"colour": value}}, task.attributes) for value in ("blue", "green", "unsure")]
    part = HeadPart(np.zeros((3, 8, 8, 3), np.uint8), labels, ["a", "b", "c"])
    compute = make_compute(torch.device("cpu"), "fp32", (0.5,) * 3, (0.5,) * 3)
    found = task.figures(task.answers(lambda x: torch.tensor([[1.0, 0.0]]).repeat(len(x), 1), part, compute), part)
    assert found["attributes"]["colour"]["samples"] == 2
    assert found["attributes"]["colour"]["accuracy"] == 0.5


def test_the_command_prints_figures_and_takes_a_pretrained_backbone(small, tmp_path, capsys):
    first = tmp_path / "first"
    common = ["--width", "0.25", "--small-input", "--epochs", "1", "--device", "cpu"]
    assert main(["head", "segment", str(small), "--out", str(first), *common]) == 0
    assert "test     miou 0." in capsys.readouterr().out
    words = ["head", "attributes", str(small), "--out", str(tmp_path / "second"), "--json"]
    assert main([*words, *common, "--pretrained", str(first / "best.pt"), "--frozen", "5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"]["map"] is not None
    assert "tensors loaded" in found["pretrained"]
    kept, given = (torch.load(f / "best.pt", weights_only=True)["weights"] for f in (tmp_path / "second", first))
    assert torch.equal(kept["backbone.conv1.weight"], given["backbone.conv1.weight"])


@pytest.mark.parametrize(
    ("task", "figure", "marks"),
    [
        ("attributes", "map", ["first: ", "colours: "]),
        ("detect", "map50", ['class="people"', "Dashed"]),
        ("segment", "miou", ['alt="people"', 'alt="network"', "disc"]),
    ],
    ids=["attributes", "detect", "segment"],
)
def test_the_report_shows_people_and_network_on_the_same_pictures(small, tmp_path, task, figure, marks):
    found = train_head(config(task, small, tmp_path / "run", epochs=1))
    page = (found.folder / "report.html").read_text()
    for words in ["95 % interval", "Learning curves", "Worst", "All settings", *marks]:
        assert words in page
    assert page.count("<figcaption>") == 2 * len(open_release(small).split("test"))
    assert "http" not in page.replace("http://www.w3.org", "")
    low, high = found.metrics["test"]["intervals"][figure]
    assert low <= found.metrics["test"][figure] <= high


def test_a_release_with_a_wrong_checksum_is_refused_before_a_head_learns_from_it(tmp_path):
    release = make_scenes(tmp_path, {"train": 6, "test": 3})
    tar = next((release / "train").glob("*.tar"))
    data = bytearray(tar.read_bytes())
    data[700] ^= 1
    tar.write_bytes(bytes(data))
    with pytest.raises(TrainError, match=r"000000\.tar is not what the manifest says: its SHA-256 is wrong"):
        train_head(config("segment", release, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "figure", "changes"),
    [
        ("attributes", "map", {"epochs": 8, "lr": 3e-3}),
        ("detect", "map50", {"epochs": 24, "batch_size": 8, "lr": 3e-3, "small_input": False}),
        ("segment", "miou", {"epochs": 8, "lr": 4e-3}),
    ],
    ids=["attributes", "detect", "segment"],
)
def test_a_head_learns_what_people_said_of_rendered_scenes(release, tmp_path, task, figure, changes):
    found = train_head(config(task, release, tmp_path / "run", **changes))
    assert found.metrics["chosen_by"] == "val"
    assert found.metrics["test"][figure] >= 0.8
