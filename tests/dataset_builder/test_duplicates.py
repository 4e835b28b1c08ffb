"""Pairs are found however a copy lies, groups do not drift, plain pictures are not merged."""

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataset_builder import RecipeError, find_duplicates, write_html
from dataset_builder.against import find_leaks
from dataset_builder.duplicates import Match, find_matches, left_out, stars
from dataset_builder.fingerprints import TRANSFORMS, Fingerprint, fingerprint, small_picture, small_pixels
from dataset_builder.proposing import near_pairs
from imaging import phash_hex, transformed
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
    (folder / "notes.txt").write_text("no picture")
    return folder


def test_folders_give_groups_the_member_to_keep_and_what_could_not_be_read(album: Path) -> None:
    report = find_duplicates([album], workers=1).as_json()
    assert sorted(report) == ["groups", "images", "unreadable"]
    found = {Path(group["keep"]).name: [Path(m["path"]).name for m in group["members"]] for group in report["groups"]}
    assert found == {"2.jpg": ["turned.jpg"], "3.jpg": ["soft.png"]}
    for group in report["groups"]:
        for member in group["members"]:
            assert sorted(member) == ["distance", "path", "similarity", "transform"]
    turned = next(m for g in report["groups"] for m in g["members"] if m["path"].endswith("turned.jpg"))
    assert turned["transform"] == "mirror"
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
    leaks = find_leaks(names, prints, lambda index: pictures[index], [hashes], 8)
    assert [leak.sha256 for leak in leaks] == [names[3]]
    hashes.write_text("not a hash\n")
    with pytest.raises(RecipeError, match="line 1"):
        find_leaks(names, prints, lambda index: pictures[index], [hashes], 8)


def test_the_better_picture_is_the_larger_then_the_less_compressed(tmp_path: Path) -> None:
    image = picture(1, width=160, height=120)
    (tmp_path / "a_small.png").write_bytes(png(image.resize((80, 60))))
    (tmp_path / "b_compressed.jpg").write_bytes(jpeg(image, 40))
    (tmp_path / "c_best.jpg").write_bytes(jpeg(image, 95))
    (group,) = find_duplicates([tmp_path], workers=1).groups
    assert Path(group.keep).name == "c_best.jpg"
    assert [Path(m.path).name for m in group.members] == ["b_compressed.jpg", "a_small.png"]
    assert np.array([m.similarity for m in group.members]).min() > 0.75
