"""Planted copies: what Cairn and the peers find of them, and what they take for one beside."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.dedup_figures.album import Album, make_album
from benchmarks.dedup_figures.recall import Scored, figures, scored, threshold_for

_ROWS = 256


def measure_planted(data: Path, work: Path, half: str, radius: int, peer: str | None) -> dict[str, Any]:
    """{"pictures", "copies", "cairn": figures, and a row for each peer}."""
    album = make_album(data, work, half)
    found: dict[str, Any] = {"half": half, "pictures": len(album.files), "copies": sum(map(bool, album.change))}
    own, seconds, least = cairn_scores(album, radius)
    found["cairn"] = figures(album, own, threshold_for(own)) | {"cpu_seconds": seconds}
    found["cairn, its own threshold"] = figures(album, own, least)
    if peer is not None:
        for name, scores in peer_scores(album, work / f"{half}.peers.npz", peer):
            found[name] = figures(album, scores, threshold_for(scores))
    return found


def cairn_scores(album: Album, radius: int) -> tuple[Scored, dict[str, float], float]:
    """Likeness of every pair that Cairn compares, however low; CPU seconds of each stage; its own threshold."""
    from dataset_builder.duplicates import decide
    from dataset_builder.pictures import Place, read_gallery
    from dataset_builder.proposing import propose
    from imaging import MATCH_THRESHOLD

    start = time.process_time()
    gallery, unreadable = read_gallery([Place(album.folder / name) for name in album.files], workers=1)
    if unreadable:
        raise RuntimeError(f"{unreadable[0].path}: {unreadable[0].why}")
    middle = time.process_time()
    proposals = propose(gallery.fingerprints, gallery.small, radius)
    third = time.process_time()
    # Pairs of two copies of one photograph count neither way; there are fifty thousand.
    counted = [row for row in proposals if _counts(album, row[0], row[1])]
    matches = decide(counted, gallery.small, least=0.0)
    end = time.process_time()
    pairs = np.array([(match.a, match.b) for match in matches], dtype=np.int64).reshape(-1, 2)
    found = scored(album, pairs, np.array([match.similarity for match in matches]))
    seconds = {
        "fingerprints": round(middle - start, 1),
        "proposing": round(third - middle, 1),
        "comparing": round(end - third, 1),
        "compared": len(counted),
    }
    return found, seconds, MATCH_THRESHOLD


def _counts(album: Album, a: int, b: int) -> bool:
    return bool(album.source[a] != album.source[b] or not (album.change[a] and album.change[b]))


def peer_scores(album: Album, stored: Path, peer: str) -> Iterator[tuple[str, Scored]]:
    """The peers' hashes compared all with all: the score is less the distance, or the cosine."""
    if not stored.exists():
        names = stored.with_suffix(".txt")
        names.write_text("\n".join(str(album.folder / name) for name in album.files))
        subprocess.run([peer, str(Path(__file__).with_name("peers.py")), str(names), str(stored)], check=True)
    with np.load(stored) as arrays:
        for name in arrays.files:
            if name.endswith(".seconds"):
                continue
            hashes = arrays[name]
            if name == "PDQ":
                yield "PDQ", _all_pairs(album, hashes[:, 0], hashes[:, :1])
                yield "PDQ, eight positions", _all_pairs(album, hashes[:, 0], hashes)
            elif hashes.dtype == np.uint64:
                yield name, _all_pairs(album, hashes, hashes[:, None])
            else:
                yield name, _cosines(album, hashes / np.linalg.norm(hashes, axis=1, keepdims=True))


def _all_pairs(album: Album, plain: NDArray[np.uint64], moved: NDArray[np.uint64]) -> Scored:
    """`plain` [N, W] against `moved` [N, P, W]: the least distance over the positions."""

    def block(rows: slice) -> NDArray[np.float64]:
        apart = np.full((len(plain[rows]), len(plain)), 255, dtype=np.uint16)
        for position in range(moved.shape[1]):
            differing = plain[rows, None, :] ^ moved[None, :, position, :]
            np.minimum(apart, np.bitwise_count(differing).sum(axis=2, dtype=np.uint16), out=apart)
        return -apart.astype(np.float64)

    return _by_blocks(album, block)


def _cosines(album: Album, vectors: NDArray[np.float32]) -> Scored:
    return _by_blocks(album, lambda rows: (vectors[rows] @ vectors.T).astype(np.float64))


def _by_blocks(album: Album, block: Callable[[slice], NDArray[np.float64]]) -> Scored:
    """All copies' scores; of wrong pairs those that some copy's score reaches, which are all that matter."""
    every = np.arange(len(album.source))
    true_pairs, true_scores, wrong = [], [], []
    for start in range(0, len(every), _ROWS):
        rows = slice(start, start + _ROWS)
        scores = block(rows)
        same = album.source[rows, None] == album.source[None, :]
        later = every[None, :] > every[rows, None]
        left, right = np.nonzero(same & later)
        true_pairs.append(np.stack([left + start, right], axis=1))
        true_scores.append(scores[left, right])
        apart = scores[later & ~same]
        # A method that must take a thousandth of the album's wrong pairs has no threshold of this precision.
        keep = min(len(apart), 20_000)
        wrong.append(np.partition(apart, len(apart) - keep)[len(apart) - keep :] if keep else apart)
    found = scored(album, np.concatenate(true_pairs), np.concatenate(true_scores))
    return Scored(found.copies, np.concatenate(wrong))
