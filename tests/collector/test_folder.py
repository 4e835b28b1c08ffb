"""Folders and tars: what each picture is proposed for, and that a tar can neither lead out of itself nor stop a run."""

import asyncio
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector import CollectError, Folder, collect
from collector.archives import samples
from collector.found import BadRow, Candidate, Categories, Context
from label_store import UsageError, Workspace, url_hash
from tests.collector.conftest import FAST
from tests.collector.site import jpeg

KNOWN = Categories({"car": 1, "dog": 2, "boat": 3}, {"motor-car": "car"})


def put_tar(path: Path, members: dict[str, bytes], dialect: int = tarfile.PAX_FORMAT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=dialect) as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def put_files(root: Path, *names: str) -> Path:
    for n, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(jpeg(n))
    return root


def found(source: Folder, category: str | None = None) -> list[Candidate | BadRow]:
    async def listen() -> list[Candidate | BadRow]:
        context = Context(None, KNOWN, category)  # type: ignore[arg-type]
        return [one async for one in source.candidates(context) if isinstance(one, Candidate | BadRow)]

    return asyncio.run(listen())


def proposed(source: Folder, category: str | None = None) -> dict[str | None, str | None]:
    return {one.title: one.category for one in found(source, category) if isinstance(one, Candidate)}


def bad(source: Folder) -> list[str]:
    return [f"{one.where}: {one.why}" for one in found(source) if isinstance(one, BadRow)]


def bytes_of(candidate: Candidate | BadRow) -> bytes:
    assert isinstance(candidate, Candidate)
    assert candidate.read is not None
    return candidate.read()


def test_the_splits_of_an_imagefolder_are_passed_over(tmp_path: Path) -> None:
    put_files(tmp_path, "train/car/a.jpg", "val/dog/b.jpg", "test/Motor car/c.jpg", "boat/d.jpg", "e.jpg")
    source = Folder(tmp_path)
    source.check(KNOWN, None)
    assert proposed(source) == {"a.jpg": "car", "b.jpg": "dog", "c.jpg": "car", "d.jpg": "boat", "e.jpg": None}


def test_a_folder_called_test_is_a_category_where_there_is_one(tmp_path: Path) -> None:
    source = Folder(put_files(tmp_path, "test/car/a.jpg"))
    context = Context(None, Categories({"test": 1, "car": 2}), None)  # type: ignore[arg-type]
    (one,) = source._found(context)
    assert isinstance(one, Candidate)
    assert one.category == "test"


def test_an_unknown_class_below_a_split_is_named_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="zebra"):
        Folder(put_files(tmp_path, "train/zebra/a.jpg", "train/car/b.jpg")).check(KNOWN, None)


def test_folders_without_pictures_need_no_category(tmp_path: Path) -> None:
    put_files(tmp_path, "car/a.jpg")
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "a.xml").write_text("<a/>")
    Folder(tmp_path).check(KNOWN, None)


def test_a_table_of_labels_wins_over_folders_and_names_what_it_misses(tmp_path: Path) -> None:
    put_files(tmp_path / "pictures", "x/a.jpg", "x/b.jpg", "car/c.jpg")
    put_tar(tmp_path / "pictures" / "more.tar", {"deep/d.jpg": jpeg(9)})
    table = tmp_path / "labels.csv"
    table.write_text("File,Category\nx/a.jpg,dog\nb.jpg,Motor car\nmore.tar/deep/d.jpg,boat\ngone.jpg,dog\n")
    source = Folder(tmp_path / "pictures", labels=table)
    source.check(KNOWN, None)
    assert proposed(source) == {"a.jpg": "dog", "b.jpg": "car", "c.jpg": "car", "d.jpg": "boat"}
    assert bad(source) == [f"{table}:gone.jpg: there is no such picture"]
    assert set(proposed(source, "boat").values()) == {"boat"}, "--category is for all of them"


