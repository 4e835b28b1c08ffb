"""Lexicons that the `wn` library has installed: English ones, with translations by the others beside them."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from label_store.lexicon import Synset

if TYPE_CHECKING:
    import wn

_PRINCETON_30 = re.compile(r"omw-en-(\d{8})-n")
"""Ids of the Open Multilingual Wordnet's omw-en, which is WordNet 3.0 and keeps its offsets; omw-en31 is not."""


def english_lexicons() -> list[str]:
    """The English lexicons of `wn` as id:version, those with WordNet 3.0's ids first; empty without `wn`."""
    try:
        import wn
    except ImportError:
        return []
    if not wn.config.database_path.is_file():
        return []  # asking wn would make an empty database in the home folder
    found = [one.specifier() for one in wn.lexicons() if one.language.split("-")[0].lower() == "en"]
    return sorted(found, key=lambda name: (not _is_princeton_30(name), name))


def open_wn(specifier: str) -> "WnLexicon":
    """The lexicon id:version of `wn`."""
    return WnLexicon(specifier)


class WnLexicon:
    """One English lexicon of the `wn` library."""

    def __init__(self, specifier: str) -> None:
        import wn

        # expand="": relations are this lexicon's own, not borrowed from another that is installed.
        self._wordnet = wn.Wordnet(specifier, expand="")
        self._id = specifier.partition(":")[0]
        self.has_wnids = _is_princeton_30(specifier)
        self.name = f"{specifier} of wn"

    def senses(self, word: str) -> Sequence[Synset]:
        """The synsets of a noun, in the lexicon's order of senses."""
        return tuple(self._synset(one) for one in self._wordnet.synsets(word.strip().replace("_", " "), pos="n"))

    def synset(self, wnid: str) -> Synset | None:
        """The synset whose id holds WordNet 3.0's offset."""
        import wn

        if not self.has_wnids:
            return None
        try:
            return self._synset(self._wordnet.synset(f"{self._id}-{wnid[1:]}-n"))
        except wn.Error:
            return None

    def parents(self, synset: Synset) -> Sequence[Synset]:
        """Hypernyms, also those of instances."""
        return self._related(synset, "hypernym", "instance_hypernym")

    def children(self, synset: Synset) -> Sequence[Synset]:
        """Hyponyms."""
        return self._related(synset, "hyponym")

    def translations(self, synset: Synset) -> Mapping[str, tuple[str, ...]]:
        """The words of the same interlingual index in every other installed language."""
        import wn

        found: dict[str, list[str]] = defaultdict(list)
        own = self._wordnet.synset(synset.key)
        if own.ili is None:
            return {}
        for lexicon in sorted(wn.lexicons(), key=lambda one: (one.language, one.specifier())):
            if lexicon.language.split("-")[0].lower() == "en":
                continue
            for other in own.translate(lexicon=lexicon.specifier()):
                found[lexicon.language] += [lemma for lemma in other.lemmas() if lemma not in found[lexicon.language]]
        return {language: tuple(words) for language, words in found.items() if words}

    def _related(self, synset: Synset, *relations: str) -> tuple[Synset, ...]:
        related = self._wordnet.synset(synset.key).get_related(*relations)
        return tuple(self._synset(one) for one in sorted(related, key=lambda one: one.id))

    def _synset(self, one: "wn.Synset") -> Synset:
        offset = _PRINCETON_30.fullmatch(one.id)
        return Synset(one.id, tuple(one.lemmas()), one.definition() or "", f"n{offset[1]}" if offset else None)


def _is_princeton_30(specifier: str) -> bool:
    return specifier.partition(":")[0] == "omw-en"
