"""The one door for pictures: checked, hashed, kept, recorded once; refused when taken down."""

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture
from sqlalchemy import select, update

import imaging
from label_store import (
    CategorySpec,
    Origin,
    TakenDown,
    UsageError,
    ingest,
    put_category,
    take_down,
    url_hash,
)
from label_store.models import Candidate, Event, Fetch, Image, Takedown
from label_store.origin import _normal
from tests.label_store.pictures import jpeg


@pytest.fixture
def store(any_workspace):
    with any_workspace.write() as session:
        put_category(session, CategorySpec(name="car"))
        put_category(session, CategorySpec(name="bus"))
    return any_workspace


def all_of(workspace, model):
    with workspace.read() as session:
        return list(session.scalars(select(model)))


def test_a_picture_enters_with_its_origin(store):
    origin = Origin(
        source="crawl", url="https://a.example/1.jpg", category="car", license="CC0-1.0", author="Ann",
        page_url="https://a.example/", caption="a car", query="car",
    )  # fmt: skip
    kept = ingest(store, jpeg(1), origin)
    assert kept.new_image
    assert kept.new_candidates == 1
    (image,), (fetch,), (candidate,) = all_of(store, Image), all_of(store, Fetch), all_of(store, Candidate)
    assert (image.sha256, image.width, image.height, image.format) == (kept.sha256, 48, 48, "JPEG")
    assert len(image.phash) == 16
    assert (fetch.status, fetch.license, fetch.author, fetch.image_sha256) == ("ok", "CC0-1.0", "Ann", kept.sha256)
    assert candidate.caption == "a car"
    assert store.blobs.get(kept.sha256) == jpeg(1)


def test_the_same_bytes_from_two_places_are_one_image_with_two_origins(store):
    ingest(store, jpeg(1), Origin(source="urls", url="https://a.example/1.jpg", category="car"))
    again = ingest(store, jpeg(1), Origin(source="urls", url="https://b.example/copy.jpg", category="bus"))
    assert not again.new_image
    assert len(all_of(store, Image)) == 1
    assert len(all_of(store, Fetch)) == 2
    assert len(all_of(store, Candidate)) == 2


def test_the_same_url_twice_is_one_fetch(store):
    for _ in range(2):
        ingest(store, jpeg(1), Origin(source="urls", url="https://a.example/1.jpg", category="car"))
    (fetch,) = all_of(store, Fetch)
    assert fetch.attempts == 2
    assert len(all_of(store, Candidate)) == 1


@pytest.mark.parametrize("data, reason", [(b"hello, I am text", "not_image"), (jpeg(1)[:-300], "undecodable")])
def test_what_is_no_whole_picture_is_recorded_with_its_reason_and_not_kept(store, data, reason):
    with pytest.raises(imaging.ImageError):
        ingest(store, data, Origin(source="urls", url="https://a.example/x.jpg"))
    (fetch,) = all_of(store, Fetch)
    assert (fetch.status, fetch.error) == ("failed", reason)
    assert all_of(store, Image) == []
    assert list(store.blobs.names()) == []


def test_an_unknown_category_offers_the_nearest_and_records_nothing(store):
    with pytest.raises(UsageError, match="no category 'cra'") as wrong:
        ingest(store, jpeg(1), Origin(source="urls", url="https://a.example/1.jpg", category="cra"))
    assert "'car'" in wrong.value.hint
    assert all_of(store, Image) == []


def test_a_taken_down_picture_loses_its_bytes_and_never_enters_again(store):
    url = "https://a.example/1.jpg"
    kept = ingest(store, jpeg(1), Origin(source="urls", url=url, category="car"))
    result = take_down(store, sha256=kept.sha256, reason="the photographer asked")
    assert result.urls == (url,)
    assert not store.blobs.has(kept.sha256)
    for address in (url, "https://elsewhere.example/same-bytes.jpg"):
        with pytest.raises(TakenDown, match="photographer"):
            ingest(store, jpeg(1), Origin(source="urls", url=address))
    assert not store.blobs.has(kept.sha256)
    assert [event.action for event in all_of(store, Event)] == ["takedown"]


def test_a_takedown_forgets_the_renditions_too(store):
    kept = ingest(store, jpeg(1), Origin(source="urls", url="https://a.example/1.jpg"))
    rendition = store.folder / "cache" / "pictures" / "v1" / "thumb" / f"{kept.sha256}.jpg"
    rendition.parent.mkdir(parents=True)
    rendition.write_bytes(b"small")
    take_down(store, sha256=kept.sha256, reason="asked")
    assert not rendition.exists()


