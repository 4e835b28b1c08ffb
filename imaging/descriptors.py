"""The copy-detection descriptor: 128 numbers that stay close when a picture is cropped, turned a little, framed.

A small convolutional network trained without labels (`benchmarks/dedup_train.py`; weights in descriptor.npz, 0.5 MB)
on CIFAR-10's first 45,000 training pictures. It only proposes pairs, as hashes do; pixels decide.
"""

from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

DESCRIPTOR_WIDTH = 128

_SIDE = 32
_BATCH = 64  # small enough that a layer's windows stay in the cache
_LAYERS = ((2, 2), (2, 1), (1, 1), (2, 1))
"""Stride and padding of each convolution."""
_FAINT = 4 / 255
_ROWS = 1024

Plane = NDArray[np.float32]


def descriptors(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Unit vectors float32 [N, 128] of comparison pictures uint8 [N, 64, 64, 3]."""
    if pictures.ndim != 4 or pictures.shape[1:] != (2 * _SIDE, 2 * _SIDE, 3):
        raise ValueError(f"pictures are uint8 [N, 64, 64, 3], not {list(pictures.shape)}")
    found = np.empty((len(pictures), DESCRIPTOR_WIDTH), dtype=np.float32)
    for start in range(0, len(pictures), _BATCH):
        found[start : start + _BATCH] = _forward(pictures[start : start + _BATCH])
    return found


def pairs_alike(
    left: NDArray[np.float32], right: NDArray[np.float32] | None, least: float, most: int
) -> NDArray[np.int64]:
    """Pairs (i, j) int64 [M, 2], sorted, of rows whose cosine is at least `least`; exactly, by products of blocks.

    Rows of `left` with rows of `right`; with None, pairs i < j of `left`. Of a row's pairs at most the `most` nearest,
    so that a thousand pictures of one clear sky are not half a million pairs.
    """
    others = left if right is None else right
    found = []
    for start in range(0, len(left), _ROWS):
        first = start if right is None else 0
        cosines = left[start : start + _ROWS] @ others[first:].T
        if right is None:
            cosines[np.tril_indices(len(cosines), 0, cosines.shape[1])] = -1
        rows, columns = np.nonzero(cosines >= least)
        if len(rows):
            found.append(_nearest(rows, columns, cosines[rows, columns], most) + np.array([start, first]))
    return np.concatenate(found).astype(np.int64) if found else np.zeros((0, 2), dtype=np.int64)


def _nearest(rows: NDArray[np.int64], columns: NDArray[np.int64], cosines: Plane, most: int) -> NDArray[np.int64]:
    order = np.lexsort((columns, -cosines, rows))
    rows, columns = rows[order], columns[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = np.stack([rows, columns], axis=1)[place < most]
    return kept[np.lexsort((kept[:, 1], kept[:, 0]))]


def _forward(pictures: NDArray[np.uint8]) -> Plane:
    half = pictures.reshape(len(pictures), _SIDE, 2, _SIDE, 2, 3).mean(axis=(2, 4), dtype=np.float32) / 255
    half -= half.mean(axis=(1, 2, 3), keepdims=True)
    x = half / (np.sqrt((half * half).mean(axis=(1, 2, 3), keepdims=True)) + np.float32(_FAINT))
    weights = _weights()
    for layer, (stride, padding) in enumerate(_LAYERS):
        x = np.maximum(_convolve(x, weights[f"weight{layer}"], stride, padding) + weights[f"bias{layer}"], 0)
    x = x.reshape(len(x), -1) @ weights["last_weight"] + weights["last_bias"]
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9), dtype=np.float32)


def _convolve(x: Plane, weight: Plane, stride: int, padding: int) -> Plane:
    """`x` [N, H, W, C] with `weight` [size * size * C, D] -> [N, H / stride, W / stride, D]."""
    size = int(np.sqrt(len(weight) // x.shape[3]))
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, len(weight))
    return (columns @ weight).reshape(*windows.shape[:3], -1)


@cache
def _weights() -> dict[str, Plane]:
    """As `_forward` multiplies them: channels last."""
    with files("imaging").joinpath("descriptor.npz").open("rb") as file, np.load(file) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in stored.files}
    for name, value in arrays.items():
        if value.ndim == 4:
            arrays[name] = np.ascontiguousarray(value.transpose(2, 3, 1, 0).reshape(-1, len(value)))
    channels = arrays["last_weight"].shape[1] // 16
    last = arrays["last_weight"].reshape(DESCRIPTOR_WIDTH, channels, 16).transpose(2, 1, 0)
    arrays["last_weight"] = np.ascontiguousarray(last.reshape(-1, DESCRIPTOR_WIDTH))
    return arrays