@pytest.mark.parametrize(
    ("text", "match"),
    [("name,kind\na.jpg,car\n", "columns file and category"), ("file,category\na.jpg,zebra\n", "zebra")],
)
def test_a_table_that_is_none_is_one_sentence(tmp_path: Path, text: str, match: str) -> None:
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=match):
        Folder(put_files(tmp_path, "a.jpg"), labels=table).check(KNOWN, None)


def test_a_plain_tar_names_categories_by_its_folders_its_place_or_its_own_name(tmp_path: Path) -> None:
    put_tar(tmp_path / "a.tar", {"./car/a.jpg": jpeg(1), "train/dog/b.png": jpeg(2), "zebra/c.jpg": jpeg(3)})
    put_tar(tmp_path / "boat" / "b.tar", {"d.jpg": jpeg(4)})
    put_tar(tmp_path / "dog.tar", {"e.jpg": jpeg(5)})
    source = Folder(tmp_path)
    assert proposed(source) == {"a.jpg": "car", "b.png": "dog", "d.jpg": "boat", "e.jpg": "dog"}
    assert bad(source) == [f"{tmp_path}/a.tar:zebra/c.jpg: there is no category 'zebra'"]
    assert source.total() is None


def test_a_webdataset_sample_carries_what_stands_beside_its_picture(tmp_path: Path) -> None:
    facts = {"caption": "A red car", "url": "https://h/a", "license": "CC BY 4.0", "author": "Ann", "size": 7}
    tar = put_tar(
        tmp_path / "00000.tar",
        {
            "0.jpg": jpeg(1), "0.json": json.dumps(facts).encode(), "0.cls": b"1", "0.mask.png": jpeg(8),
            "1.cls": b"dog\n", "1.jpeg": jpeg(2), "1.txt": b"a dog",
            "2.jpg": jpeg(3), "2.json": b"{broken", "2.cls": b"0",
            "3.jpg": jpeg(4), "3.cls": b"7",
        },
    )  # fmt: skip
    classes = tmp_path / "classes.txt"
    classes.write_text("dog\nMotor car\n")
    one, two, broken, three, seven = found(Folder(tar, classes=classes))
    assert isinstance(one, Candidate)
    assert (one.category, one.caption, one.page_url, one.license, one.author) == (
        "car", "A red car", "https://h/a", "CC-BY-4.0", "Ann",
    )  # fmt: skip
    assert isinstance(two, Candidate)
    assert (two.category, two.caption, two.title) == ("dog", "a dog", "1.jpeg")
    assert isinstance(broken, BadRow)
    assert "2.json" in broken.where
    assert isinstance(three, Candidate)
    assert three.category == "dog"
    assert isinstance(seven, BadRow)
    assert "class 7" in seven.why
    assert (bytes_of(one), bytes_of(two), bytes_of(three)) == (jpeg(1), jpeg(2), jpeg(3))


def test_a_class_number_without_names_says_what_to_do(tmp_path: Path) -> None:
    (problem,) = bad(Folder(put_tar(tmp_path / "a.tar", {"0.jpg": jpeg(1), "0.cls": b"3"})))
    assert "--classes" in problem


def test_each_member_has_an_address_of_its_own_that_stays(tmp_path: Path) -> None:
    names = ["a b.jpg", "a#b.jpg", "a?b.jpg", "ä/b.jpg", "a%20b.jpg"]
    tar = put_tar(tmp_path / "x y.tar", {name: jpeg(n) for n, name in enumerate(names)})
    urls = [one.url for one in found(Folder(tar), "car") if isinstance(one, Candidate)]
    assert urls[0] == f"file://{tmp_path}/x%20y.tar?member=a%20b.jpg"
    assert len({url_hash(url) for url in urls}) == len(names), "url_hash drops fragments, not queries"


