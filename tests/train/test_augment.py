"""Batch augmentation against a picture-by-picture twin, and its determinism."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.augment import PRESETS, Preset, augment, draw_affine, generator, middle, mirror, take_windows


def batch(n=5, side=12, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, side, side, 3), dtype=np.uint8))


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
