"""What a camera wrote into a file stays in the store: no page, release or published copy carries it."""

from pathlib import Path

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from dataset_builder import BuildError, build, publish, recipe_from
from label_store import Origin, Workspace, ingest, settle
from label_store.models import Image
from tests.annotate_app.giving import approve, carries_metadata, decide, decline, given, photo
from tests.annotate_app.server import serving
from tests.annotate_app.test_contributions import opened
from tests.annotate_app.work import judge_all

NUMBERS = range(12)


def files_with_metadata(folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and carries_metadata(path.read_bytes())
    ]


@pytest.fixture
def judged(stocked: Workspace) -> Workspace:
    """Photos with their place in them, given, approved, judged and settled."""
    with serving(opened(stocked, contributions="signed-in")) as app:
        answer = given(app.client("carl"), [photo(n) for n in NUMBERS])
        decide(app.client("cora"), *(approve(one["id"]) for one in answer["pictures"]))
        create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1})
        assert judge_all(app.client("ann"), "boats") == len(NUMBERS)
    settle(stocked, "boats")
    return stocked


def test_the_photos_of_these_tests_carry_their_place_and_the_store_keeps_it(judged):
    assert carries_metadata(photo(1))
    assert all(carries_metadata(judged.blobs.get(sha256)) for sha256 in judged.blobs.names())
    assert len(list(judged.blobs.names())) == len(NUMBERS)


def test_no_served_picture_carries_what_the_camera_wrote(stocked):
    with serving(opened(stocked, contributions="open")) as app:
        answer = given(app.client(), [photo(1)])
        own = app.client().get(f"{answer['link']}/pictures/{answer['pictures'][0]['id']}")
        cora = app.client("cora")
        (row,) = cora.get("/api/v1/contributions").json()
        shown = [cora.get(f"/images/{row['sha256']}", params={"variant": v}) for v in ("thumb", "view", "full")]
        pages = [cora.get("/moderate"), app.client().get(answer["link"])]
    for one in (own, *shown, *pages):
        assert one.status_code == 200
        assert not carries_metadata(one.content)
    assert files_with_metadata(stocked.folder / "cache") == []


@pytest.mark.parametrize("mode", ["untouched", "shorter_side", "square"])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_no_release_carries_what_the_camera_wrote(judged, mode, form):
    recipe = recipe_from({"pixels": {"mode": mode, "format": form, "size": 64}})
    release = build(judged, "boats", recipe, workers=1).path
    assert list(release.rglob("*.tar"))
    assert files_with_metadata(release) == []


def test_no_published_copy_carries_what_the_camera_wrote(judged, tmp_path):
    recipe = recipe_from({"pixels": {"mode": "untouched"}})
    release = build(judged, "boats", recipe, workers=1).path
    publish(release, str(tmp_path / "public"))
    assert list((tmp_path / "public").rglob("*.tar"))
    assert files_with_metadata(tmp_path / "public") == []


def test_a_release_says_licence_and_credit_but_not_who_gave(stocked):
    import pyarrow.parquet

    with serving(opened(stocked, contributions="signed-in")) as app:
        answer = given(app.client("carl"), [photo(n) for n in NUMBERS], author="Zoë", license="CC-BY-SA-4.0")
        decide(app.client("cora"), *(approve(one["id"]) for one in answer["pictures"]))
        create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1})
        judge_all(app.client("ann"), "boats")
    settle(stocked, "boats")
    release = build(stocked, "boats", recipe_from({"pixels": {"mode": "untouched"}}), workers=1).path
    rows = pyarrow.parquet.read_table(release / "samples.parquet").to_pylist()
    assert rows
    assert {(row["license"], row["author"], row["source"]) for row in rows} == {("CC-BY-SA-4.0", "Zoë", "contribution")}
    assert all(row["url"].startswith("urn:uuid:") for row in rows)
    assert "carl" not in str(rows)


def test_a_declined_gift_says_nothing_of_the_licence_of_a_picture_that_came_otherwise(stocked):
    with serving(opened(stocked, contributions="open")) as app:
        answer = given(app.client(), [photo(n) for n in NUMBERS], "cup", license="CC0-1.0")
        for n in NUMBERS:
            origin = Origin("urls", f"https://example.org/{n}.jpg", category="boat", license="all rights reserved")
            ingest(stocked, photo(n), origin)
        decide(app.client("cora"), *(decline(one["id"], "rights") for one in answer["pictures"]))
        create_campaign(stocked, "boats", "verify", ["boat"], stopping={"rule": "fixed", "n": 1})
        judge_all(app.client("ann"), "boats")
    settle(stocked, "boats")
    report = build(stocked, "boats", recipe_from({"licenses": ["all rights reserved"]}), workers=1)
    assert report.path.is_dir()
    with pytest.raises(BuildError):
        build(stocked, "free", recipe_from({"licenses": ["CC0-1.0"]}), workers=1)


def test_the_place_is_in_no_table_unless_asked_for(judged):
    with judged.read() as session:
        assert set(session.execute(select(Image.latitude, Image.longitude)).tuples()) == {(None, None)}
