"""Hashes of an older version are made again from the bytes before they are compared."""

import pytest
from sqlalchemy import select, update

import imaging
from label_store import Origin, Workspace, ingest, rehash, take_down
from label_store.models import Image
from label_store.rehash import Rehashed
from tests.label_store.pictures import jpeg


def collect(workspace: Workspace, number: int) -> str:
    return ingest(workspace, jpeg(number), Origin("urls", f"https://pictures.example/{number}.jpg")).sha256


def hashes(workspace: Workspace) -> dict[str, tuple[str | None, int | None]]:
    with workspace.read() as session:
        rows = session.execute(select(Image.sha256, Image.phash, Image.phash_version))
        return {row.sha256: (row.phash, row.phash_version) for row in rows}


def make_old(workspace: Workspace, *names: str) -> None:
    with workspace.write() as session:
        session.execute(update(Image).where(Image.sha256.in_(names)).values(phash="0" * 16, phash_version=1))


def test_old_hashes_are_renewed_and_a_picture_without_its_bytes_keeps_what_it_had(any_workspace: Workspace) -> None:
    one, two, three = (collect(any_workspace, number) for number in range(3))
    fresh = hashes(any_workspace)
    make_old(any_workspace, one, three)
    any_workspace.blobs.remove(three)
    assert rehash(any_workspace) == Rehashed(1, 1)
    assert hashes(any_workspace) == fresh | {three: ("0" * 16, 1)}
    assert fresh[two][1] == imaging.PHASH_VERSION
    assert rehash(any_workspace) == Rehashed(0, 1)


def test_taking_down_what_is_near_measures_with_hashes_of_one_version(any_workspace: Workspace) -> None:
    kept = collect(any_workspace, 1)
    make_old(any_workspace, kept)
    assert take_down(any_workspace, near=jpeg(1), reason="asked").sha256s == (kept,)


def test_a_plain_picture_is_renewed_to_no_hash(any_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    name = collect(any_workspace, 1)
    make_old(any_workspace, name)
    monkeypatch.setattr("imaging.hashes._PLAIN_DEVIATION", 1000.0)
    assert rehash(any_workspace) == Rehashed(1, 0)
    assert hashes(any_workspace)[name] == (None, imaging.PHASH_VERSION)
