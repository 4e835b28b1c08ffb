"""An ImageFolder becomes a verified release and comes back byte for byte; what is left out is listed."""

import json
import os
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from cairn.commands.shards import shards as command
from shards import ShardError, imagefolder_to_release, open_release, release_to_imagefolder, verify_release
from shards.classfolders import picture_extension
from tests.data import shared_data
from tests.shards.make import make_release

JPEG, PNG = b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


FLAT = {
    "cat/one.jpg": JPEG + b"1",
    "cat/deep/two.png": PNG + b"2",
    "cat/copy of one.jpg": JPEG + b"1",
    "golden retriever/what? a dog.JPEG": JPEG + b"3",
    "golden retriever/png named.jpg": PNG + b"4",
    "Vögel/ä.jpg": JPEG + b"5",
}
SPLITS = {
    "train/cat/a.jpg": JPEG + b"a",
    "train/dog/b.jpg": JPEG + b"b",
    "valid/cat/c.jpg": JPEG + b"c",
    "test/dog/d.jpg": JPEG + b"d",
}


@pytest.mark.parametrize("files", [FLAT, SPLITS], ids=["classes", "splits"])
def test_there_and_back_gives_every_path_and_byte(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = tree(tmp_path / "photos", files)
    made = imagefolder_to_release(folder, tmp_path / "release", max_bytes=5000)
    assert made.left_out == ()
    assert verify_release(made.path, made.release_id) == []
    assert release_to_imagefolder(made.path, tmp_path / "back") == len(files)
    assert contents(tmp_path / "back") == files
    again = imagefolder_to_release(tmp_path / "back", tmp_path / "again" / "release", max_bytes=5000)
    assert again.release_id == made.release_id


def test_splits_classes_and_labels_are_those_of_the_folders(tmp_path: Path) -> None:
    made = imagefolder_to_release(tree(tmp_path / "photos", SPLITS), tmp_path / "release")
    release = open_release(made.path)
    assert made.samples == {"test": 1, "train": 2, "val": 1}
    assert [(c.label, c.slug, c.name) for c in release.categories] == [(0, "cat", "cat"), (1, "dog", "dog")]
    sample = release.split("test").read(0)
    assert (sample.image, sample.label, sample.extension) == (JPEG + b"d", 1, "jpg")
    assert sample.meta["path"] == "test/dog/d.jpg"
    assert release.split("test").soft_label[0, 0] == 1


def test_class_folders_alone_are_train_even_if_one_class_is_called_train(tmp_path: Path) -> None:
    files = {"bus/a.jpg": JPEG + b"a", "train/b.jpg": JPEG + b"b"}
    made = imagefolder_to_release(tree(tmp_path / "vehicles", files), tmp_path / "release")
    assert made.samples == {"train": 2}
    assert [c.name for c in open_release(made.path).categories] == ["bus", "train"]


def test_what_cannot_be_taken_is_left_out_and_listed(tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "photos",
        SPLITS
        | {
            "train/cat/notes.jpg": b"a text",
            "train/cat/empty.png": b"",
            "train/cat/.hidden": b"",
            "train/cat/copy of test.jpg": JPEG + b"d",
            "train/loose.jpg": JPEG,
            # Nobody would take these for pictures: they are passed over.
            "README.md": b"about",
            "train/cat/Thumbs.db": b"windows",
            "train/cat/._a.jpg": b"mac",
            "train/notes/about.txt": b"no class",
        },
    )
    tree(tmp_path / "elsewhere", {"e.jpg": JPEG + b"e", "notes.txt": b""})
    (folder / "train" / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "train" / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "train" / "cat" / "e.jpg").symlink_to(tmp_path / "elsewhere" / "e.jpg")
    (folder / "train" / "cat" / "notes.txt").symlink_to(tmp_path / "elsewhere" / "notes.txt")
    (folder / "train" / "cat" / "gone.jpg").symlink_to("nowhere")
    (folder / "train" / "cat" / "loop.jpg").symlink_to("loop.jpg")
    with open(os.fsencode(folder / "train" / "cat") + b"/\xff.jpg", "wb") as stream:
        stream.write(JPEG)
    made = imagefolder_to_release(folder, tmp_path / "release")
    assert [(item.path, item.reason) for item in made.left_out] == [
        ("train/cat/\\xff.jpg", "name"),
        ("train/cat/copy of test.jpg", "leak"),
        ("train/cat/e.jpg", "link"),
        ("train/cat/empty.png", "not_image"),
        ("train/cat/gone.jpg", "unreadable"),
        ("train/cat/linked", "link"),
        ("train/cat/loop.jpg", "unreadable"),
        ("train/cat/notes.jpg", "not_image"),
        ("train/linked", "link"),
        ("train/loose.jpg", "outside"),
    ]
    assert [category.name for category in open_release(made.path).categories] == ["cat", "dog"]
    lines = (made.path / "dropped.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == [item.path for item in made.left_out]
    assert verify_release(made.path) == []


def test_a_folder_of_nothing_but_links_elsewhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "cat").symlink_to(tree(tmp_path / "photos", FLAT) / "cat")
    with pytest.raises(ShardError, match="no class folders with pictures") as error:
        imagefolder_to_release(tmp_path / "links", tmp_path / "release")
    assert "lead elsewhere" in error.value.hint


def test_a_circle_of_links_ends(tmp_path: Path) -> None:
    folder = tree(tmp_path / "photos", {"cat/a.jpg": JPEG})
    (folder / "cat" / "again").symlink_to(folder / "cat")
    assert imagefolder_to_release(folder, tmp_path / "release").samples == {"train": 1}


@pytest.mark.parametrize(
    "out, files, expected",
    [
        ("release", {}, "no class folders"),
        ("release", {"a.jpg": JPEG}, "no class folders"),
        ("photos/release", FLAT, "is inside"),
        ("taken", FLAT, "exists already"),
    ],
)
def test_bad_usage_is_a_sentence_and_writes_nothing(tmp_path: Path, out: str, files: dict, expected: str) -> None:
    (tmp_path / "photos").mkdir()
    tree(tmp_path / "photos", files)
    tree(tmp_path, {"taken/something": b""})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ShardError, match=expected) as error:
        imagefolder_to_release(tmp_path / "photos", tmp_path / out)
    assert error.value.exit_code == 2
    assert error.value.hint
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_killed_run_left_does_not_stop_the_next(tmp_path: Path) -> None:
    tree(tmp_path / ".release.partial", {"train/.000000.tar.partial": b"half"})
    made = imagefolder_to_release(tree(tmp_path / "photos", FLAT), tmp_path / "release")
    assert verify_release(made.path) == []
    assert not (tmp_path / ".release.partial").exists()


