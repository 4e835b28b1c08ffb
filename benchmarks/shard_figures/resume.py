"""How long it takes from a saved state to the next sample, and whether the rest is exactly the rest."""

import json
import time
from itertools import islice
from pathlib import Path
from typing import Any

import shards


def measure_resume(work: Path, samples: int) -> dict[str, Any]:
    """Seconds from `open_release` to the first sample after the state, in the middle of an epoch of `samples`."""
    folder = work / f"resume-{samples}"
    if not (folder / "dataset.json").exists():
        _write(folder, samples)
    stream = shards.Stream(shards.open_release(folder).split("train"), seed=3)
    stream.position = samples // 2
    running = iter(stream)
    next(running)
    state = json.dumps(stream.state_dict())
    began = time.perf_counter()
    again = shards.Stream(shards.open_release(folder).split("train"))
    again.load_state_dict(json.loads(state))
    resumed = iter(again)
    first = next(resumed)
    seconds = time.perf_counter() - began
    exact = [first.key, *(s.key for s in islice(resumed, 5000))] == [s.key for s in islice(running, 5001)]
    return {"samples": samples, "seconds": round(seconds, 3), "exact": exact}


def _write(folder: Path, samples: int) -> None:
    with shards.ShardWriter(folder, "train", 64 * 2**20) as writer:
        for i in range(samples):
            writer.add(f"{i:016x}", {"png": b"%d" % i}, 0)
    files = {"train": writer.close()}
    pixels = shards.Pixels(size=None, mode="untouched", format="png")
    listed = shards.list_files(folder, files)
    shards.write_manifest(folder, shards.Manifest("resume", 1, (shards.Category(0, "a", "a"),), files, listed, pixels))