@pytest.mark.parametrize("dialect", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_longer_than_a_header_are_read_in_every_dialect(tmp_path: Path, dialect: int) -> None:
    name = "car/" + "long" * 35 + "/a.jpg"
    tar = put_tar(tmp_path / "a.tar", {name: jpeg(1)}, dialect)
    (one,) = found(Folder(tar))
    assert bytes_of(one) == jpeg(1)


def test_what_a_tar_could_be_dangerous_by_is_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, kind, target in (
            ("link.jpg", tarfile.SYMTYPE, "/etc/passwd"),
            ("hard.jpg", tarfile.LNKTYPE, "b.jpg"),
            ("pipe.jpg", tarfile.FIFOTYPE, ""),
        ):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
        for name in ("/etc/a.jpg", "../a.jpg", "car/../../b.jpg", "car/c.jpg"):
            entry = tarfile.TarInfo(name)
            entry.size = 4
            tar.addfile(entry, io.BytesIO(b"1234"))
    source = Folder(tmp_path)
    assert proposed(source) == {"c.jpg": "car"}
    assert len(bad(source)) == 6
    assert list(tmp_path.iterdir()) == [tmp_path / "a.tar"]


def test_a_header_that_claims_a_gigabyte_of_names_is_not_read(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("././@PaxHeader")
    entry.type, entry.size = tarfile.XHDTYPE, 2**30
    (tmp_path / "a.tar").write_bytes(entry.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
    (problem,) = bad(Folder(tmp_path))
    assert "cannot be read" in problem


def test_a_tar_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    tar = put_tar(tmp_path / "a.tar", {f"car/{n}.jpg": jpeg(n) for n in range(3)})
    whole = tar.read_bytes()
    with tarfile.open(tar) as opened:
        last = opened.getmembers()[-1]
    for at, expected in ((last.offset_data + 100, 2), (last.offset + 100, 2), (last.offset, 2), (700, 0)):
        tar.write_bytes(whole[:at])
        assert len(proposed(Folder(tmp_path))) == expected
        assert len(bad(Folder(tmp_path))) == 1


def test_a_damaged_header_in_the_middle_is_told_not_passed_over(tmp_path: Path) -> None:
    tar = put_tar(tmp_path / "a.tar", {f"car/{n}.jpg": jpeg(n) for n in range(3)})
    with tarfile.open(tar) as opened:
        at = opened.getmembers()[1].offset
    data = bytearray(tar.read_bytes())
    data[at : at + 512] = b"x" * 512
    tar.write_bytes(data)
    assert proposed(Folder(tmp_path)) == {"0.jpg": "car"}
    assert "damaged" in bad(Folder(tmp_path))[0]


def test_a_compressed_tar_says_what_to_do(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz"):
        pass
    assert "unpack it" in bad(Folder(tmp_path))[0]


def test_a_file_that_is_no_tar_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("words")
    with pytest.raises(CollectError, match="cannot be read"):
        Folder(tmp_path / "a.tar").check(KNOWN, None)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=2000), st.integers(0, 3000))
def test_no_bytes_stop_the_reading_of_a_tar(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    tar = put_tar(tmp_path_factory.mktemp("noise") / "a.tar", {"a.jpg": b"1" * 600, "b.json": b"{}", "b.jpg": b"2"})
    data = bytearray(tar.read_bytes())
    data[at : at + len(noise)] = noise
    tar.write_bytes(data)
    for one in samples(tar, (".jpg",)):
        if not isinstance(one, BadRow):
            assert len(one.picture.read()) == one.picture.size


def test_pictures_of_a_tar_are_collected_and_the_same_command_again_continues(store: Workspace, tmp_path: Path) -> None:
    tar = put_tar(tmp_path / "in" / "a.tar", {"car/a.jpg": jpeg(1), "car/b.jpg": b"no picture", "dog/c.jpg": jpeg(3)})
    first = collect(store, Folder(tar.parent), options=FAST)
    assert (first.new_images, first.new_candidates, first.failed) == (2, 2, {"not_image": 1})
    assert collect(store, Folder(tar.parent), options=FAST).nothing_left
    put_tar(tar, {"car/a.jpg": jpeg(1), "car/b.jpg": b"no picture", "dog/c.jpg": jpeg(3), "dog/d.jpg": jpeg(4)})
    assert collect(store, Folder(tar.parent), options=FAST).new_images == 1
