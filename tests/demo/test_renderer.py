"""The renderer: the same picture from the same numbers, the truth about it inside the picture, variety."""

import numpy as np
import pytest

from cairn.demo.renderer import CAR_COLOURS, CAR_TYPES, CATEGORIES, LOOKALIKES, category_of, render


def test_the_same_seed_and_index_draw_the_same_pixels() -> None:
    for index in range(8):
        a, b = render(3, index), render(3, index)
        assert a.image.tobytes() == b.image.tobytes()
        assert (a.category, a.attributes, a.box) == (b.category, b.attributes, b.box)


def test_another_seed_or_index_draws_another_picture() -> None:
    drawn = {render(seed, index).image.tobytes() for seed in (1, 2) for index in (0, 8, 16)}
    assert len(drawn) == 6


def test_eight_categories_go_round_with_the_index() -> None:
    assert len(set(CATEGORIES)) == 8
    assert [category_of(i) for i in range(8, 16)] == list(CATEGORIES)
    assert all(render(1, i).category == category_of(i) for i in range(8))


def test_cars_have_a_type_and_a_colour() -> None:
    first = CATEGORIES.index("car")
    seen = [render(2, first + 8 * k).attributes for k in range(40)]
    assert {a["type"] for a in seen} == set(CAR_TYPES)
    assert {a["colour"] for a in seen} == set(CAR_COLOURS)


def test_the_box_lies_in_the_picture_and_holds_a_good_part_of_it() -> None:
    for index in range(40):
        rendered = render(4, index)
        x, y, w, h = rendered.box
        assert rendered.image.mode == "RGB"
        assert 0 <= x < x + w <= rendered.image.width
        assert 0 <= y < y + h <= rendered.image.height
        assert w * h > 0.08 * rendered.image.width * rendered.image.height


def test_the_colour_of_a_car_is_what_is_seen_in_its_box() -> None:
    """Red cars are redder, and blue ones bluer, than the other way round, whatever the light."""
    first = CATEGORIES.index("car")
    redness: dict[str, list[float]] = {"red": [], "blue": []}
    for k in range(60):
        rendered = render(6, first + 8 * k)
        colour = rendered.attributes["colour"]
        if colour in redness:
            x, y, w, h = (int(v) for v in rendered.box)
            pixels = np.asarray(rendered.image, float)[y : y + h, x : x + w]
            redness[colour].append(float((pixels[..., 0] - pixels[..., 2]).mean()))
    assert min(map(len, redness.values())) >= 3
    assert np.median(redness["red"]) > np.median(redness["blue"]) + 30


def test_pictures_vary_in_size_and_brightness() -> None:
    drawn = [render(8, index).image for index in range(48)]
    assert len({image.size for image in drawn}) >= 6
    assert all(80 <= min(image.size) <= max(image.size) <= 160 for image in drawn)
    assert np.std([np.asarray(image, float).mean() for image in drawn]) > 12


def test_lookalikes_name_other_categories() -> None:
    assert set(LOOKALIKES) == set(CATEGORIES)
    for category, others in LOOKALIKES.items():
        assert others
        assert set(others) <= set(CATEGORIES) - {category}


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(KeyError):
        render(1, 1, "zeppelin")
