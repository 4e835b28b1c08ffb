"""The end-to-end benchmark on real pictures, small: counts and order, never accuracy or time."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.cifar.chain import CAMPAIGNS, Result, run
from benchmarks.cifar.pictures import choose, data_folder
from benchmarks.cifar.table import table
from benchmarks.cifar.training import relabel
from label_store import UsageError, Workspace
from label_store.models import Fetch, Judgment
from shards import open_release, verify_release
from tests.data import shared_data

IMAGES, TEST_IMAGES = 500, 83
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cifar_end_to_end.py"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    shared_data()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("cifar") / "workspace"
    result = run(IMAGES, epochs=1, seed=0, folder=folder)
    torch.set_num_threads(before)
    return result, folder


def test_every_picture_is_collected(ran: tuple[Result, Path]) -> None:
    result, _ = ran
    assert result.collected == result.images == IMAGES
    assert result.left_out == {}


def test_every_picture_is_judged_by_three_people(ran: tuple[Result, Path]) -> None:
    result, _ = ran
    assert {split: labels.pictures for split, labels in result.labels.items()} == {
        "train": IMAGES - TEST_IMAGES,
        "test": TEST_IMAGES,
    }
    assert all(labels.judgments == 3 * labels.pictures for labels in result.labels.values())


def test_consensus_is_no_worse_than_one_person(ran: tuple[Result, Path]) -> None:
    train = ran[0].labels["train"]
    assert 0 < train.consensus <= train.one_annotator
    assert train.majority <= train.one_annotator


def test_the_store_never_hears_what_a_picture_shows_before_people_say_it(ran: tuple[Result, Path]) -> None:
    workspace = Workspace.open(ran[1])
    with workspace.read() as session:
        urls = [fetch.url for fetch in session.query(Fetch)]
        people = session.query(Judgment.person_id).distinct().count()
    workspace.close()
    assert len(urls) == IMAGES
    assert all(url.rsplit("/", 1)[1].removesuffix(".webp").isdigit() for url in urls)
    assert people == 3 * len(CAMPAIGNS)


def test_some_of_the_known_duplicates_are_found_and_left_out(ran: tuple[Result, Path]) -> None:
    found = ran[0].duplicates
    assert 0 < found.same_shot_found <= found.same_shot
    assert found.similar_shot_found <= found.similar_shot
    assert found.left_out == ran[0].dropped["duplicate"] >= found.same_shot_found


def test_what_is_not_left_out_is_released_in_its_own_split(ran: tuple[Result, Path]) -> None:
    result, folder = ran
    assert set(result.splits) == {"train", "test"}
    assert sum(result.splits.values()) + sum(result.dropped.values()) == IMAGES
    release = open_release(folder / "releases" / "cifar" / "1")
    chosen = choose(data_folder(), IMAGES, seed=0)
    for split in release.splits:
        assert {chosen.pictures[sample.meta["sha256"]].split for sample in release.split(split)} == {split}


def test_the_release_trained_on_has_the_same_train_shards_and_clean_test_labels(ran: tuple[Result, Path]) -> None:
    result, folder = ran
    release = open_release(folder / "releases" / "cifar" / "1")
    trained_on = open_release(folder / "relabelled" / "consensus")
    assert trained_on.splits["train"] == release.splits["train"]
    pictures = choose(data_folder(), IMAGES, seed=0).pictures
    for kind in ("consensus", "one-annotator", "clean"):
        test = open_release(folder / "relabelled" / kind).split("test")
        assert test.labels.tolist() == [pictures[sample.meta["sha256"]].label for sample in test]
    assert result.release_id == release.release_id


def test_three_networks_see_the_same_pictures_under_other_labels(ran: tuple[Result, Path]) -> None:
    result, _ = ran
    assert list(result.trained) == ["consensus", "one annotator", "clean"]
    assert {one.samples for one in result.trained.values()} == {result.splits["train"]}
    assert {one.test_samples for one in result.trained.values()} == {result.splits["test"]}
    errors = [one.label_error for one in result.trained.values()]
    assert errors[1] > errors[0] > errors[2] == 0
    assert all(one.test_low <= one.test_accuracy <= one.test_high for one in result.trained.values())


def test_the_result_is_json_and_a_table(ran: tuple[Result, Path]) -> None:
    result, _ = ran
    written = json.loads(result.as_json())
    assert set(written) == {field.name for field in dataclasses.fields(Result)}
    assert list(written["seconds"]) == list(written["cpu_seconds"])
    text = table(result)
    assert "500 of 500" in text
    assert all(stage in text for stage in written["seconds"])


def test_relabelling_keeps_every_picture_byte_for_byte(ran: tuple[Result, Path], tmp_path: Path) -> None:
    release = open_release(ran[1] / "releases" / "cifar" / "1")
    shifted = {sample.meta["sha256"]: (sample.label + 1) % 10 for sample in release.split("train")}
    made = relabel(release, tmp_path / "made", "shifted", {"train": shifted})
    assert verify_release(made.path) == []
    assert [s.image for s in made.split("train")] == [s.image for s in release.split("train")]
    assert (made.split("train").labels == (release.split("train").labels + 1) % 10).all()
    assert made.splits["test"] == release.splits["test"]


def test_the_same_seed_chooses_the_same_pictures_and_people() -> None:
    shared_data()
    one, again, other = (choose(data_folder(), 240, seed) for seed in (1, 1, 2))
    assert one == again
    assert one.pictures.keys() != other.pictures.keys()
    assert len(one.of("test")) == 40
    assert len(one.of("train")) == 200
    assert one.pairs
    assert all({pair.a, pair.b} <= one.pictures.keys() for pair in one.pairs)


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="not empty"):
        run(IMAGES, 1, 0, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "kept"


def test_too_few_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="200 to 60,000"):
        run(20, 1, 0, tmp_path)


def test_without_the_data_it_says_so_and_is_no_failure(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], env={"CAIRN_DATA": str(tmp_path), "PATH": ""}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("skipped: ")
    assert str(tmp_path) in done.stdout
