"""Series: pictures that a trained network sees as nearly one, frames of one scene or re-shots; told, or in one split.

Features come from `python -m train features RUN DATA`. Neighbours by cosine are found by faiss where it is installed
(`cairn-dataset[semantic]`), else by products of all with all; the same ones, up to the number where faiss's graph of
neighbours (Malkov and Yashunin, HNSW, 2018) takes over, which may miss a few.
"""

import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

import imaging
from dataset_builder.errors import RecipeError
from dataset_builder.groups import components

COSINE = 0.95
_MOST = 50
_LEAST_KEY = 16
# faiss compares all with all up to here, some minutes; past it a graph of neighbours answers.
_MOST_EXACT = 200_000
_LINKS, _SEARCHED = 32, 128


@dataclass(frozen=True)
class SeriesLinks:
    """Pairs of pictures, by SHA-256, that are of one series, and how many of all pictures have features."""

    links: tuple[tuple[str, str], ...]
    known: int
    pictures: int


@dataclass(frozen=True)
class Series:
    """Pictures joined by likeness of features, each to another one; `cosine` is the least of these."""

    paths: tuple[str, ...]
    cosine: float


def read_features(path: Path) -> dict[str, NDArray[np.float32]]:
    """{key: unit vector} of an npz with `key` [N] and `features` [N, C]; RecipeError for another file."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            keys, features = stored["key"], stored["features"].astype(np.float32)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RecipeError(
            f"{path} holds no features: {error}",
            hint="write them with `python -m train features RUN DATA --out features.npz`",
        ) from error
    if features.ndim != 2 or len(keys) != len(features) or not np.isfinite(features).all():
        raise RecipeError(
            f"{path} has {len(keys)} keys and features of the shape {list(features.shape)}",
            hint="`key` is [N] and `features` finite numbers [N, C]",
        )
    norms = np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return dict(zip(map(str, keys), features / norms, strict=True))


def find_series(
    names: Sequence[str], features: Mapping[str, NDArray[np.float32]], cosine: float, leave: Collection[str] = ()
) -> list[Series]:
    """Series of at least two of the named pictures; those in `leave` (duplicates already told) take no part.

    A picture has the features whose key is its path or the end of it, with or without the suffix of its file.
    """
    known = [(name, key) for name in names if name not in leave and (key := _key(name, features)) is not None]
    if names and features and not known:
        raise RecipeError(
            "no picture has features: none of their keys is a picture's path or file name",
            hint=f"a key is {next(iter(features))!r}, a picture {names[0]!r}",
        )
    if not known:
        return []
    vectors = np.stack([features[key] for _, key in known])
    pairs = near_vectors(vectors, cosine)
    links = [(known[i][0], known[j][0]) for i, j in pairs.tolist()]
    parts = [part for part in components((name for name, _ in known), links) if len(part) > 1]
    series_of = {name: number for number, part in enumerate(parts) for name in part}
    least = [1.0] * len(parts)
    for (name, _), (i, j) in zip(links, pairs.tolist(), strict=True):
        least[series_of[name]] = min(least[series_of[name]], float(vectors[i] @ vectors[j]))
    return [Series(part, round(value, 4)) for part, value in zip(parts, least, strict=True)]


def series_links(sha256s: Sequence[str], features: Mapping[str, NDArray[np.float32]], cosine: float) -> SeriesLinks:
    """What `features` say of pictures named by their SHA-256; RecipeError where they say nothing of any.

    A picture has the features whose key, or file name without suffix, begins its SHA-256 as a release's keys do.
    """
    by_stem = {PurePosixPath(key).stem: vector for key, vector in features.items()}
    lengths = sorted({len(stem) for stem in by_stem if len(stem) >= _LEAST_KEY})  # the longest that fits counts
    vector_of = {
        sha256: by_stem[sha256[:length]] for sha256 in sha256s for length in lengths if sha256[:length] in by_stem
    }
    if not vector_of:
        raise RecipeError(
            "no picture has features: none of their keys begins a picture's SHA-256",
            hint="make them of a release of these pictures: `python -m train features RUN RELEASE --out features.npz`",
        )
    names = list(vector_of)
    pairs = near_vectors(np.stack(list(vector_of.values())), cosine)
    return SeriesLinks(tuple((names[i], names[j]) for i, j in pairs.tolist()), len(names), len(sha256s))


def near_vectors(vectors: NDArray[np.float32], cosine: float) -> NDArray[np.int64]:
    """Pairs (i, j) int64 [M, 2], i < j, sorted, of unit vectors [N, C] at least so near; of each its nearest only."""
    try:
        import faiss
    except ImportError:
        return imaging.pairs_alike(vectors, None, cosine, _MOST)
    width = vectors.shape[1]
    graph = len(vectors) > _MOST_EXACT
    index: Any = faiss.IndexHNSWFlat(width, _LINKS, faiss.METRIC_INNER_PRODUCT) if graph else faiss.IndexFlatIP(width)
    if graph:
        index.hnsw.efSearch = _SEARCHED
    index.add(vectors)
    cosines, others = index.search(vectors, min(_MOST + 1, len(vectors)))
    rows = np.repeat(np.arange(len(vectors)), others.shape[1])
    columns = others.reshape(-1).astype(np.int64)
    near = (cosines.reshape(-1) >= cosine) & (columns >= 0) & (columns != rows)
    found = np.sort(np.stack([rows[near], columns[near]], axis=1), axis=1)
    return np.unique(found, axis=0)


def _key(name: str, features: Mapping[str, NDArray[np.float32]]) -> str | None:
    parts = PurePosixPath(name.rsplit("::", 1)[-1]).parts
    for start in range(len(parts)):
        path = PurePosixPath(*parts[start:])
        for key in (str(path), str(path.with_suffix(""))):
            if key in features:
                return key
    return name if name in features else None
