"""Judgments as integer arrays, and the two sorted orders in which every sum over them runs.

Sums over an item's judgments and over an annotator's answers become `np.add.reduceat` on contiguous
runs. Both orders depend on the set of judgments and not on the order in which they were given, so the
same campaign gives the same floating-point numbers to the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consensus.errors import ConsensusError

MOST_PLACES = 16
SOMEBODY = -1
"""An annotator whom a fit has not seen: an ordinary member of the crowd."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judgments:
    """M answers of A annotators to I items.

    item, annotator, answer: int64 [M], counted from 0. Answers below `n_classes` are classes an item can
    have; answers from `n_classes` up to `n_answers` can only be observed ("unsure").
    weight: float64 [M] >= 0 or None (all 1); a judgment of weight 0 is as if absent.
    Raises ConsensusError where lengths differ or a number is out of range.
    """

    item: Ints
    annotator: Ints
    answer: Ints
    n_items: int
    n_annotators: int
    n_classes: int
    n_answers: int
    weight: Floats | None = None

    def __post_init__(self) -> None:
        if self.n_classes < 1 or self.n_answers < self.n_classes:
            raise ConsensusError(
                f"there must be at least one class and no fewer answers than classes,"
                f" but there are {self.n_classes} classes and {self.n_answers} answers"
            )
        bounds = {"item": self.n_items, "annotator": self.n_annotators, "answer": self.n_answers}
        for name, bound in bounds.items():
            values = np.asarray(getattr(self, name))
            if values.dtype.kind not in "iu" and values.size:
                raise ConsensusError(f"{name} must hold integers, not {values.dtype}")
            values = np.ascontiguousarray(values, dtype=np.int64)
            object.__setattr__(self, name, values)
            if values.ndim != 1 or len(values) != len(self.item):
                raise ConsensusError("item, annotator and answer must be flat and equally long")
            outside = np.flatnonzero((values < 0) | (values >= bound))
            if len(outside):
                row = int(outside[0])
                raise ConsensusError(
                    f"judgment {row} has {name} {values[row]}, outside 0 to {bound - 1}",
                    f"leave such judgments out ({len(outside)} here) or widen the range",
                )
        if self.weight is not None:
            weight = np.ascontiguousarray(self.weight, dtype=np.float64)
            object.__setattr__(self, "weight", weight)
            if weight.shape != self.item.shape:
                raise ConsensusError("weight must have one number per judgment")
            if not (np.isfinite(weight) & (weight >= 0)).all():
                raise ConsensusError("weights must be finite and not negative")

    def __len__(self) -> int:
        return len(self.item)

    def present(self) -> Judgments:
        """The same judgments without those of weight 0."""
        if self.weight is None or (self.weight > 0).all():
            return self
        kept = self.weight > 0
        return Judgments(
            self.item[kept],
            self.annotator[kept],
            self.answer[kept],
            self.n_items,
            self.n_annotators,
            self.n_classes,
            self.n_answers,
            self.weight[kept],
        )


@dataclass(frozen=True, eq=False)
class Runs:
    """Values to be summed in contiguous runs: `take` says which value, `start` where each run begins.

    key: int64 [R] distinct and rising, what each run belongs to; weight: float64 [M] or None.
    """

    key: Ints
    start: Ints
    take: Ints
    weight: Floats | None
    n_keys: int
    # Where every key has equally many values (campaigns of a fixed n): `take` by place in the run, int64 [n, R].
    places: Ints | None = None

    def keys(self) -> Ints:
        """int64 [M]: the key of each value's run."""
        return np.repeat(self.key, np.diff(self.start, append=len(self.take)))

    def sums(self, values: Floats, scratch: Floats) -> Floats:
        """float64 [n_keys]: for each key the weighted sum of `values[take]` over its run, else 0."""
        out = np.zeros(self.n_keys)
        if self.places is not None:
            # Adding whole columns is faster than thousands of short sums.
            part = scratch[: self.n_keys]
            for take in self.places:
                np.take(values, take, out=part, mode="clip")
                out += part
        elif len(self.take):
            np.take(values, self.take, out=scratch, mode="clip")
            if self.weight is not None:
                np.multiply(scratch, self.weight, out=scratch)
            out[self.key] = np.add.reduceat(scratch, self.start)
        return out


@dataclass(frozen=True, eq=False)
class Layout:
    """Judgments in both orders. A cell is `annotator * n_answers + answer`."""

    by_item: Runs
    by_cell: Runs
    cell_total: Floats
    scratch: Floats
    n_items: int
    n_annotators: int
    n_classes: int
    n_answers: int


def layout(judgments: Judgments) -> Layout:
    """Sort once, for all the sums of a fit; O(M log M) time and about 5 x 8 bytes a judgment."""
    judged = judgments.present()
    n_cells = judged.n_annotators * judged.n_answers
    cell = judged.annotator * judged.n_answers + judged.answer
    by_item = _runs(judged.item, cell, judged.weight, judged.n_items, n_cells)
    by_cell = _runs(cell, judged.item, judged.weight, n_cells, judged.n_items)
    total = np.zeros(n_cells)
    if len(cell):
        weight = np.ones(len(cell)) if by_cell.weight is None else by_cell.weight
        total[by_cell.key] = np.add.reduceat(weight, by_cell.start)
    return Layout(
        by_item,
        by_cell,
        total,
        np.empty(len(cell)),
        judged.n_items,
        judged.n_annotators,
        judged.n_classes,
        judged.n_answers,
    )


def _runs(major: Ints, minor: Ints, weight: Floats | None, n_major: int, n_minor: int) -> Runs:
    # Without weights equal rows cannot be told apart, so sorting the packed keys themselves is enough
    # and several times faster than sorting an index.
    packed = major * max(n_minor, 1) + minor
    if weight is None:
        packed = np.sort(packed)
    else:
        order = np.lexsort((weight, packed))
        packed, weight = packed[order], weight[order]
    key, take = np.divmod(packed, max(n_minor, 1))
    first = np.ones(len(key), dtype=bool)
    first[1:] = key[1:] != key[:-1]
    start = np.flatnonzero(first)
    each = len(key) // max(len(start), 1)
    even = weight is None and len(start) == n_major and 0 < each <= MOST_PLACES and len(key) == each * n_major
    places = None
    if even and (np.diff(start) == each).all():
        places = np.ascontiguousarray(take.reshape(n_major, each).T)
    return Runs(key[start], start, take, weight, n_major, places)


def gold_array(gold: Mapping[int, int] | None, n_items: int, n_classes: int) -> Ints:
    """int64 [I]: the known class of each item, -1 where unknown; ConsensusError where out of range."""
    known = np.full(n_items, -1, dtype=np.int64)
    for item, answer in (gold or {}).items():
        if not 0 <= item < n_items:
            raise ConsensusError(f"gold names item {item}, outside 0 to {n_items - 1}")
        if not 0 <= answer < n_classes:
            raise ConsensusError(f"gold says {answer} for item {item}, outside the classes 0 to {n_classes - 1}")
        known[item] = answer
    return known
