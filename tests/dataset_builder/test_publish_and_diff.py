"""Publishing continues where it stopped and puts the manifest last; a difference names every change."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import shards
from dataset_builder import PublishError, Recipe, build, diff, publish, publishing, verify
from label_store import UsageError, take_down
from tests.dataset_builder.conftest import hashes
from tests.dataset_builder.scenes import Store, photo

Small = Callable[..., Recipe]


@pytest.fixture
def release(store: Store, small: Small) -> Path:
    store.fill(20)
    return build(store.workspace, "v", small(), workers=1).path


def test_a_folder_gets_the_same_bytes_and_repeating_sends_nothing(release: Path, tmp_path: Path) -> None:
    first = publish(release, str(tmp_path / "public"))
    there = tmp_path / "public" / "v" / "1"
    assert hashes(there) == hashes(release)
    assert verify(there) == []
    again = publish(release, str(tmp_path / "public"))
    assert (again.sent, again.kept) == (0, first.sent)
    assert publish(release, str(tmp_path / "public"), check=True).kept == first.sent


def test_what_stopped_half_way_has_no_manifest_and_continues(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "public" / "v" / "1"
    sent: list[str] = []
    send = publishing._Folder.send

    def stop_after_three(self: publishing._Folder, source: Path, name: str) -> None:
        if len(sent) == 3:
            raise KeyboardInterrupt
        sent.append(name)
        send(self, source, name)

    with monkeypatch.context() as patch:
        patch.setattr(publishing._Folder, "send", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            publish(release, str(tmp_path / "public"))
    assert not (there / "dataset.json").exists()
    for place in ("public", "elsewhere"):  # half of it is there, and nothing at all
        with pytest.raises(PublishError, match="never published there, or not to its end") as caught:
            publish(release, str(tmp_path / place), check=True)
        assert "cairn publish" in caught.value.hint
    assert publish(release, str(tmp_path / "public")).kept == 3
    assert hashes(there) == hashes(release)


def test_damage_here_or_there_is_told_and_mended_there(release: Path, tmp_path: Path) -> None:
    publish(release, str(tmp_path / "public"))
    broken = tmp_path / "public" / "v" / "1" / "card.md"
    broken.write_bytes(broken.read_bytes().replace(b"version", b"Version"))
    with pytest.raises(PublishError, match=r"card\.md"):
        publish(release, str(tmp_path / "public"), check=True)
    assert publish(release, str(tmp_path / "public")).sent == 1
    (release / "card.md").write_text("changed")
    with pytest.raises(PublishError, match="not what the manifest lists"):
        publish(release, str(tmp_path / "elsewhere"))
    assert not (tmp_path / "elsewhere" / "v" / "1" / "dataset.json").exists()


def test_another_release_of_that_name_is_never_overwritten(store: Store, release: Path, tmp_path: Path) -> None:
    publish(release, str(tmp_path / "public"))
    other = tmp_path / "v" / "1"
    shutil.copytree(release, other)
    manifest = shards.read_manifest(other)
    shards.write_manifest(other, shards.Manifest(**{**manifest.__dict__, "created": "2020-01-01"}))
    with pytest.raises(PublishError, match="another release"):
        publish(other, str(tmp_path / "public"))
    with pytest.raises(UsageError, match="neither a folder nor a bucket"):
        publish(release, "ftp://example.org/data")


def test_a_bucket_gets_the_same_bytes_and_repeating_sends_nothing(release: Path, s3_bucket: str) -> None:
    import boto3

    name, url = s3_bucket.removeprefix("s3://"), f"{s3_bucket}/public"
    first = publish(release, url)
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    names = [entry["Key"] for entry in client.list_objects_v2(Bucket=name)["Contents"]]
    assert sorted(names) == sorted(f"public/v/1/{file}" for file in hashes(release))
    body = client.get_object(Bucket=name, Key="public/v/1/train/000000.tar")["Body"].read()
    assert body == (release / "train" / "000000.tar").read_bytes()
    client.delete_object(Bucket=name, Key="public/v/1/card.md")
    again = publish(release, url)
    assert (again.sent, again.kept) == (1, first.sent - 1)
    assert publish(release, url, check=True).url == f"{url}/v/1"


def test_the_difference_of_two_releases_names_what_came_went_and_changed(
    store: Store, release: Path, small: Small
) -> None:
    added = {store.yes(photo(50 + n)) for n in range(4)}
    gone = photo(0)
    take_down(store.workspace, sha256=__import__("hashlib").sha256(gone).hexdigest(), reason="asked")
    second = build(store.workspace, "v", small(min_posterior=0.5), workers=1).path
    found = diff(release, second)
    assert set(found.added) == added
    assert list(found.gone.values()) == ["takedown"]
    assert (found.relabelled, found.moved, found.regrouped) == ((), (), ())
    assert found.categories == {"bus": (10, 10), "car": (10, 13)}
    assert found.recipe == {"min_posterior": (0.0, 0.5)}
    assert not found.same
    assert diff(second, second).same
