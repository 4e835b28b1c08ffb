"""How fast: all pairs of hashes within r bits beside faiss, ten thousand new ones among a million, fingerprints."""

import io
import json
import os
import resource
import subprocess
import tarfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataset_builder.fingerprints import fingerprint_alone
from imaging import describe, descriptors, pairs_across, pairs_within

Hashes = NDArray[np.uint64]


def hashes_of(count: int, seed: int = 0) -> Hashes:
    """Uniform 64-bit hashes, a tenth of which lie three bits at most from another."""
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, count, dtype=np.uint64)
    changed = hashes[random.integers(0, count, count // 10)].copy()
    for _ in range(3):
        changed ^= np.uint64(1) << random.integers(0, 64, len(changed), dtype=np.uint64)
    hashes[random.choice(count, len(changed), replace=False)] = changed
    return hashes


def measure(data: Path, work: Path, peer: str | None) -> dict[str, Any]:
    """A row a figure: seconds on the wall and of the processors, pairs found, the load meanwhile."""
    million = hashes_of(1_000_000)
    found: dict[str, Any] = {}
    for radius in (4, 8):
        found[f"1,000,000 hashes, r = {radius}"] = timed(partial(whole, million, radius))
    if peer is not None:
        work.mkdir(parents=True, exist_ok=True)
        np.save(work / "hashes.npy", million)
        script = Path(__file__).with_name("faiss_peer.py")
        told = subprocess.run([peer, str(script), str(work / "hashes.npy")], check=True, capture_output=True, text=True)
        found |= json.loads(told.stdout)
    before = {radius: int(found[f"1,000,000 hashes, r = {radius}"]["pairs"]) for radius in (4, 8)}
    new = hashes_of(10_000, 1)
    for radius in (4, 8):
        row = timed(partial(grown, million, new, radius))
        more = whole(np.concatenate([million, new]), radius) - before[radius]
        found[f"10,000 new among 1,000,000, r = {radius}"] = row | {"as many as from nothing": more == row["pairs"]}
    found["fingerprints"] = fingerprints(data)
    ten = hashes_of(10_000_000)
    found["10,000,000 hashes, r = 4"] = timed(partial(whole, ten, 4))
    found["peak memory, MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return found


def whole(hashes: Hashes, radius: int) -> int:
    """How many pairs there are."""
    return len(pairs_within(hashes, radius)[0])


def grown(known: Hashes, new: Hashes, radius: int) -> int:
    """How many pairs new hashes add."""
    return len(pairs_across(known, new, radius)[0]) + len(pairs_within(new, radius)[0])


def timed(work: Callable[[], int]) -> dict[str, Any]:
    """Seconds of one run."""
    wall, cpu = time.monotonic(), time.process_time()
    pairs = work()
    return {
        "wall_seconds": round(time.monotonic() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "pairs": pairs,
        "load": round(os.getloadavg()[0], 1),
    }


def fingerprints(data: Path) -> dict[str, float]:
    """A CPU second's worth: photographs of about 500 x 375, as stored."""
    with tarfile.open(data / "imagenet_samples_150.tar") as archive:
        every = [file.read() for member in archive if (file := archive.extractfile(member)) is not None]
    files = [data_of for data_of in every if 450 <= max(Image.open(io.BytesIO(data_of)).size) <= 550]
    small = np.zeros((256, 64, 64, 3), dtype=np.uint8)

    kinds: dict[str, Callable[[bytes], object]] = {
        "hash for the store (describe)": describe,
        "hashes, comparison picture (cairn duplicates)": fingerprint_alone,
        "floor: Pillow decodes alone": lambda data_of: Image.open(io.BytesIO(data_of)).load(),
        "floor: Pillow decodes luma at 1/4": lambda data_of: _reduced(data_of).load(),
        "imagehash.phash alone": lambda data_of: imagehash.phash(Image.open(io.BytesIO(data_of))),
    }
    rates = {"pictures": float(len(files))}
    for name, kind in kinds.items():
        best = min(_cpu_seconds(lambda: [kind(data_of) for data_of in files]) for _ in range(3))  # noqa: B023  run here
        rates[name] = round(len(files) / best)
    rates["descriptor of a comparison picture"] = round(
        256 / min(_cpu_seconds(lambda: descriptors(small)) for _ in range(3))
    )
    return rates


def _reduced(data: bytes) -> Any:
    image = Image.open(io.BytesIO(data))
    image.draft("L", (64, 64))
    return image


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
