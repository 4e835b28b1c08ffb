"""Batch augmentation against a picture-by-picture twin, and its determinism."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms.v2 import functional

from train.augment import PRESETS, Preset, parse_augment
from train.augment.batch import augment as augment_drawn
from train.augment.batch import draw, generator, take
from train.augment.geometry import draw_affine, middle, mirror, take_windows
from train.augment.mixing import draw_mix, mix_pictures
from train.augment.policy import operate
from train.errors import TrainError


def batch(n=5, side=12, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8))


def augment(pictures, size, preset, random, epoch=0):
    draws = draw(preset, np.arange(len(pictures)), pictures.shape[1], size, random, seed=0, epoch=epoch)
    return augment_drawn(pictures, size, preset, draws)


@given(side=st.integers(8, 16), seed=st.integers(0, 1000), data=st.data())
@settings(max_examples=40, deadline=None)
def test_windows_equal_padding_then_slicing_then_flipping(side, seed, data):
    size = data.draw(st.integers(6, side))
    pictures = batch(4, side, seed)
    shift = torch.tensor(data.draw(st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), min_size=4, max_size=4)))
    flip = torch.tensor(data.draw(st.lists(st.booleans(), min_size=4, max_size=4)))
    found = take_windows(pictures, size, shift, flip)
    for i in range(4):
        padded = np.pad(pictures[i].numpy(), ((3, 3), (3, 3), (0, 0)), mode="reflect")
        down, across = ((side - size) // 2 + 3 + int(s) for s in shift[i])
        expected = padded[down : down + size, across : across + size]
        if flip[i]:
            expected = expected[:, ::-1]
        assert np.array_equal(found[i].permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_depends_on_seed_epoch_and_step_alone(name):
    pictures = batch()
    first = augment(pictures, 12, PRESETS[name], generator(1, 2, 3))
    torch.manual_seed(99)
    assert torch.equal(first, augment(pictures, 12, PRESETS[name], generator(1, 2, 3)))
    assert first.shape == (5, 3, 12, 12)
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert 0 <= float(first.min()) <= float(first.max()) <= 255
    if name != "none":
        others = [augment(pictures, 12, PRESETS[name], generator(*at)) for at in [(0, 2, 3), (1, 0, 3), (1, 2, 0)]]
        assert any(not torch.equal(first, other) for other in others)


def test_no_augmentation_is_the_middle_of_the_picture():
    pictures = batch(3, 14)
    assert torch.equal(augment(pictures, 12, PRESETS["none"], generator(0, 0, 0)), middle(pictures, 12))
    assert torch.equal(middle(pictures, 12), pictures[:, 1:13, 1:13].permute(0, 3, 1, 2))


def test_interpolation_without_movement_gives_back_the_picture():
    pictures = batch(3, 14)
    barely = Preset(scale=(1.0, 1.0 + 1e-9))
    found = augment(pictures, 14, barely, generator(0, 0, 0))
    torch.testing.assert_close(found, middle(pictures, 14).float(), atol=0.02, rtol=0)


def test_rotation_turns_without_stretching_and_within_its_limit():
    theta = draw_affine(500, 1.0, Preset(rotate=20.0), torch.zeros(500, dtype=torch.bool), generator(0, 0, 0))
    angles = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert 19 < float(angles.max()) <= 20
    assert -20 <= float(angles.min()) < -19
    turns = theta[:, :, :2]
    torch.testing.assert_close(turns @ turns.transpose(1, 2), torch.eye(2).expand(500, 2, 2))
    assert float(theta[:, :, 2].abs().max()) == 0


def test_half_of_the_pictures_are_flipped():
    pictures = torch.zeros(400, 8, 8, 3, dtype=torch.uint8)
    pictures[:, :, 0] = 200
    found = augment(pictures, 8, PRESETS["flip"], generator(0, 0, 0))
    flipped = int((found[:, 0, 0, 7] == 200).sum())
    assert 150 < flipped < 250
    assert int((found[:, 0, 0, 0] == 200).sum()) == 400 - flipped


def test_scaling_zooms_in_and_out():
    pictures = torch.zeros(1, 32, 32, 3, dtype=torch.uint8)
    pictures[:, 12:20, 12:20] = 255
    closer = augment(pictures, 32, Preset(scale=(0.5, 0.5001)), generator(0, 0, 0))
    further = augment(pictures, 32, Preset(scale=(1.25, 1.2501)), generator(0, 0, 0))
    plain = middle(pictures, 32).float().sum()
    assert float(closer.sum() / plain) == pytest.approx(4, rel=0.05)
    assert float(further.sum() / plain) < 0.8


@given(side=st.integers(2, 20), position=st.integers(-19, 38))
def test_mirror_reflects_at_the_outer_pixels(side, position):
    if -side < position < 2 * side - 1:
        expected = np.pad(np.arange(side), (side - 1, side - 1), mode="reflect")[position + side - 1]
        assert int(mirror(torch.tensor(position), side)) == expected


@pytest.mark.parametrize("words", ["cifar+alternate+cutout", "none+colour", "flip+randaugment", "none+trivialaugment"])
def test_words_add_to_a_preset_and_stay_within_the_range_of_pixels(words):
    pictures = batch(12, 16)
    preset = parse_augment(words)
    first = augment(pictures, 16, preset, generator(1, 2, 3))
    assert torch.equal(first, augment(pictures, 16, preset, generator(1, 2, 3)))
    assert not torch.equal(first.float(), middle(pictures, 16).float())
    assert 0 <= float(first.min()) <= float(first.max()) <= 255


@pytest.mark.parametrize("words", ["wild", "cifar+wild", "cutout"])
def test_unknown_words_are_bad_usage(words):
    with pytest.raises(TrainError, match="not a value of augment") as caught:
        parse_augment(words)
    assert caught.value.exit_code == 2


def test_alternating_flip_shows_each_picture_both_ways_in_any_two_epochs():
    preset = parse_augment("none+alternate")
    rows = np.arange(200)
    flips = [draw(preset, rows, 8, 8, generator(0, e, 0), seed=3, epoch=e)["flip"].numpy() for e in range(3)]
    assert np.array_equal(flips[0], ~flips[1])
    assert np.array_equal(flips[0], flips[2])
    assert 70 < flips[0].sum() < 130
    shuffled = np.random.default_rng(0).permutation(rows)
    again = draw(preset, shuffled, 8, 8, generator(9, 0, 7), seed=3, epoch=0)["flip"].numpy()
    assert np.array_equal(again, flips[0][shuffled])  # a matter of the picture, not of its place in a batch


def test_rows_of_a_process_are_drawn_as_one_process_alone_would_draw_them():
    pictures = batch(10, 12)
    preset = parse_augment("standard+colour+cutout+randaugment")
    draws = draw(preset, np.arange(10), 12, 12, generator(1, 0, 0), seed=1, epoch=0)
    whole = augment_drawn(pictures, 12, preset, draws)
    halves = [augment_drawn(pictures[s], 12, preset, take(draws, s)) for s in (slice(0, 5), slice(5, 10))]
    torch.testing.assert_close(torch.cat(halves), whole, rtol=0, atol=1e-3)


def test_cutout_covers_a_square_of_its_share():
    pictures = torch.full((50, 32, 32, 3), 7, dtype=torch.uint8)
    found = augment(pictures, 32, parse_augment("none+cutout"), generator(0, 0, 0))
    covered = (found[:, 0] == 128).sum(dim=(1, 2))
    assert int(covered.max()) == 12 * 12
    assert int(covered.min()) >= 6 * 6 - 12  # at a corner a quarter is left


@pytest.mark.parametrize(
    ("name", "strength", "theirs"),
    [
        ("brightness", 0.3, lambda x: functional.adjust_brightness(x, 1.3)),
        ("contrast", -0.4, lambda x: functional.adjust_contrast(x, 0.6)),
        ("saturation", 0.5, lambda x: functional.adjust_saturation(x, 1.5)),
        ("sharpness", 0.6, lambda x: functional.adjust_sharpness(x, 1.6)),
        ("posterize", 3.0, lambda x: functional.posterize(x, 5)),
        ("solarize", 0.5, lambda x: functional.solarize(x, 127.5)),
        ("autocontrast", 0.0, functional.autocontrast),
        ("equalize", 0.0, functional.equalize),
        ("rotate", 20.0, lambda x: functional.rotate(x, 20.0)),
        ("translate_x", 0.25, lambda x: functional.affine(x, 0.0, [-4, 0], 1.0, [0.0, 0.0])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_operations_are_torchvisions(name, strength, theirs):
    pictures = batch(4, 16).permute(0, 3, 1, 2)
    found = operate(name, pictures.float(), torch.full((4,), strength))
    difference = (found - theirs(pictures).float()).abs()
    assert float((difference > 2).float().mean()) < 0.06, name  # they round to whole values; edges may fall either way


def test_mixup_and_cutmix_mix_targets_as_they_mix_pictures():
    pictures = torch.zeros(4, 3, 16, 16)
    pictures[1::2] = 1
    targets = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    for word in ("mixup", "cutmix"):
        mix = draw_mix(parse_augment(f"none+{word}"), generator(0, 0, 5))
        mixed, soft = mix_pictures(pictures, targets, mix)
        torch.testing.assert_close(soft.sum(dim=1), torch.ones(4))
        torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), soft[:, 1])
    assert draw_mix(parse_augment("cifar"), generator(0, 0, 0)) is None
