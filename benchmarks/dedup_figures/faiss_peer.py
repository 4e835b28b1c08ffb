"""faiss on the same hashes: flat (a part of the queries), MultiHash. Standalone: `python faiss_peer.py HASHES.npy`."""

import json
import os
import sys
import time
from typing import Any

import faiss  # type: ignore[import-not-found]
import numpy as np

RADIUS = 4
PART = 20_000


def main() -> None:
    """Print JSON: seconds for all queries, those of a part scaled up."""
    hashes = np.load(sys.argv[1])
    codes = hashes.view(np.uint8).reshape(len(hashes), 8)
    found: dict[str, Any] = {}
    flat = faiss.IndexBinaryFlat(64)
    flat.add(codes)
    start, cpu = time.monotonic(), time.process_time()
    limits, _, _ = flat.range_search(codes[:PART], RADIUS + 1)  # under, not up to
    factor = len(hashes) / PART
    found[f"faiss flat, r = {RADIUS}, from {PART:,} queries"] = row(start, cpu, factor)
    # Four tables of 16 bits, one bit of each turned: two hashes within 4 bits agree but for one bit in some table.
    multi = faiss.IndexBinaryMultiHash(64, 4, 16)
    multi.add(codes)
    multi.nflip = 1
    start, cpu = time.monotonic(), time.process_time()
    there, _, _ = multi.range_search(codes[:PART], RADIUS + 1)
    found[f"faiss MultiHash, r = {RADIUS}, from {PART:,} queries"] = row(start, cpu, factor) | {
        "found of flat's": round(int(there[-1]) / int(limits[-1]), 4)
    }
    print(json.dumps(found))


def row(start: float, cpu: float, factor: float) -> dict[str, float]:
    """Scaled to all queries."""
    return {
        "wall_seconds": round((time.monotonic() - start) * factor, 1),
        "cpu_seconds": round((time.process_time() - cpu) * factor, 1),
        "load": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    main()
