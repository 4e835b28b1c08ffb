"""Scenes through app, consensus and release to heads, small: all are drawn and released; slow, the figures too."""

from pathlib import Path

import pytest
import torch

from benchmarks.heads.chain import ANSWERS, Result, run
from shards import open_release, verify_release
from tests.train.rendered import FULL, SHARD


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    before = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("heads") / "workspace"
    result = run(16, seed=0, folder=folder, epochs=1)
    torch.set_num_threads(before)
    return result, folder


def test_every_picture_is_drawn_by_three_people_for_each_head(ran: tuple[Result, Path]) -> None:
    result, _ = ran
    assert result.judgments == 2 * ANSWERS * result.images
    assert sum(result.splits.values()) + sum(result.dropped.values()) == result.images
    assert set(result.dropped) <= {"disputed", "duplicate"}


def test_consensus_is_nearer_to_the_truth_than_one_person(ran: tuple[Result, Path]) -> None:
    for head in ran[0].heads.values():
        assert head.labels["one_person"] <= head.labels["consensus"] <= 1


def test_the_release_carries_fused_boxes_and_outlines_in_pixels_of_the_full_size(ran: tuple[Result, Path]) -> None:
    path = ran[1] / "releases" / "scenes" / "1"
    assert verify_release(path) == []
    meta = open_release(path).split("train").meta(0)
    assert (meta["width"], meta["scale_x"]) == (SHARD, SHARD / FULL)
    assert len(meta["boxes"]) == len(meta["shapes"])
    assert all(0.5 <= box["p"] <= 1 for box in meta["boxes"])


def test_heads_are_measured_against_labels_and_against_what_was_rendered(ran: tuple[Result, Path]) -> None:
    heads = ran[0].heads
    assert {task: head.figure for task, head in heads.items()} == {"detect": "map50", "segment": "miou"}
    assert all(0 <= value <= 1 for head in heads.values() for value in (head.on_labels, head.on_truth))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_each_head_reaches_four_fifths_on_pictures_that_it_never_saw(tmp_path: Path) -> None:
    for head in run(240, seed=0, folder=tmp_path / "workspace").heads.values():
        assert head.on_labels >= 0.8
        assert head.on_truth >= 0.8
