"""What changed between two releases: pictures that came, went, or changed label, split or group."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from dataset_builder.errors import BuildError
from dataset_builder.releases import read_release_manifest
from dataset_builder.rows import DROPPED_FILE, SAMPLES_FILE

_COLUMNS = ["sha256", "split", "label", "category", "group"]


@dataclass(frozen=True)
class Change:
    """A picture whose value in one column differs."""

    sha256: str
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """From release `a` to release `b`; names are NAME/VERSION, `gone` says why b left a picture out."""

    a: str
    b: str
    added: tuple[str, ...]
    gone: Mapping[str, str]
    relabelled: tuple[Change, ...]
    moved: tuple[Change, ...]
    regrouped: tuple[Change, ...]
    categories: Mapping[str, tuple[int, int]]
    splits: Mapping[str, tuple[int, int]]
    recipe: Mapping[str, tuple[Any, Any]]

    @property
    def same(self) -> bool:
        """Whether the samples are the same."""
        return not (self.added or self.gone or self.relabelled or self.moved or self.regrouped)


def diff(a: Path, b: Path) -> Difference:
    """Compare the releases in two folders; BuildError when one cannot be read."""
    before, after = read_release_manifest(a), read_release_manifest(b)
    old, new = _rows(a), _rows(b)
    reasons = {row["sha256"]: row["reason"] for row in _read(b / DROPPED_FILE, ["sha256", "reason"])}
    both = sorted(old.keys() & new.keys())

    def changed(column: str) -> tuple[Change, ...]:
        return tuple(
            Change(name, str(old[name][column]), str(new[name][column]))
            for name in both
            if old[name][column] != new[name][column]
        )

    return Difference(
        a=f"{before.name}/{before.version}",
        b=f"{after.name}/{after.version}",
        added=tuple(sorted(new.keys() - old.keys())),
        gone={name: reasons.get(name, "not considered") for name in sorted(old.keys() - new.keys())},
        relabelled=changed("category"),
        moved=changed("split"),
        regrouped=changed("group"),
        categories=_counts(old, new, "category"),
        splits=_counts(old, new, "split"),
        recipe=_recipe(_flat(before.recipe), _flat(after.recipe)),
    )


def _rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["sha256"]: row for row in _read(folder / SAMPLES_FILE, _COLUMNS)}


def _read(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise BuildError(f"{path} cannot be read: {error}", hint="`cairn verify` says what is wrong with it") from error
    return rows


def _counts(old: Mapping[str, Any], new: Mapping[str, Any], column: str) -> dict[str, tuple[int, int]]:
    first = Counter(str(row[column]) for row in old.values())
    second = Counter(str(row[column]) for row in new.values())
    return {name: (first[name], second[name]) for name in sorted(first | second)}


def _flat(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in recipe.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {prefix + key: value}
    return found


def _recipe(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        key: (old.get(key), new.get(key))
        for key in sorted(old.keys() | new.keys())
        if json.dumps(old.get(key)) != json.dumps(new.get(key))
    }
