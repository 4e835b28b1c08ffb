"""Real odd files: each opens, or is refused with the right word."""

import csv
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging import ImageError, ImageFacts, Reason, canonical, describe, inspect
from tests.data import shared_data

# What the list of odd files calls an error, in our words.
REFUSED = {
    "avif_hopper.heif": "undecodable",
    "truncated_jpeg.jpg": "undecodable",
    "truncated_image.png": "undecodable",
    "broken.png": "undecodable",
    "unknown_compression_method.png": "undecodable",
    "apng_syntax_num_frames_zero.png": "undecodable",
    "bmp_b_shortfile.bmp": "undecodable",
    "crash-86214e58da443d2b80820cff9677a38a33dcbbca.tif": "undecodable",
    "zero_width.gif": "undecodable",
    "png_decompression_dos.png": "undecodable",
    "decompression_bomb.gif": "too_large",
    "decompression_bomb_extents.gif": "too_large",
    "bmp_b_reallybig.bmp": "too_large",
}


@pytest.fixture(scope="module")
def listed() -> list[dict[str, str]]:
    with (shared_data() / "odd_encodings.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def odd(listed: list[dict[str, str]]) -> dict[str, bytes]:
    with tarfile.open(shared_data() / "odd_encodings.tar") as archive:
        members = {row["file"]: archive.extractfile(row["file"]) for row in listed}
        return {name: member.read() for name, member in members.items() if member is not None}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(canonical(data), dtype=np.int16)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_every_listed_file_is_there(listed: list[dict[str, str]], odd: dict[str, bytes]) -> None:
    assert len(odd) == len(listed) == 81


def test_each_file_is_taken_or_refused_as_listed(listed: list[dict[str, str]], odd: dict[str, bytes]) -> None:
    for row in listed:
        name = row["file"]
        if row["pillow_result"] == "ok":
            facts = inspect(odd[name])
            assert facts.sha256 == row["sha256"], name
            assert facts.bytes == len(odd[name]), name
            assert (facts.format, facts.mode) == (row["format"], row["mode"]), name
            assert facts.frames == int(row["frames"]), name
            assert facts.orientation == int(row["exif_orientation"] or 1), name
        else:
            with pytest.raises(ImageError) as refused:
                inspect(odd[name])
            assert refused.value.reason == REFUSED[name], name
            assert refused.value.hint


def test_canonical_pixels_are_rgb_in_the_size_that_inspect_says(odd: dict[str, bytes]) -> None:
    for name, data in odd.items():
        if name in REFUSED:
            continue
        facts, picture = inspect(data), canonical(data)
        assert picture.mode == "RGB", name
        assert picture.size == (facts.width, facts.height), name
        assert picture.info == {}, name


def test_the_eight_orientations_are_one_upright_picture(odd: dict[str, bytes]) -> None:
    upright = pixels(odd["Landscape_1.jpg"])
    assert upright.shape == (1200, 1800, 3)
    for orientation in range(2, 9):
        assert difference(upright, pixels(odd[f"Landscape_{orientation}.jpg"])) < 5
    hopper = pixels(odd["hopper.jpg"])
    for orientation in range(2, 9):
        assert difference(hopper, pixels(odd[f"hopper_orientation_{orientation}.jpg"])) < 5


def test_a_tiff_is_turned_once_and_an_avif_by_its_boxes(odd: dict[str, bytes]) -> None:
    assert difference(pixels(odd["g4_orientation_1.tif"]), pixels(odd["g4_orientation_5.tif"])) < 1
    assert pixels(odd["avif_rot1mir0.avif"]).shape == pixels(odd["avif_rot0mir0.avif"]).shape == (427, 640, 3)


def test_orientation_given_only_in_xmp_is_followed(odd: dict[str, bytes]) -> None:
    facts = inspect(odd["xmp_tags_orientation.png"])
    assert facts.orientation == 3
    assert facts.icc_name == "ColorMatch RGB"
    stored = Image.open(io.BytesIO(odd["xmp_tags_orientation.png"]))
    stored.load()
    out = io.BytesIO()
    plain = Image.frombytes(stored.mode, stored.size, stored.tobytes())
    plain.save(out, "PNG", icc_profile=stored.info["icc_profile"])
    assert np.array_equal(pixels(out.getvalue())[::-1, ::-1], pixels(odd["xmp_tags_orientation.png"]))


def test_sixteen_bits_become_the_same_eight(odd: dict[str, bytes]) -> None:
    assert difference(pixels(odd["tiff_16bit_RGB.tiff"]), pixels(odd["tiff_16bit_RGB_target.png"])) < 1
    for name in ("16bit.cropped.tif", "16bit.cropped.jp2"):
        deep = np.asarray(Image.open(io.BytesIO(odd[name]))).astype(float)
        assert np.array_equal(pixels(odd[name])[:, :, 0], np.rint(deep / 257)), name


def test_one_picture_in_many_formats_has_one_look(odd: dict[str, bytes]) -> None:
    hopper = pixels(odd["hopper.jpg"])
    for name in ("hopper.webp", "avif_hopper.avif", "hopper_16bit_qtables.jpg"):
        assert difference(hopper, pixels(odd[name])) < 15, name
    assert difference(pixels(odd["flower.jpg"]), pixels(odd["flower.webp"])) < 5


def test_cmyk_is_not_inverted(odd: dict[str, bytes]) -> None:
    for name in ("pil_sample_cmyk.jpg", "tiff_strip_cmyk_jpeg.tif"):
        corner = pixels(odd[name])[2, 2]
        assert corner[0] > 200, name
        assert corner[1] < 60, name
        assert pixels(odd[name])[90, 90].max() < 40, name


def test_transparent_parts_show_the_background(odd: dict[str, bytes]) -> None:
    for name in ("i_trns.png", "l_trns.png", "1_trns.png", "p_trns_single.png"):
        assert np.asarray(canonical(odd[name], background="#0a141e"))[32, 32].tolist() == [10, 20, 30], name
    white, black = (np.asarray(canonical(odd["transparent.png"], back)) for back in ("white", "black"))
    assert (white != black).any(axis=2).mean() > 0.2
    grey_alpha = np.asarray(canonical(odd["apng_mode_grayscale_alpha.png"], "black"))
    assert grey_alpha.shape == (64, 128, 3)


def test_the_first_frame_of_an_animation_is_the_picture(odd: dict[str, bytes]) -> None:
    assert inspect(odd["iss634.gif"]).frames == 42
    first = Image.open(io.BytesIO(odd["iss634.gif"])).convert("RGB")
    assert np.array_equal(np.asarray(canonical(odd["iss634.gif"])), np.asarray(first))


def test_the_time_of_exposure_is_read(odd: dict[str, bytes]) -> None:
    taken = inspect(odd["flower.jpg"]).taken_at
    assert taken is not None
    assert taken.isoformat() == "2003-12-14T12:01:44"
    assert taken.tzinfo is None
    assert inspect(odd["hopper.jpg"]).taken_at is None


def test_a_profile_that_is_unreadable_changes_nothing(odd: dict[str, bytes]) -> None:
    stored = Image.open(io.BytesIO(odd["icc-after-SOF.jpg"])).convert("RGB")
    assert inspect(odd["icc-after-SOF.jpg"]).icc_name is None
    assert np.array_equal(np.asarray(canonical(odd["icc-after-SOF.jpg"])), np.asarray(stored))


def facts_or_reason(look: Callable[[bytes], ImageFacts], data: bytes) -> ImageFacts | Reason:
    try:
        return look(data)
    except ImageError as error:
        return error.reason


def test_what_is_decoded_small_for_its_hash_has_the_same_facts_and_refusals(odd: dict[str, bytes]) -> None:
    for name, data in odd.items():
        described = facts_or_reason(lambda data: describe(data).facts, data)
        assert described == facts_or_reason(inspect, data), name


def test_every_odd_file_has_the_pixels_that_a_person_sees(odd: dict[str, bytes]) -> None:
    """The means of 4 x 4 cells, kept from pictures that were looked at; another decoder may round otherwise."""
    with Path(__file__).with_name("odd_pixels.csv").open(newline="") as file:
        expected = {row["file"]: row for row in csv.DictReader(file)}
    assert expected.keys() == odd.keys() - REFUSED.keys() | {
        "decompression_bomb_extents.gif"
    }  # whose first frame is well
    for name, row in expected.items():
        picture = canonical(odd[name])
        assert picture.size == (int(row["width"]), int(row["height"])), name
        cells = np.asarray(picture.resize((4, 4), Image.Resampling.BOX), dtype=np.int16).reshape(-1, 3)
        kept = np.array([list(bytes.fromhex(cell)) for cell in row["cells"].split()], dtype=np.int16)
        assert np.abs(cells - kept).max() <= 3, name
