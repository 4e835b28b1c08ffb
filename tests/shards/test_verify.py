"""`verify_release` finds every damaged bit, every leak and every contradiction, and nothing in a sound release."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from shards import Manifest, ShardError, ShardWriter, list_files, read_manifest, verify_release, write_manifest
from shards.index import SplitIndex, index_from_bytes
from shards.manifest import manifest_from_bytes
from tests.shards.make import make_release


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_release(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def release(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "release"))


def said(release: Path) -> str:
    return "\n".join(map(str, verify_release(release)))


def rewrite(release: Path, change: Callable[[Manifest], Manifest] = lambda manifest: manifest) -> None:
    """Give the release a manifest that lists its files as they are now, so that only deeper checks can object."""
    manifest = read_manifest(release)
    entries = {entry.file: entry for entry in list_files(release)}
    splits = {}
    for name, files in manifest.splits.items():
        shards = tuple(replace(s, bytes=entries[s.file].bytes, sha256=entries[s.file].sha256) for s in files.shards)
        splits[name] = replace(files, shards=shards, bytes=sum(s.bytes for s in shards))
    write_manifest(release, change(replace(manifest, files=tuple(entries.values()), splits=splits)))


def resplit(release: Path, split: str, rows: list[tuple[str, dict, int, list]]) -> None:
    """Write a split again from (key, json, label, soft) and list it."""
    shutil.rmtree(release / split)
    with ShardWriter(release, split) as writer:
        for key, meta, label, soft in rows:
            writer.add(key, {"jpg": key.encode(), "json": json.dumps(meta).encode()}, label, soft)
    files = writer.close()
    manifest = read_manifest(release)
    splits = {**manifest.splits, split: files}
    write_manifest(release, replace(manifest, splits=splits, files=list_files(release, splits)))


def row(key: str, label: int = 0, **more: object) -> tuple[str, dict, int, list]:
    return key, {"key": key, "label": label, "soft": [[label, 1.0]], **more}, label, [(label, 1.0)]


def test_a_sound_release_has_no_problems(sound: Path) -> None:
    seen: list[tuple[int, int | None, str]] = []
    release_id = read_manifest(sound).release_id
    assert verify_release(sound, release_id, lambda *at: seen.append(at)) == []
    assert seen[-1][0] == seen[-1][1] == sum(entry.bytes for entry in read_manifest(sound).files)


def flip_and_verify(release: Path, flips: int, seed: int) -> None:
    files = sorted(p for p in release.rglob("*") if p.is_file())
    sizes = [p.stat().st_size for p in files]
    generator = random.Random(seed)
    for _ in range(flips):
        path = generator.choices(files, sizes)[0] if generator.random() < 0.5 else generator.choice(files)
        data = bytearray(path.read_bytes())
        bit = generator.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        problems = verify_release(release)
        assert {p.file for p in problems} == {path.relative_to(release).as_posix()}, (path, bit)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
    assert verify_release(release) == []


def test_each_of_200_single_bit_flips_is_found_and_its_file_named(tmp_path: Path) -> None:
    flip_and_verify(make_release(tmp_path, {"train": 12, "val": 4, "test": 4}), 200, seed=1)


@pytest.mark.slow
def test_each_of_1000_single_bit_flips_is_found_and_its_file_named(release: Path) -> None:
    flip_and_verify(release, 1000, seed=2)


def test_every_bit_of_the_manifest_is_guarded_by_its_seal(tmp_path: Path) -> None:
    data = (make_release(tmp_path, {"train": 1}, classes=1) / "dataset.json").read_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ShardError):
            manifest_from_bytes(bytes(flipped))


def test_another_release_under_the_same_name_is_told_by_its_id(sound: Path) -> None:
    problems = verify_release(sound, release_id="0" * 64)
    assert [p.file for p in problems] == ["dataset.json"]
    assert "0" * 64 in problems[0].what


def test_a_folder_that_is_no_release_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="not a release") as error:
        verify_release(tmp_path)
    assert error.value.hint
    assert error.value.exit_code == 2


def test_missing_extra_and_shortened_files_are_named(release: Path) -> None:
    (release / "train" / "000001.tar").unlink()
    (release / "train" / ".000009.tar.partial").write_bytes(b"")
    (release / "notes.txt").write_text("not part of it")
    shard = release / "val" / "000000.tar"
    shard.write_bytes(shard.read_bytes()[:-700])
    assert [p.file for p in verify_release(release)] == [
        "notes.txt",
        "train/.000009.tar.partial",
        "train/000001.tar",
        "val/000000.tar",
    ]


def test_a_group_in_two_splits_is_a_leak(release: Path) -> None:
    resplit(release, "val", [row("aa", group="g1"), row("ab", group="g2")])
    assert said(release) == ""
    resplit(release, "test", [row("ba", group="g2")])
    assert "group g2 is also in" in said(release)


def test_a_key_in_two_splits_is_a_leak(release: Path) -> None:
    resplit(release, "val", [row("aa")])
    resplit(release, "test", [row("aa")])
    assert "key aa is also in" in said(release)


@pytest.mark.parametrize(
    "bad, expected",
    [
        (("k", {"label": 1, "soft": []}, 0, []), "label 1 in its json"),
        (("k", {"label": 0, "soft": [[0, 0.5]]}, 0, [(0, 0.6)]), "soft labels"),
        (("k", {"label": 0}, 0, [(0, 1.0)]), "soft labels"),
        (("k", {"label": 9, "soft": []}, 9, []), "label 9"),
        (("k", {"label": 0, "soft": [], "key": "other"}, 0, []), "calls itself 'other'"),
        (("k", {"label": 0, "soft": [], "split": "train"}, 0, []), "is in val"),
        (("k", {}, 0, []), "no readable JSON"),
    ],
)
def test_contradictions_inside_a_sample_are_named(release: Path, bad: tuple, expected: str) -> None:
    resplit(release, "val", [bad])
    assert expected in said(release)


def test_tars_that_changed_places_are_found(release: Path) -> None:
    first, second = release / "train" / "000000.tar", release / "train" / "000001.tar"
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)
    rewrite(release)
    assert "in row 0 of the index" in said(release)


def test_an_index_out_of_order_is_found(release: Path) -> None:
    path = release / "train" / "index.npz"
    index = index_from_bytes(path.read_bytes(), "index")
    columns = {f.name: getattr(index, f.name)[::-1] for f in fields(index)}
    path.write_bytes(SplitIndex(**columns).to_bytes())
    rewrite(release)
    assert "not in ascending order" in said(release)


@pytest.mark.parametrize(
    "column, change",
    [
        ("label", lambda a: (a + 1) % 4),
        ("offset", lambda a: a + 512),
        ("length", lambda a: a - 1),
        ("shard", lambda a: a + 1),
        ("key", lambda a: np.char.upper(a) if a.dtype.kind == "U" else np.char.replace(a, b"0", b"f")),
        ("soft_p", lambda a: a / 2),
        ("soft_label", lambda a: a[:, ::-1]),
    ],
)
def test_an_index_that_disagrees_with_its_tar_is_found_column_by_column(
    release: Path, column: str, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    path = release / "train" / "index.npz"
    index = index_from_bytes(path.read_bytes(), "index")
    path.write_bytes(replace(index, **{column: change(getattr(index, column))}).to_bytes())
    rewrite(release)
    assert said(release)


def test_counts_that_do_not_add_up_are_named(release: Path) -> None:
    def one_more(manifest: Manifest) -> Manifest:
        train = manifest.splits["train"]
        shards = (replace(train.shards[0], samples=train.shards[0].samples + 1), *train.shards[1:])
        return replace(
            manifest,
            splits={**manifest.splits, "train": replace(train, shards=shards, samples=train.samples + 1)},
        )

    rewrite(release, one_more)
    assert "the manifest says" in said(release)


def test_a_manifest_that_points_outside_the_release_is_refused_unread(release: Path) -> None:
    def outside(manifest: Manifest) -> Manifest:
        entry = replace(manifest.files[0], file="../secret")
        return replace(manifest, files=(entry, *manifest.files))

    rewrite(release, outside)
    assert "not a path inside the release" in said(release)


def test_a_file_with_ten_thousand_problems_is_reported_in_a_few_lines(release: Path) -> None:
    resplit(
        release,
        "val",
        [(f"k{i:03d}", {"label": 1, "soft": []}, 0, []) for i in range(100)],
    )
    assert 10 < len(verify_release(release)) < 50
    assert "problems more" in said(release)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../elsewhere"}, {"name": "/etc"}, {"name": ""}, {"name": "a/b"}, {"version": 0}, {"version": True},
        {"version": "1/../../x"}, {"splits": "../up"}, {"files": "../up.txt"}, {"files": "/etc/x"}, {"files": "a\\b"},
        {"files": "dataset.json"},
    ],
)  # fmt: skip
def test_a_sealed_manifest_that_leads_out_of_its_folder_is_refused_by_every_reader(
    release: Path, change: dict[str, object]
) -> None:
    manifest = read_manifest(release)
    values = dict(change)
    if "splits" in values:
        values["splits"] = {str(values["splits"]): manifest.splits["train"]}
    if "files" in values:
        values["files"] = (replace(manifest.files[0], file=str(values["files"])), *manifest.files[1:])
    with pytest.raises(ShardError, match="cannot be trusted"):
        manifest_from_bytes(replace(manifest, **values).to_bytes())  # type: ignore[arg-type]


@pytest.mark.parametrize("sha256", ["../../elsewhere", "", "A" * 64, "0" * 63], ids=["path", "empty", "case", "short"])
def test_a_digest_that_is_none_is_refused_because_it_names_files_of_a_cache(release: Path, sha256: str) -> None:
    manifest = read_manifest(release)
    train = manifest.splits["train"]
    of_shard = replace(train, shards=(replace(train.shards[0], sha256=sha256), *train.shards[1:]))
    for changed in (
        replace(manifest, files=(replace(manifest.files[0], sha256=sha256), *manifest.files[1:])),
        replace(manifest, splits={**manifest.splits, "train": of_shard}),
    ):
        with pytest.raises(ShardError):
            manifest_from_bytes(changed.to_bytes())
