"""Parts of a training split for validation and cross-validation: stratified by class, groups never torn apart."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def groups_in_order(labels: Rows, groups: list[str], seed: int) -> list[list[Rows]]:
    """For each class its groups of rows, shuffled by a hash; a group counts for its first row's class."""
    rows: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    by_class: dict[int, list[str]] = {}
    for group, members in rows.items():
        by_class.setdefault(int(labels[members[0]]), []).append(group)

    def rank(group: str) -> bytes:
        return hashlib.blake2b(f"{seed} {group}".encode(), digest_size=16).digest()

    return [
        [np.array(rows[group], np.int64) for group in sorted(by_class[label], key=rank)] for label in sorted(by_class)
    ]


def hold_out(
    labels: NDArray[np.int64], groups: list[str], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that stay and rows held out, each sorted; of each class about `share` of its groups is held out."""
    held: list[NDArray[np.int64]] = []
    for members in groups_in_order(labels, groups, seed):
        held += members[: round(len(members) * share)]
    out = np.sort(np.concatenate(held)) if held else np.empty(0, np.int64)
    return np.setdiff1d(np.arange(len(labels)), out), out


def assign_folds(labels: NDArray[np.int64], groups: list[str], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each row, int64 [N] in 0..folds-1; classes and folds come out even to within one group."""
    fold = np.empty(len(labels), np.int64)
    turn = 0  # goes on from class to class, so that small classes do not all end up in fold 0
    for members in groups_in_order(labels, groups, seed):
        for rows in members:
            fold[rows] = turn % folds
            turn += 1
    return fold
