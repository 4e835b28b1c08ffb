"""The pixel check: the same shot after mild changes is over the threshold, other pictures are under it."""

import csv
import tarfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from imaging import MATCH_THRESHOLD, canonical, compare, comparison_picture, encode, prepare, similarity, transformed
from tests.data import shared_data
from tests.imaging.pictures import file_bytes, scene

Change = Callable[[Image.Image], Image.Image]


def recompressed(quality: int) -> Change:
    return lambda image: canonical(encode(image, "jpeg", quality, "4:2:0"))


def scaled(factor: float) -> Change:
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)))


def cut(left: float, top: float, right: float, bottom: float) -> Change:
    return lambda image: image.crop(
        (
            round(image.width * left),
            round(image.height * top),
            round(image.width * (1 - right)),
            round(image.height * (1 - bottom)),
        )
    )


def lettered(image: Image.Image) -> Image.Image:
    marked = image.copy()
    font = ImageFont.load_default(size=max(10, image.width // 14))
    place = (image.width * 0.45, image.height * 0.88)
    ImageDraw.Draw(marked).text(place, "© example.org", font=font, fill="white")
    return marked


def with_logo(image: Image.Image) -> Image.Image:
    marked = image.copy()
    side = image.width * 0.15
    ImageDraw.Draw(marked).ellipse((8, 8, 8 + side, 8 + side), fill=(220, 30, 30))
    return marked


def everything(image: Image.Image) -> Image.Image:
    return recompressed(40)(scaled(0.5)(lettered(cut(0, 0, 0.05, 0.05)(image))))


MILD: dict[str, Change] = {
    "re-encoded at 30": recompressed(30),
    "re-encoded at 95": recompressed(95),
    "a quarter of the size": scaled(0.25),
    "twice the size": scaled(2),
    "5 % cut top left": cut(0.05, 0.05, 0, 0),
    "5 % cut bottom right": cut(0, 0, 0.05, 0.05),
    "5 % cut on each side": cut(0.05, 0.05, 0.05, 0.05),
    "lettered": lettered,
    "with a logo": with_logo,
    "with a border": lambda image: ImageOps.expand(image, image.width // 25, "black"),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "cut, lettered, halved, re-encoded": everything,
}


@pytest.fixture(scope="module")
def photographs() -> list[Image.Image]:
    """Every fourth of the 150 real photographs."""
    with tarfile.open(shared_data() / "imagenet_samples_150.tar") as archive:
        files = [archive.extractfile(member) for member in archive.getmembers() if member.isfile()][::4]
        return [canonical(file.read()) for file in files if file is not None]


def test_a_picture_is_wholly_similar_to_itself() -> None:
    assert similarity(scene(1), scene(1)) == pytest.approx(1)


@pytest.mark.parametrize("name", MILD)
def test_a_drawn_picture_matches_its_changed_copy(name: str) -> None:
    image = scene(2, 400, 300)
    assert similarity(image, MILD[name](image)) >= MATCH_THRESHOLD
    assert similarity(MILD[name](image), image) >= MATCH_THRESHOLD


@pytest.mark.parametrize("name", MILD)
def test_real_photographs_match_their_changed_copies(name: str, photographs: list[Image.Image]) -> None:
    scores = [similarity(image, MILD[name](image)) for image in photographs]
    missed = sum(score < MATCH_THRESHOLD for score in scores)
    assert missed <= 1, f"{missed} of {len(scores)} missed, the least {min(scores):.2f}"


def test_different_photographs_do_not_match(photographs: list[Image.Image]) -> None:
    small = [comparison_picture(image) for image in photographs]
    scores = [similarity(small[i], small[j]) for i in range(len(small)) for j in range(i)]
    assert max(scores) < MATCH_THRESHOLD - 0.2


def test_a_mirrored_twin_matches_and_is_said_to_be_mirrored() -> None:
    image = scene(3)
    twin = recompressed(70)(ImageOps.mirror(image))
    likeness = compare(prepare(image), prepare(twin))
    assert likeness.similarity >= MATCH_THRESHOLD
    assert likeness.mirrored
    assert not compare(prepare(transformed(image, "mirror")), prepare(twin)).mirrored


def test_a_quarter_turn_matches_only_once_it_is_turned_back() -> None:
    image = scene(3)
    twin = recompressed(70)(transformed(image, "rotate90"))
    assert similarity(image, twin) < MATCH_THRESHOLD
    assert similarity(transformed(image, "rotate90"), twin) >= MATCH_THRESHOLD


@pytest.mark.parametrize("degrees", [-10, -5, 5, 10], ids=lambda d: f"{d} degrees")
def test_how_a_turned_or_cut_picture_lies_is_told(degrees: int) -> None:
    image = scene(2, 400, 400)
    turned = compare(prepare(image), prepare(image.rotate(degrees, Image.Resampling.BICUBIC)))
    assert turned.similarity >= MATCH_THRESHOLD
    assert abs(turned.turned) == pytest.approx(abs(degrees), abs=1.5)
    assert turned.scale == pytest.approx(1, abs=0.03)
    part = compare(prepare(image), prepare(image.crop((60, 20, 380, 340))))
    assert part.similarity >= MATCH_THRESHOLD
    assert part.scale == pytest.approx(0.8, abs=0.03)
    whole = compare(prepare(image.crop((60, 20, 380, 340))), prepare(image))
    assert whole.similarity >= MATCH_THRESHOLD
    assert whole.scale == pytest.approx(1.25, abs=0.05)


def test_a_frame_is_told_from_more_of_the_same_view(photographs: list[Image.Image]) -> None:
    def framed(whole: Image.Image, part: Image.Image) -> bool:
        return compare(prepare(whole), prepare(part)).framed == "first"

    around = [framed(image, cut(0.1, 0.05, 0.02, 0.1)(image)) for image in photographs]
    assert sum(around) <= 3  # three of these photographs have bars or a frame themselves
    borders = [framed(ImageOps.expand(image, image.width // 8, "#223344"), image) for image in photographs]
    assert sum(borders) >= 0.85 * len(photographs)
    likeness = compare(prepare(photographs[0]), prepare(ImageOps.expand(photographs[0], 60, "white")))
    assert likeness.framed == "second"
    # A sky, or a wall, is flat and goes on past the cut.
    wide = Image.new("RGB", (400, 300), (120, 160, 220))
    wide.paste(scene(6, 200, 150), (100, 130))
    assert not framed(wide, cut(0.1, 0.1, 0.1, 0.1)(wide))


def test_the_same_form_in_another_colour_is_another_picture() -> None:
    red, blue = (Image.new("RGB", (200, 150), "white") for _ in range(2))
    for image, colour in ((red, (190, 40, 40)), (blue, (40, 40, 190))):
        ImageDraw.Draw(image).rounded_rectangle((30, 50, 170, 110), 25, fill=colour, outline="black", width=4)
    assert similarity(red, blue) < MATCH_THRESHOLD
    assert similarity(red, recompressed(50)(red)) >= MATCH_THRESHOLD


def test_kept_comparison_pictures_score_as_the_full_ones() -> None:
    image, other = scene(4), everything(scene(4, 400, 300))
    assert comparison_picture(image).size == (64, 64)
    assert similarity(comparison_picture(image), comparison_picture(other)) == similarity(image, other)


def test_plain_pictures_and_single_pixels_have_a_similarity() -> None:
    plain = [Image.new("RGB", size, colour) for size, colour in (((1, 1), "white"), ((300, 2), "black"))]
    for one in (*plain, scene(5)):
        for other in plain:
            assert 0 <= similarity(one, other) <= 1


def test_known_duplicates_in_cifar_match_and_its_jpeg_copies_too() -> None:
    with (shared_data() / "cifair10_duplicates.csv").open(newline="") as file:
        pairs = [row for row in csv.DictReader(file) if (row["pair"], row["judgment"]) == ("test-test", "1")]
    wanted = {int(row[key]) for row in pairs for key in ("test_index", "other_index")}
    pictures = read(shared_data() / "cifar10_test.tar", wanted)
    matched = sum(
        similarity(pictures[int(row["test_index"])], pictures[int(row["other_index"])]) >= MATCH_THRESHOLD
        for row in pairs
    )
    assert matched >= 0.9 * len(pairs)
    for index, picture in read(shared_data() / "cifar10_test_jpeg75.tar", wanted).items():
        assert similarity(picture, pictures[index]) >= MATCH_THRESHOLD


def read(path: object, wanted: set[int]) -> dict[int, Image.Image]:
    with tarfile.open(str(path)) as archive:
        found = {}
        for member in archive:
            index = int(member.name.split("/")[1].split("_")[0])
            file = archive.extractfile(member) if index in wanted else None
            if file is not None:
                found[index] = canonical(file.read())
        return found


def test_noise_does_not_match_noise() -> None:
    random = np.random.default_rng(0)
    one, other = (Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)) for _ in range(2))
    assert similarity(one, other) < MATCH_THRESHOLD
    assert similarity(one, canonical(file_bytes(one, "PNG"))) == pytest.approx(1)
