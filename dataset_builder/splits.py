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
from label_store.models import SPLITS, UNSURE

ALL_SPLITS = (*SPLITS, UNSURE)
"""Those that are drawn, and that of pictures which people could not tell; nothing in it is decided for ever."""


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
    wanted = quotas({name: sum(len(group.members) for group in its) for name, its in strata.items()}, recipe)
    for stratum, its in strata.items():
        left = dict(wanted[stratum])
        for group in its:
            if group.split is not None:
                left[group.split] -= len(group.members)
        for group in sorted(its, key=lambda one: (draw(recipe.seed, one.id), one.id)):
            if group.split is None:
                split = _next_split(left, recipe)
                left[split] -= len(group.members)
                found[group.id] = split
    return found


def quotas(totals: Mapping[str, int], recipe: Splits) -> dict[str, dict[str, int]]:
    """How many pictures of each stratum each split should have: {stratum: {split: pictures}}.

    Largest remainders within a stratum; what rounding takes from a split in one stratum counts for it in
    the next, so that many small categories do not all round the same way. Equal ones by lot.
    """
    shares = {split: Fraction(str(getattr(recipe, split))) for split in SPLITS}
    shares = {split: share / sum(shares.values()) for split, share in shares.items() if share}
    owed = dict.fromkeys(shares, Fraction(0))
    found: dict[str, dict[str, int]] = {}
    for stratum in sorted(totals):
        exact = {split: share * totals[stratum] for split, share in shares.items()}
        counts = {split: int(value) for split, value in exact.items()}
        claim = {split: exact[split] - counts[split] + owed[split] for split in shares}
        # A split whose share is whole here has nothing to round.
        rounded = [split for split in shares if exact[split] != counts[split]]
        rounded.sort(key=lambda split: (-claim[split], draw(recipe.seed, f"{stratum}/{split}")))
        for split in rounded[: totals[stratum] - sum(counts.values())]:
            counts[split] += 1
        owed = {split: owed[split] + exact[split] - counts[split] for split in shares}
        found[stratum] = dict.fromkeys(SPLITS, 0) | counts
    return found


def _next_split(left: Mapping[str, int], recipe: Splits) -> str:
    """The smallest split with room, so that an official test set does not leave val empty; else the least full."""
    wanted = sorted(
        (split for split in SPLITS if getattr(recipe, split) > 0),
        key=lambda split: (getattr(recipe, split), -SPLITS.index(split)),
    )
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
