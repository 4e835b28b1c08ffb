"""A release on a web server or in a bucket reads as one in a folder does; its cache is bounded and proven."""

import contextlib
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from shards import ShardError, Stream, open_release
from tests.shards.make import make_release
from tests.shards.serving import Serving, serve


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return make_release(tmp_path, {"train": 60, "val": 8})


@pytest.fixture
def web(release: Path) -> Iterator[Serving]:
    with serve(release.parent.parent) as serving:
        serving.url += "/tiny/1"
        yield serving


@pytest.fixture
def bucket(release: Path, s3_bucket: str) -> str:
    """The release in a bucket."""
    import boto3

    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for path in release.rglob("*"):
        if path.is_file():
            key = f"public/tiny/1/{path.relative_to(release).as_posix()}"
            client.upload_file(str(path), s3_bucket.removeprefix("s3://"), key)
    return f"{s3_bucket}/public/tiny/1"


@pytest.mark.parametrize("where", ["web", "bucket"])
def test_every_way_of_reading_gives_the_folders_samples(
    where: str, release: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = str(getattr(request.getfixturevalue(where), "url", None) or request.getfixturevalue(where))
    here, there = open_release(release), open_release(url, cache=tmp_path / "cache")
    assert there.release_id == here.release_id
    near, far = here.split("train"), there.split("train")
    assert far.identity == near.identity
    key = far.keys[7]
    assert far.read(far.find(key)) == near.read(7)
    assert far.read_image(9) == near.read_image(9)
    assert far.meta(3) == near.meta(3)
    assert not list((tmp_path / "cache").glob("*.tar"))  # single samples are read by ranges
    assert list(Stream(far, seed=1)) == list(Stream(near, seed=1))
    assert len(list((tmp_path / "cache").glob("*.tar"))) == len(near.files.shards)
    state = Stream(near, seed=1)
    state.position = 17
    resumed = Stream(far)
    resumed.load_state_dict(state.state_dict())
    assert list(resumed) == list(state)


def test_what_is_in_the_cache_is_not_asked_again(web: Serving, tmp_path: Path) -> None:
    train = open_release(web.url, cache=tmp_path / "cache").split("train")
    first = list(Stream(train))
    before = web.asked.copy()
    again = open_release(web.url, cache=tmp_path / "cache").split("train")
    assert list(Stream(again)) == first
    assert all(web.asked[name] == before[name] for name in web.asked if name.endswith(".tar"))


def held(cache: Path) -> int:
    """Bytes of tars in the cache, whole ones and those on their way, while other threads change it."""
    total = 0
    for path in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def test_the_cache_stays_within_its_bound(web: Serving, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    most = 3 * 64 * 1024
    train = open_release(web.url, cache=cache, cache_bytes=most).split("train")
    assert sum(shard.bytes for shard in train.files.shards) > most
    stream = Stream(train, window=1)
    seen = 0
    for _ in range(2):
        for sample in stream:
            seen += len(sample.image) > 0
            # One look may count a file that went meanwhile and the one that came in its place.
            assert min(held(cache) for _ in range(5)) <= most
    assert seen == 120
    with pytest.raises(ShardError, match=r"the cache .* may hold"):
        list(Stream(open_release(web.url, cache=cache, cache_bytes=100).split("train")))


def test_a_damaged_tar_never_enters_the_cache(web: Serving, release: Path, tmp_path: Path) -> None:
    tar = release / "train" / "000000.tar"
    data = bytearray(tar.read_bytes())
    data[5000] ^= 1
    tar.write_bytes(data)
    with pytest.raises(ShardError, match=r"000000\.tar is damaged"):
        list(Stream(open_release(web.url, cache=tmp_path / "cache").split("train"), shuffle=False))
    sha256 = open_release(web.url).split("train").files.shards[0].sha256
    assert [path for path in (tmp_path / "cache").iterdir() if sha256 in path.name and path.suffix != ".lock"] == []


def test_what_a_killed_reader_left_takes_no_room(web: Serving, tmp_path: Path) -> None:
    most = 2 * 64 * 1024
    cache = tmp_path / "cache"
    cache.mkdir()
    stale = cache / f".{'ab' * 32}.tar.partial"
    stale.write_bytes(bytes(most))
    train = open_release(web.url, cache=cache, cache_bytes=most).split("train")
    assert len(list(Stream(train, window=1))) == 60
    assert not stale.exists()


def test_a_damaged_index_or_another_release_is_refused(web: Serving, release: Path, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="not 00"):
        open_release(web.url, release_id="00" * 32)
    index = release / "train" / "index.npz"
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(ShardError, match=r"index\.npz is damaged"):
        open_release(web.url, cache=tmp_path / "cache").split("train")


def test_a_server_without_the_release_without_ranges_or_forbidden_is_told(web: Serving, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="is not a release") as error:
        open_release(web.url + "0")
    assert error.value.exit_code == 2
    train = open_release(web.url, cache=tmp_path / "cache").split("train")
    web.ranges = False
    with pytest.raises(ShardError, match="does not serve parts of files"):
        train.read(0)
    web.ranges, web.refuse = True, 403
    with pytest.raises(ShardError, match="cannot be fetched") as error:
        train.read(0)
    assert "check the URL" in error.value.hint
    web.refuse = 0
    shutil.rmtree(web.folder / "tiny" / "1" / "train")
    with pytest.raises(ShardError, match=r"is not there|cannot be read"):
        list(Stream(train))


def _keys(split: object) -> list[str]:
    return [sample.key for sample in Stream(split)]  # type: ignore[arg-type]


def test_processes_share_one_cache_and_each_tar_is_fetched_once(web: Serving, tmp_path: Path) -> None:
    train = open_release(web.url, cache=tmp_path / "cache").split("train")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, two = pool.map(_keys, [train, pickle.loads(pickle.dumps(train))])
    assert one == two == _keys(open_release(web.folder / "tiny" / "1").split("train"))
    tars = {name: count for name, count in web.asked.items() if "/train/" in name and name.endswith(".tar")}
    assert set(tars.values()) == {1}


def test_a_fork_of_an_open_client_is_told_instead_of_hanging(web: Serving, tmp_path: Path) -> None:
    train = open_release(web.url, cache=tmp_path / "cache").split("train")
    with (
        multiprocessing.get_context("fork").Pool(1) as pool,
        pytest.raises(ShardError, match="was forked after"),
    ):
        pool.apply(train.read, (0,))


def test_a_server_that_is_busy_for_a_moment_is_asked_again(web: Serving, tmp_path: Path) -> None:
    train = open_release(web.url, cache=tmp_path / "cache").split("train")
    web.busy = 2
    assert train.read(0).key == train.keys[0]
