"""Writes label_store/data/ilsvrc.csv and WordNet's licence beside it, the same bytes each time.

`python -m tests.label_store.ilsvrc CLASSES.csv` where CLASSES.csv holds wnid and name in the order of ILSVRC's labels,
and WordNet 3.0 is installed (Debian's wordnet-base, which keeps Princeton's offsets).
"""

import csv
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from label_store.lexicon import Lexicon, Synset, open_lexicon
from label_store.taxonomy_csv import to_csv
from label_store.taxonomy_files import SHIPPED
from label_store.taxonomy_wordnet import tree_specs

LICENSE = "WORDNET-LICENSE.txt"


def classes(path: Path) -> dict[str, str]:
    """wnid -> name, in the order of the labels."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["wnid"]: row["name"] for row in csv.DictReader(file)}


def leaves(lexicon: Lexicon, names: dict[str, str]) -> Iterator[Synset]:
    """The synset of each wnid; ValueError where it is not one, or none of its words is the name."""
    for wnid, name in names.items():
        synset = lexicon.synset(wnid)
        if synset is None or name not in synset.words:
            raise ValueError(f"{wnid} is not {name!r} in {lexicon.name}: {synset}")
        yield synset


def taxonomy(names: dict[str, str], lexicon: Lexicon) -> str:
    """ilsvrc.csv."""
    synsets = list(leaves(lexicon, names))
    called = {synset.key: name for synset, name in zip(synsets, names.values(), strict=True)}
    return to_csv(tree_specs(lexicon, synsets, names=called))


def license_text(data: Path) -> str:
    """The licence with which every file of WordNet begins, without its line numbers."""
    lines = [line for line in data.read_text(encoding="utf-8")[:4000].splitlines() if line.startswith("  ")]
    return "\n".join(re.sub(r"^ +\d+ ", "", line).rstrip() for line in lines).strip() + "\n"


if __name__ == "__main__":
    (SHIPPED / "ilsvrc.csv").write_text(taxonomy(classes(Path(sys.argv[1])), open_lexicon()), encoding="utf-8")
    (SHIPPED / LICENSE).write_text(license_text(Path("/usr/share/wordnet/data.noun")), encoding="utf-8")