def test_what_a_killed_run_finished_is_not_written_again(tmp_path: Path) -> None:
    photos = tree(tmp_path / "photos", {f"train/cat/{n}.jpg": JPEG + bytes([n]) * 2000 for n in range(30)})
    clean = imagefolder_to_release(photos, tmp_path / "clean" / "release", max_bytes=20_000)
    left = shutil.copytree(clean.path, tmp_path / ".release.partial")
    finished = sorted((left / "train").glob("*.tar"))[:3]
    for file in left.rglob("*"):
        if file.is_file() and file not in finished:
            file.unlink()
    (left / "train" / ".000003.tar.partial").write_bytes(b"half")
    (left / "val").mkdir()
    (left / "val" / "000000.tar").write_bytes(b"of another folder")
    inodes = [file.stat().st_ino for file in finished]
    made = imagefolder_to_release(photos, tmp_path / "release", max_bytes=20_000)
    assert made.release_id == clean.release_id
    assert contents(made.path) == contents(clean.path)
    assert [(made.path / "train" / file.name).stat().st_ino for file in finished] == inodes


def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(100, 100, 0))  # type: ignore[attr-defined]
    with pytest.raises(ShardError, match="MiB are free") as error:
        imagefolder_to_release(tree(tmp_path / "photos", FLAT), tmp_path / "release")
    assert "space" in error.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_damaged_release_is_not_unpacked(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    (release / "train" / "000001.tar").unlink()
    with pytest.raises(ShardError, match=r"does not verify: train/000001.tar: it is missing"):
        release_to_imagefolder(release, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_any_release_unpacks_by_split_and_category(tmp_path: Path) -> None:
    release = make_release(tmp_path)
    assert release_to_imagefolder(release, tmp_path / "back") == 60
    train = open_release(release).split("train")
    sample = train.read(0)
    slug = open_release(release).categories[sample.label].slug
    assert (tmp_path / "back" / "train" / slug / f"{sample.key}.jpg").read_bytes() == sample.image


def test_formats_are_known_by_their_first_bytes() -> None:
    assert picture_extension(b"RIFF\0\0\0\0WEBPVP8 ") == "webp"
    assert picture_extension(b"\0\0\0\x1cftypavif") == "avif"
    assert picture_extension(b"\0\0\0\x1cftypisom") is None
    assert picture_extension(b"P6\n32 32") == "ppm"
    assert picture_extension(b"RIFF\0\0\0\0WAVE") is None
    assert picture_extension(b"<html>") is None


def test_real_photographs_go_there_and_back(tmp_path: Path) -> None:
    shutil.unpack_archive(shared_data() / "imagenet_samples_150.tar", tmp_path / "all")
    folder = tmp_path / "photos"
    for i, path in enumerate(sorted(p for p in (tmp_path / "all").rglob("*") if p.is_file())[:30]):
        target = folder / f"class {i % 3}" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    made = imagefolder_to_release(folder, tmp_path / "release", max_bytes=1_000_000)
    assert (made.left_out, made.samples) == ((), {"train": 30})
    release_to_imagefolder(made.path, tmp_path / "back")
    assert contents(tmp_path / "back") == contents(folder)


def test_the_command_goes_both_ways_and_exits_3_when_files_were_left_out(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    folder = tree(tmp_path / "photos", FLAT)
    done = CliRunner().invoke(app, [str(folder), str(tmp_path / "release"), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["samples"] == {"train": 6}
    done = CliRunner().invoke(app, [str(tmp_path / "release"), str(tmp_path / "back")])
    assert done.exit_code == 0
    assert contents(tmp_path / "back") == FLAT
    tree(folder, {"cat/notes.jpg": b"text"})
    done = CliRunner().invoke(app, [str(folder), str(tmp_path / "second")])
    assert done.exit_code == 3
    assert "notes.jpg" in done.stdout


def test_a_name_that_no_release_can_have_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    folder = tree(tmp_path / "in", FLAT)
    with pytest.raises(ShardError, match=r"'\.\./evil' cannot be a release's name"):
        imagefolder_to_release(folder, tmp_path / "out", name="../evil")
    assert not (tmp_path / "out").exists()
