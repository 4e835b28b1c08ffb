"""Which group goes to train, val or test: drawn by a keyed hash, stratified by category, decided once for ever."""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from dataset_builder.errors import RecipeError
from dataset_builder.groups import Group
from dataset_builder.recipe import Splits

SPLITS = ("train", "val", "test")


def draw(seed: str, name: str) -> bytes:
    """The lot of a group: blake2b of its name keyed by the seed; groups are drawn in the order of their lots."""
    key = hashlib.sha256(seed.encode()).digest()
    return hashlib.blake2b(name.encode(), key=key, digest_size=16).digest()


def assign(groups: Sequence[Group], stratum_of: Mapping[str, str], recipe: Splits) -> dict[str, str]:
    """{group id: split}. Groups that have a split keep it; the rest fill each stratum's quotas by lot.

    `stratum_of` gives the category of every member; a group belongs to that of most of them. Quotas count
    pictures. The order of `groups` does not matter.
    """
    strata: dict[str, list[Group]] = defaultdict(list)
    for group in groups:
        counts = Counter(stratum_of[name] for name in group.members)
        strata[min(counts, key=lambda name: (-counts[name], name))].append(group)
    found = {group.id: group.split for group in groups if group.split is not None}
    for stratum, its in strata.items():
        total = sum(len(group.members) for group in its)
        left = quotas(total, recipe, stratum)
        for group in its:
            if group.split is not None:
                left[group.split] -= len(group.members)
        for group in sorted(its, key=lambda one: (draw(recipe.seed, one.id), one.id)):
            if group.split is None:
                split = _next_split(left, recipe)
                left[split] -= len(group.members)
                found[group.id] = split
    return found


def quotas(total: int, recipe: Splits, stratum: str) -> dict[str, int]:
    """How many of `total` pictures each split should have: largest remainders, equal ones by lot."""
    shares = {split: Fraction(str(getattr(recipe, split))) for split in SPLITS}
    exact = {split: share / sum(shares.values()) * total for split, share in shares.items()}
    found = {split: int(value) for split, value in exact.items()}
    by_remainder = sorted(
        SPLITS, key=lambda split: (-(exact[split] - found[split]), draw(recipe.seed, f"{stratum}/{split}"))
    )
    for split in by_remainder[: total - sum(found.values())]:
        found[split] += 1
    return found


def _next_split(left: Mapping[str, int], recipe: Splits) -> str:
    """The split whose quota is least filled for its size; one with room before one without."""
    wanted = [split for split in SPLITS if getattr(recipe, split) > 0]
    for split in wanted:
        if left[split] > 0:
            return split
    return max(wanted, key=lambda split: (left[split], -SPLITS.index(split)))


def read_fixed(path: Path) -> dict[str, str]:
    """{sha256: split} of a CSV with the columns sha256, split (or two columns without a head)."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the fixed splits {path} cannot be read: {error}", hint="check splits.fixed") from error
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        words = [word.strip().lower() for word in row]
        if not any(words) or (number == 1 and words[:2] == ["sha256", "split"]):
            continue
        if len(words) < 2 or not _is_sha256(words[0]) or words[1] not in SPLITS:
            raise RecipeError(
                f"{path}, row {number}: {', '.join(row)!r} is not a SHA-256 and one of {', '.join(SPLITS)}",
                hint="write one `sha256,split` a row",
            )
        if found.setdefault(words[0], words[1]) != words[1]:
            raise RecipeError(
                f"{path}, row {number}: {words[0]} is in {found[words[0]]} in an earlier row",
                hint="give each picture one split",
            )
    return found


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