def test_a_near_duplicate_of_a_taken_down_picture_is_refused_and_other_pictures_are_not(store):
    kept = ingest(store, jpeg(1, side=96), Origin(source="urls", url="https://a.example/1.jpg"))
    take_down(store, sha256=kept.sha256, reason="asked")
    smaller = io.BytesIO()
    Picture.open(io.BytesIO(jpeg(1, side=96))).resize((80, 80)).save(smaller, "JPEG", quality=70)
    with pytest.raises(TakenDown):
        ingest(store, smaller.getvalue(), Origin(source="urls", url="https://b.example/small.jpg"))
    assert ingest(store, jpeg(2, side=96), Origin(source="urls", url="https://b.example/other.jpg")).new_image


def test_a_taken_down_plain_picture_does_not_forbid_all_plain_pictures(store):
    def plain(value: int) -> bytes:
        file = io.BytesIO()
        Picture.fromarray(np.full((40, 40, 3), value, np.uint8)).save(file, "PNG")
        return file.getvalue()

    kept = ingest(store, plain(10), Origin(source="urls", url="https://a.example/black.png"))
    take_down(store, sha256=kept.sha256, reason="asked")
    assert ingest(store, plain(240), Origin(source="urls", url="https://a.example/white.png")).new_image


def test_taking_down_by_likeness_finds_what_is_there(store):
    kept = ingest(store, jpeg(1), Origin(source="urls", url="https://a.example/1.jpg"))
    other = ingest(store, jpeg(2), Origin(source="urls", url="https://a.example/2.jpg"))
    assert take_down(store, near=jpeg(1), reason="asked").sha256s == (kept.sha256,)
    assert store.blobs.has(other.sha256)
    assert len(all_of(store, Takedown)) >= 2


def test_a_takedown_goes_by_hashes_of_the_newest_kind_also_where_a_picture_was_hashed_before(store):
    """As stores of an earlier version have them: another number for the same picture, and its bytes to tell by."""
    kept = ingest(store, jpeg(1, side=96), Origin(source="urls", url="https://a.example/1.jpg"))
    right = all_of(store, Image)[0].phash
    with store.write() as session:
        session.execute(update(Image).values(phash=f"{int(right, 16) ^ (2**40 - 1):016x}", phash_version=2))
    assert take_down(store, near=jpeg(1, side=96), reason="asked").sha256s == (kept.sha256,)
    kinds = {(takedown.phash, takedown.phash_version) for takedown in all_of(store, Takedown)}
    assert kinds == {(right, imaging.PHASH_VERSION), (None, None)}


def test_a_takedown_of_another_kind_of_hash_says_no_likeness_and_still_refuses_its_own_bytes(store):
    kept = ingest(store, jpeg(1, side=96), Origin(source="urls", url="https://a.example/1.jpg"))
    take_down(store, sha256=kept.sha256, reason="asked")
    with store.write() as session:
        session.execute(update(Takedown).where(Takedown.phash.is_not(None)).values(phash_version=2))
    ingest(store, jpeg(1, side=90), Origin(source="urls", url="https://a.example/smaller.jpg"))
    with pytest.raises(TakenDown):
        ingest(store, jpeg(1, side=96), Origin(source="urls", url="https://a.example/again.jpg"))
    with store.write() as session:  # of before kinds were kept: it counts as it did
        session.execute(update(Takedown).where(Takedown.phash.is_not(None)).values(phash_version=None))
    with pytest.raises(TakenDown):
        ingest(store, jpeg(1, side=93), Origin(source="urls", url="https://a.example/third.jpg"))


@pytest.mark.parametrize(
    "same",
    [
        ("http://A.Example/x", "http://a.example:80/x"),
        ("https://a.example", "https://a.example:443/"),
        ("https://a.example/x#part", "https://a.example/x"),
        ("https://a.example/x?", "https://a.example/x"),
        ("https://a.example:0443/x", "https://a.example/x"),
        ("https://ann@a.example/x", "https://a.example/x"),
    ],
)
def test_urls_that_mean_the_same_have_one_hash(same):
    assert url_hash(same[0]) == url_hash(same[1])


@given(st.from_regex(r"https?://[aA0.:\[\]@-]{1,6}(:(80|443|[0-9]{1,6}))?(/[a%?#/;:@ ]{0,6})?", fullmatch=True))
def test_what_is_taken_for_normal_is_its_own_normal_form(url):
    assert url_hash(url) == hashlib.sha256(_normal(url).encode()).hexdigest()


@given(st.text())
def test_every_text_has_a_url_hash(text):
    assert len(url_hash(text)) == 64
