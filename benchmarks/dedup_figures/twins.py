"""CIFAR-10's known twins: test pictures that are also in train (ciFAIR's list), and test against its JPEG copies."""

import time
from pathlib import Path
from typing import Any

from benchmarks.dedup_figures.album import listed_pairs


def measure(data: Path, half: str, radius: int) -> dict[str, Any]:
    """Shares found at Cairn's own threshold; `half` counts the listed pairs of even (development) or odd test index."""
    return {"test_train": test_train(data, half, radius), "jpeg75": jpeg_copies(data, radius)}


def test_train(data: Path, half: str, radius: int) -> dict[str, Any]:
    """Of the listed test pictures judged the same shot, and very similar, the share matched with the listed twin."""
    found = matches(data, ("cifar10_test.tar",), ("cifar10_train_a.tar", "cifar10_train_b.tar"), radius)
    listed = [row for row in listed_pairs(data) if row.kind == "test-train" and row.test % 2 == (half == "report")]
    every = {(row.test, row.other) for row in listed_pairs(data) if row.kind == "test-train"}
    twins = found["pairs"]
    named = {judgment: [row for row in listed if row.judgment == judgment] for judgment in (1, 2)}
    by_judgment = {
        name: f"{sum((row.test, row.other) in twins for row in named[j])} of {len(named[j])}"
        for j, name in ((1, "same shot"), (2, "very similar"))
    }
    missed = [(row.test, row.other) for row in named[1] if (row.test, row.other) not in twins]
    unlisted = sorted(twins.keys() - every, key=lambda pair: twins[pair])
    return {
        **by_judgment,
        "cpu_seconds": found["cpu_seconds"],
        "pairs": len(twins),
        "missed": missed,
        "unlisted": len(unlisted),
        "unlisted_least_alike_first": [(*pair, twins[pair]) for pair in unlisted],
    }


def jpeg_copies(data: Path, radius: int) -> dict[str, Any]:
    """Of 10,000 test pictures, the share matched with the same picture after JPEG of quality 75."""
    found = matches(data, ("cifar10_test.tar",), ("cifar10_test_jpeg75.tar",), radius)
    own = sum(a == b for a, b in found["pairs"])
    return {"found": own / 10_000, "other_pairs": len(found["pairs"]) - own, "cpu_seconds": found["cpu_seconds"]}


def matches(data: Path, ours: tuple[str, ...], theirs: tuple[str, ...], radius: int) -> dict[str, Any]:
    """{"pairs": {(index in ours, index in theirs): likeness}, "cpu_seconds"}."""
    from dataset_builder.duplicates import find_matches
    from dataset_builder.pictures import find_pictures, read_gallery

    start = time.process_time()
    left = find_pictures([data / name for name in ours])
    right = find_pictures([data / name for name in theirs])
    gallery, _ = read_gallery([*left, *right], workers=1)
    edge, end = len(left), len(left) + len(right)
    found = find_matches(gallery.fingerprints, gallery.small, radius, between=(range(edge), range(edge, end)))
    index = [int(place.member.split("/")[1].split("_")[0]) for place in gallery.places]
    pairs = {(index[match.a], index[match.b]): match.similarity for match in found}
    return {"pairs": pairs, "cpu_seconds": round(time.process_time() - start, 1)}
