"""What a reviewer and a search engine read: figures that are the release's own, one safe small file."""

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import shards
from dataset_builder import Recipe, build
from dataset_builder.mean_images import mean_images
from label_store import Workspace
from label_store.models import Item, Judgment, Person, now
from tests.dataset_builder.scenes import Store, blurred, mirrored, photo


@pytest.fixture
def release(store: Store, small: Callable[..., Recipe]) -> Path:
    store.fill(20)
    store.yes(mirrored(3), "bus")
    store.yes(blurred(4), "car", licence="CC-BY-4.0")
    store.yes(photo(90), licence="<script>alert(1)</script> | x")
    return build(store.workspace, "v", small(), workers=1).path


def test_the_card_states_the_figures_of_the_release(release: Path) -> None:
    rows = pq.read_table(release / "samples.parquet").to_pylist()
    text = (release / "card.md").read_text()
    assert f"{len(rows)} pictures in 2 categories" in text
    assert "| duplicate | 2 |" in text
    for split in ("train", "val", "test"):
        count = sum(row["split"] == split for row in rows)
        assert re.search(rf"\| {split} \| {count} \|", text)
    assert "Estimated label error: 1.00 %" in text
    for page in (text, (release / "card.html").read_text()):
        assert "annotators err independently; on CIFAR-10N it was about half of the true error" in page


def test_the_page_is_one_small_file_with_pictures_and_no_foreign_code(release: Path) -> None:
    page = (release / "card.html").read_text()
    assert len(page) < 5_000_000
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert page.count('<figure><img src="data:image/jpeg;base64,') == 2
    assert "prefers-color-scheme: dark" in page
    assert "<svg" in page
    assert re.findall(r'<h2 id="([a-z-]+)">', page) == [
        "sources", "judged", "left-out", "duplicates", "splits", "pictures", "limits", "cite",
    ]  # fmt: skip


def test_the_mean_of_each_category_is_that_of_its_pictures_in_train(release: Path) -> None:
    page = (release / "card.html").read_text()
    rows = pq.read_table(release / "samples.parquet").to_pylist()
    train = shards.open_release(release).split("train")
    for category in ("car", "bus"):
        keys = [row["key"] for row in rows if (row["category"], row["split"]) == (category, "train")]
        pictures = [Image.open(io.BytesIO(train.read(train.find(key)).image)).convert("RGB") for key in keys]
        expected = np.mean([np.asarray(p.resize((64, 64)), dtype=float) for p in pictures], axis=0)
        words = f"mean of {len(keys)} pictures of {category}"
        found = re.search(rf'src="data:image/jpeg;base64,([^"]+)" alt="{words}"', page)
        assert found, words
        mean = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[1]))), dtype=float)
        assert mean.shape == expected.shape
        assert np.abs(mean - expected).mean() < 4


@given(st.lists(st.lists(st.integers(0, 255), min_size=12, max_size=12), min_size=1, max_size=9))
def test_a_mean_is_rounded_and_does_not_know_an_order(values: list[list[int]]) -> None:
    arrays = [np.array(one, dtype=np.uint8).reshape(2, 2, 3) for one in values]
    mean, count = mean_images([("a", Image.fromarray(one)) for one in arrays])["a"]
    again, _ = mean_images([("a", Image.fromarray(one)) for one in reversed(arrays)])["a"]
    assert count == len(values)
    assert mean == again
    assert np.abs(np.asarray(mean) - np.mean(arrays, axis=0)).max() <= 0.5


def test_what_a_page_wrote_as_its_licence_breaks_no_table(release: Path) -> None:
    text = (release / "card.md").read_text()
    assert "<script" not in text
    assert "&lt;script>alert(1)&lt;/script> \\| x" in text


def test_the_card_says_how_the_campaign_was_judged(workspace: Workspace, small: Callable[..., Recipe]) -> None:
    from uuid import UUID

    from sqlalchemy import select

    store = Store(workspace)
    store.fill(20)
    with workspace.write() as session:
        people = [Person(name=f"p{n}") for n in range(3)]
        session.add_all(people)
        session.flush()
        for number, item in enumerate(session.scalars(select(Item).order_by(Item.id))):
            for who, person in enumerate(people):
                value = "no" if (number + who) % 9 == 0 else "yes"
                session.add(
                    Judgment(
                        id=UUID(int=number * 10 + who + 1), item_id=item.id, person_id=person.id,
                        answer={"value": value}, answered_at=now().replace(year=2025),
                        received_at=now().replace(year=2025),
                    )
                )  # fmt: skip
    path = build(workspace, "v", small(), workers=1).path
    text = (path / "card.md").read_text()
    assert re.search(r"\| vehicles \| verify \| 60 \| 3 \| \d+ \| -?\d\.\d{3} \(-?\d\.\d{3} to -?\d\.\d{3}\)", text)
    assert "made 2025-" in text


def test_mlcroissant_validates_the_release_and_reads_its_samples(release: Path) -> None:
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=release / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert not dataset.metadata.ctx.issues.warnings
    records = list(dataset.records(record_set="samples"))
    rows = pq.read_table(release / "samples.parquet").to_pylist()
    assert len(records) == len(rows)
    found = {record["samples/key"].decode(): int(record["samples/label"]) for record in records}
    assert found == {row["key"]: row["label"] for row in rows}
    listed = {entry["@id"] for entry in json.loads((release / "croissant.json").read_text())["distribution"]}
    assert {"samples.parquet", "train/000000.tar", "pictures"} <= listed
