"""Pairs are found however a copy lies, groups do not drift, plain pictures are not merged."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from dataset_builder import RecipeError, find_duplicates, write_html
from dataset_builder.against import find_leaks
from dataset_builder.duplicates import Match, find_matches, left_out, stars
from dataset_builder.fingerprints import TRANSFORMS, Fingerprint, fingerprint, small_picture, small_pixels
from dataset_builder.pictures import Place, find_pictures
from dataset_builder.proposing import near_pairs
from dataset_builder.reasons import reason
from imaging import canonical, phash_hex, transformed
from tests.data import shared_data
from tests.dataset_builder.scenes import blurred, jpeg, mirrored, photo, picture, png


def of_pixels(pixels: Image.Image) -> Fingerprint:
    """The fingerprint of a lossless file with these pixels."""
    file = io.BytesIO()
    pixels.save(file, "PNG")
    return fingerprint(file.getvalue(), pixels)


def test_a_copy_is_found_in_each_of_its_eight_positions() -> None:
    original = picture(1)
    for name in TRANSFORMS:
        both = [original, transformed(original, name)]
        prints = [of_pixels(one) for one in both]
        small = [small_pixels(one) for one in both]
        found = find_matches(prints, lambda index, small=small: small_picture(small[index]), 8)  # type: ignore[misc]
        assert [(m.a, m.b) for m in found] == [(0, 1)], name
        assert found[0].similarity > 0.95


def test_proposals_are_those_of_comparing_all_with_all() -> None:
    prints = [of_pixels(picture(n)) for n in range(30)]
    expected = {
        (a, b, (prints[a].hashes[0] ^ turned).bit_count(), TRANSFORMS[column])  # type: ignore[index]
        for a in range(30)
        for b in range(a + 1, 30)
        for column, turned in enumerate(prints[b].hashes or ())
        if (prints[a].hashes[0] ^ turned).bit_count() <= 22  # type: ignore[index]
    }
    assert len(expected) > 20
    assert near_pairs(prints, 22) == sorted(expected)


def test_plain_pictures_are_never_a_pair() -> None:
    prints = [of_pixels(Image.new("RGB", (64, 64), colour)) for colour in ("white", "white", "black")]
    assert near_pairs(prints, 16) == []
    assert [one.phash for one in prints] == [None, None, None]


def match(a: int, b: int) -> Match:
    return Match(min(a, b), max(a, b), 0, 1.0, "identity")


def test_a_chain_is_not_one_group_because_its_ends_do_not_match() -> None:
    found = stars(3, [match(0, 1), match(1, 2)], rank=[0, 1, 2])
    assert [(star.centre, [index for index, _ in star.members]) for star in found] == [(0, [1])]


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] < p[1])), st.permutations(range(10))
)
def test_every_member_matches_the_better_picture_that_is_kept(pairs: set[tuple[int, int]], rank: list[int]) -> None:
    found = stars(10, [match(*pair) for pair in sorted(pairs)], rank)
    members = [index for star in found for index, _ in star.members]
    kept = set(range(10)) - set(members)
    assert len(members) == len(set(members))
    for star in found:
        assert star.centre in kept
        assert all((min(star.centre, m), max(star.centre, m)) in pairs for m, _ in star.members)
        assert all(rank[star.centre] < rank[m] for m, _ in star.members)
    # Two that are kept never match, or both would not be.
    assert not any(a in kept and b in kept for a, b in pairs)


def test_keep_says_how_many_of_a_group_stay() -> None:
    (star,) = stars(4, [match(0, 1), match(0, 2), match(0, 3)], rank=[0, 1, 2, 3])
    assert [index for index, _ in left_out(star, "best")] == [1, 2, 3]
    assert [index for index, _ in left_out(star, 3)] == [3]
    assert left_out(star, "all") == ()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    (folder / "sub").mkdir(parents=True)
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(photo(number, width=128, height=96))
    (folder / "sub" / "turned.jpg").write_bytes(mirrored(2))
    (folder / "sub" / "soft.png").write_bytes(blurred(3))
    (folder / "broken.jpg").write_bytes(photo(9)[:500])
    for junk in ("notes.txt", "Thumbs.db", ".DS_Store", "._0.jpg"):  # passed over, as `cairn shards` does
        (folder / junk).write_text("no picture")
    (folder / ".trash").mkdir()
    (folder / ".trash" / "0.jpg").write_bytes(photo(0))
    return folder


def test_folders_give_groups_the_member_to_keep_and_what_could_not_be_read(album: Path) -> None:
    report = find_duplicates([album], workers=1).as_json()
    assert sorted(report) == ["groups", "images", "series", "unreadable"]
    found = {Path(group["keep"]).name: [Path(m["path"]).name for m in group["members"]] for group in report["groups"]}
    assert found == {"2.jpg": ["turned.jpg"], "3.jpg": ["soft.png"]}
    for group in report["groups"]:
        for member in group["members"]:
            assert {"distance", "path", "similarity", "transform", "why", "keep"} <= member.keys()
    turned = next(m for g in report["groups"] for m in g["members"] if m["path"].endswith("turned.jpg"))
    assert turned["transform"] == "mirror"
    assert turned["why"] == "mirrored"
    assert report["images"] == 8
    assert [Path(one["path"]).name for one in report["unreadable"]] == ["broken.jpg"]
    json.dumps(report)


def test_tars_are_read_in_place_and_give_the_same_groups(album: Path, tmp_path: Path) -> None:
    os.remove(album / "broken.jpg")
    for name, mode in (("a.tar", "w"), ("b.tar.gz", "w:gz")):
        with tarfile.open(tmp_path / name, mode) as tar:  # type: ignore[call-overload]
            tar.add(album, "album")
        report = find_duplicates([tmp_path / name], workers=1)
        assert sorted(g.keep for g in report.groups) == [f"{tmp_path / name}::album/{n}.jpg" for n in (2, 3)]


def test_against_finds_only_what_repeats_the_other_set(album: Path, tmp_path: Path) -> None:
    other = tmp_path / "benchmark"
    other.mkdir()
    (other / "test.png").write_bytes(png(picture(5)))
    report = find_duplicates([album], [other], workers=1)
    assert [(Path(g.keep).name, [Path(m.path).name for m in g.members]) for g in report.groups] == [
        ("test.png", ["5.jpg"])
    ]


def test_two_workers_find_what_one_finds(album: Path, tmp_path: Path) -> None:
    for number in range(70):
        (album / f"more{number}.jpg").write_bytes(photo(100 + number, width=48, height=48))
    assert find_duplicates([album], workers=2).as_json() == find_duplicates([album], workers=1).as_json()


def test_the_page_is_one_file_that_names_every_picture(album: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_html(find_duplicates([album], workers=1), page)
    text = page.read_text()
    assert "turned.jpg" in text
    assert "broken.jpg" in text
    assert text.count("data:image/jpeg;base64,") == 4
    assert 'src="http' not in text


def test_a_path_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="nothing at"):
        find_duplicates([tmp_path / "absent"])
    (tmp_path / "broken.tar").write_bytes(b"no tar at all")
    with pytest.raises(RecipeError, match="tar"):
        find_duplicates([tmp_path])


def test_a_list_of_hashes_is_a_set_to_stay_clear_of(tmp_path: Path) -> None:
    pictures = [picture(n) for n in range(5)]
    prints = [of_pixels(one) for one in pictures]
    hashes = tmp_path / "benchmark.txt"
    hashes.write_text(f"phash\n{phash_hex((prints[3].hashes or (0,))[1])}  # mirrored\n")
    names = [hashlib.sha256(bytes([n])).hexdigest() for n in range(5)]
    leaks, _ = find_leaks(names, prints, lambda index: pictures[index], [hashes], 8)
    assert [leak.sha256 for leak in leaks] == [names[3]]
    hashes.write_text("# none yet\n")
    with pytest.raises(RecipeError, match="holds no hashes"):
        find_leaks(names, prints, lambda index: pictures[index], [hashes], 8)
    hashes.write_text("not a hash\n")
    with pytest.raises(RecipeError, match="line 1"):
        find_leaks(names, prints, lambda index: pictures[index], [hashes], 8)


def test_a_set_that_holds_no_pictures_is_no_all_clear_and_one_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "0.jpg").write_bytes(photo(0))
    (tmp_path / "test_set").mkdir()
    (tmp_path / "test_set" / "data_batch_1").write_bytes(b"another format")
    with pytest.raises(RecipeError, match="test_set holds no pictures"):
        find_duplicates([tmp_path / "mine"], [tmp_path / "mine", tmp_path / "test_set"])
    with pytest.raises(RecipeError, match="test_set holds no pictures"):
        find_leaks([], [], lambda index: picture(index), [tmp_path / "test_set"], 8)
    (tmp_path / "test_set" / "broken.jpg").write_bytes(photo(1)[:300])
    leaks, unreadable = find_leaks([], [], lambda index: picture(index), [tmp_path / "test_set"], 8, 1, tmp_path)
    assert (leaks, unreadable) == ([], ["test_set/broken.jpg"])


@pytest.mark.parametrize("ending", ["tar", "tar.gz"], ids=str)
def test_a_tar_that_is_broken_in_the_middle_is_not_taken_for_a_short_one(tmp_path: Path, ending: str) -> None:
    whole = tmp_path / f"album.{ending}"
    with tarfile.open(whole, "w:gz" if ending == "tar.gz" else "w") as tar:
        for number in range(4):
            about = tarfile.TarInfo(f"{number}.jpg")
            about.size = 4096
            tar.addfile(about, io.BytesIO(np.random.default_rng(number).bytes(4096)))
    last = find_pictures([whole])[-1]
    assert (last.member, len(last.read())) == ("3.jpg", 4096)
    content = bytearray(whole.read_bytes())
    middle = 2 * (512 + 4096)  # the third header; random bytes lie in a .gz as they are
    content[middle - 600 : middle + 600] = b"\xff" * 1200
    whole.write_bytes(content)
    with pytest.raises(RecipeError, match="cannot be read as a tar"):
        find_pictures([whole])
    with pytest.raises(OSError, match=r"album|outside"):
        Place(whole, "3.jpg").read()


def test_the_better_picture_is_the_larger_then_the_less_compressed(tmp_path: Path) -> None:
    image = picture(1, width=160, height=120)
    (tmp_path / "a_small.png").write_bytes(png(image.resize((80, 60))))
    (tmp_path / "b_compressed.jpg").write_bytes(jpeg(image, 40))
    (tmp_path / "c_best.jpg").write_bytes(jpeg(image, 95))
    (group,) = find_duplicates([tmp_path], workers=1).groups
    assert Path(group.keep).name == "c_best.jpg"
    assert [Path(m.path).name for m in group.members] == ["b_compressed.jpg", "a_small.png"]
    assert np.array([m.similarity for m in group.members]).min() > 0.75


def test_an_enlarged_copy_loses_against_the_smaller_original(tmp_path: Path) -> None:
    with tarfile.open(shared_data() / "imagenet_samples_150.tar") as archive:
        photographs = [file.read() for member in archive if (file := archive.extractfile(member)) is not None]
    for number in (0, 20, 41):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "original.jpg").write_bytes(photographs[number])
        image = canonical(photographs[number])
        for name, factor, quality in (("enlarged", 2.0, 95), ("reduced", 0.5, 95)):
            size = (round(image.width * factor), round(image.height * factor))
            (folder / f"{name}.jpg").write_bytes(jpeg(image.resize(size, Image.Resampling.BICUBIC), quality))
        (group,) = find_duplicates([folder], workers=1).groups
        assert Path(group.keep).name == "original.jpg"


def turned_by(image: Image.Image, degrees: float) -> Image.Image:
    return image.rotate(degrees, Image.Resampling.BICUBIC)


def test_cropped_tilted_and_framed_copies_are_found_and_told_apart(tmp_path: Path) -> None:
    image = picture(1, width=400, height=300)
    (tmp_path / "a.png").write_bytes(png(image))
    (tmp_path / "cut.jpg").write_bytes(jpeg(image.crop((60, 30, 380, 270))))
    (tmp_path / "framed.jpg").write_bytes(jpeg(ImageOps.expand(image, (60, 45), "white").resize((300, 225))))
    (tmp_path / "tilted.jpg").write_bytes(jpeg(turned_by(image, 6).resize((200, 150))))
    (tmp_path / "quarter.jpg").write_bytes(jpeg(image.rotate(90, expand=True).resize((150, 200))))
    for number in range(20):
        (tmp_path / f"other{number}.jpg").write_bytes(photo(100 + number, width=200, height=150))
    (group,) = find_duplicates([tmp_path], workers=1).groups
    assert Path(group.keep).name == "a.png"
    why = {Path(member.path).name: member.why for member in group.members}
    assert sorted(why) == ["cut.jpg", "framed.jpg", "quarter.jpg", "tilted.jpg"]
    assert why["cut.jpg"] == "cut: shows 80 % of its width"
    assert why["framed.jpg"].startswith("has a frame around it: it fills 7")
    assert "tilted by 6°" in why["tilted.jpg"]
    assert why["quarter.jpg"] == "turned a quarter to the left"


@pytest.mark.parametrize("transform", TRANSFORMS, ids=TRANSFORMS)
def test_a_reason_says_how_the_member_lies_whichever_of_the_two_is_kept(transform: str) -> None:
    said = {
        "identity": "the same view",
        "mirror": "mirrored",
        "rotate90": "turned a quarter to the right",  # turning it left again brings it back
        "rotate180": "turned upside down",
        "rotate270": "turned a quarter to the left",
        "mirror_rotate90": "mirrored and turned a quarter to the left",
        "mirror_rotate180": "upside down, mirrored",
        "mirror_rotate270": "mirrored and turned a quarter to the right",
    }
    other_way = {"rotate90": "rotate270", "rotate270": "rotate90"}.get(transform, transform)
    assert reason(Match(3, 5, 2, 0.9, transform), kept=3) == said[transform]
    assert reason(Match(3, 5, 2, 0.9, transform), kept=5) == said[other_way]


def test_a_framed_picture_is_not_kept_for_being_larger_but_a_wider_view_is(tmp_path: Path) -> None:
    image = picture(1, width=400, height=300)
    (tmp_path / "plain.png").write_bytes(png(image))
    (tmp_path / "framed.png").write_bytes(png(ImageOps.expand(image, (80, 60), "#223344")))
    wide = picture(2, width=400, height=300)
    (tmp_path / "wide.png").write_bytes(png(wide))
    (tmp_path / "cut.png").write_bytes(png(wide.crop((60, 40, 370, 280))))
    found = find_duplicates([tmp_path], workers=1).groups
    assert sorted(Path(group.keep).name for group in found) == ["plain.png", "wide.png"]


def test_difference_hashes_propose_the_same_copies_and_lists_of_hashes_are_still_phashes(
    album: Path, tmp_path: Path
) -> None:
    report = find_duplicates([album], hash="dhash", workers=1)
    assert {Path(group.keep).name for group in report.groups} == {"2.jpg", "3.jpg"}
    with Image.open(album / "5.jpg") as opened:
        listed = of_pixels(opened.convert("RGB")).phash
    (tmp_path / "public.txt").write_text(f"{listed}\n")
    (group,) = find_duplicates([album], [tmp_path / "public.txt"], hash="dhash", workers=1).groups
    assert [Path(member.path).name for member in group.members] == ["5.jpg"]


def test_a_thousand_pictures_of_one_hash_are_pairs_with_the_best_of_them_only() -> None:
    prints = [Fingerprint((7, 70, 71, 72, 73, 74, 75, 76), 10 + n % 30, 10, 100) for n in range(1000)]
    prints.append(Fingerprint((7 ^ (3 << 40), 80, 81, 82, 83, 84, 85, 86), 10, 10, 100))
    rows = near_pairs(prints, 8)
    best = min(range(1000), key=lambda n: (-prints[n].width, n))
    assert {(a, b) for a, b, _, _ in rows} == {tuple(sorted((best, n))) for n in range(1001) if n != best}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 24), st.integers(1, 10))
def test_pairs_between_two_sets_are_those_pairs_of_all_that_join_them(seed: int, radius: int, edge: int) -> None:
    random = np.random.default_rng(seed)
    pictures = [Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(8)]
    pictures += [transformed(pictures[0], name) for name in TRANSFORMS[1:4]]
    prints = [of_pixels(one) for one in pictures]
    count = len(prints)
    between = near_pairs(prints, radius, (range(edge), range(edge, count)))
    assert between == [row for row in near_pairs(prints, radius) if row[0] < edge <= row[1]]
    backwards = near_pairs(prints, radius, (range(edge, count), range(edge)))
    assert backwards == between


def test_a_list_of_hashes_is_one_of_the_other_sets(album: Path, tmp_path: Path) -> None:
    with Image.open(album / "5.jpg") as opened:
        listed = of_pixels(opened.convert("RGB")).phash
    (tmp_path / "public.txt").write_text(f"{listed}\n{'0123456789abcdef'}\n")
    (group,) = find_duplicates([album], [tmp_path / "public.txt"], workers=1).groups
    assert group.keep == f"{tmp_path / 'public.txt'}: {listed}"
    assert [Path(member.path).name for member in group.members] == ["5.jpg"]
    assert "no pixels" in group.members[0].why
    assert group.members[0].similarity is None
    write_html(find_duplicates([album], [tmp_path / "public.txt"], workers=1), tmp_path / "page.html")


def test_keep_marks_what_stays_and_counts_what_goes(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(picture(1, width=160, height=120), 90 - 10 * number))
    for keep, stays, goes in (("best", [], 3), (2, ["1.jpg"], 2), ("all", ["1.jpg", "2.jpg", "3.jpg"], 0)):
        report = find_duplicates([tmp_path], keep=keep, workers=1)
        (group,) = report.groups
        assert [Path(member.path).name for member in group.members if member.keep] == stays
        assert report.left_out == goes


def test_series_are_pictures_whose_features_are_near_and_that_are_no_duplicates(album: Path, tmp_path: Path) -> None:
    features = np.eye(6, dtype=np.float32)
    features[1] = features[0] + 0.1 * features[1]
    features[3] = features[2]
    np.savez(tmp_path / "features.npz", key=np.array(["0", "1", "2.jpg", "turned", "4", "5"]), features=features)
    report = find_duplicates([album], semantic=tmp_path / "features.npz", workers=1)
    assert [[Path(path).name for path in one.paths] for one in report.series] == [["0.jpg", "1.jpg"]]
    assert report.series[0].cosine == pytest.approx(0.995, abs=0.001)
    write_html(report, tmp_path / "page.html")
    assert "Series" in (tmp_path / "page.html").read_text()


def test_a_file_that_holds_no_features_is_a_sentence(album: Path, tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    with pytest.raises(RecipeError, match="holds no features"):
        find_duplicates([album], semantic=path, workers=1)
    path.write_bytes(b"nothing")
    with pytest.raises(RecipeError, match="holds no features"):
        find_duplicates([album], semantic=path, workers=1)
    np.savez(path, key=np.array(["a"]), features=np.ones((2, 3)))
    with pytest.raises(RecipeError, match="shape"):
        find_duplicates([album], semantic=path, workers=1)
    np.savez(path, key=np.array(["elsewhere"]), features=np.ones((1, 3)))
    with pytest.raises(RecipeError, match="no picture has features"):
        find_duplicates([album], semantic=path, workers=1)
