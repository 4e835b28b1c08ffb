"""A lexicon of nouns (WordNet): its one small interface, how a synset is named, and finding one that is installed.

Two backends: Princeton's files in lexicon_files.py, the `wn` library in lexicon_wn.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from label_store.errors import CairnError, UsageError

_NAME = re.compile(r"(.+)\.([nvasr])\.(\d+)")
_WNID = re.compile(r"n\d{8}")
_HINT = (
    "apt-get install wordnet-base; or pip install 'cairn-dataset[wordnet]' and python -m wn download omw-en:1.4; "
    "or say --wordnet DIR, a folder with data.noun and index.noun"
)


@dataclass(frozen=True)
class Synset:
    """A set of synonymous nouns with one meaning."""

    key: str
    """Its identifier in its own lexicon."""
    words: tuple[str, ...]
    """The synonyms as written, the most usual first."""
    definition: str
    """The gloss without its examples."""
    wnid: str | None = None
    """Its id in WordNet 3.0, as ImageNet uses it; None where the lexicon is of another version."""


class Lexicon(Protocol):
    """What Cairn asks of a lexicon. Every sequence comes in the lexicon's own order, the same each time."""

    @property
    def name(self) -> str:
        """What it is and where, for a person."""

    @property
    def has_wnids(self) -> bool:
        """Whether it knows the ids of WordNet 3.0."""

    def senses(self, word: str) -> Sequence[Synset]:
        """The synsets of a noun, the most usual first; empty for a word it does not know."""

    def synset(self, wnid: str) -> Synset | None:
        """The synset with this id of WordNet 3.0."""

    def parents(self, synset: Synset) -> Sequence[Synset]:
        """The synsets directly above."""

    def children(self, synset: Synset) -> Sequence[Synset]:
        """The kinds directly below; individuals (Lassie) are no kinds."""

    def translations(self, synset: Synset) -> Mapping[str, tuple[str, ...]]:
        """BCP 47 language -> words, in the languages that are installed beside it."""


def open_lexicon(where: str | None = None, *, multilingual: bool = False) -> Lexicon:
    """The lexicon at `where` (a folder, or a lexicon of `wn` such as omw-en:1.4), else the first installed one.

    Looked for in this order: WNSEARCHDIR, WNHOME/dict, WNHOME, Debian's folder, English lexicons of `wn`;
    `multilingual`: those of `wn` first, which alone have other languages beside them. CairnError with a hint where
    there is none.
    """
    from label_store.lexicon_files import FileLexicon, find_folder
    from label_store.lexicon_wn import english_lexicons, open_wn

    if where is not None:
        if Path(where).is_dir():
            return FileLexicon(Path(where))
        if where in (known := english_lexicons()):
            return open_wn(where)
        named = f"; `wn` has {', '.join(known)}" if known else ""
        raise UsageError(
            f"{where} is neither a folder with WordNet's files nor an English lexicon of `wn`{named}", hint=_HINT
        )
    folder, known = find_folder(), english_lexicons()
    if known and (multilingual or folder is None):
        return open_wn(known[0])
    if folder is not None:
        return FileLexicon(folder)
    raise CairnError("no lexicon is installed", hint=_HINT)


def find_synset(lexicon: Lexicon, text: str) -> Synset:
    """The synset that a person means by dog.n.01, n02084071, or a word of one meaning; UsageError otherwise."""
    text = text.strip()
    if _WNID.fullmatch(text):
        found = lexicon.synset(text)
        if found is None and not lexicon.has_wnids:
            raise UsageError(
                f"{text} is an id of WordNet 3.0, which {lexicon.name} does not know",
                hint="name the synset by a word and a number, for instance dog.n.01",
            )
        if found is None:
            raise UsageError(f"{lexicon.name} has no noun {text}", hint="for instance n02084071, which is dog.n.01")
        return found
    if named := _NAME.fullmatch(text):
        word, part, number = named[1], named[2], int(named[3])
        if part != "n":
            raise UsageError(f"{text!r} is no noun: a category is a kind of thing", hint="for instance dog.n.01")
        senses = _known(lexicon, word)
        if not 1 <= number <= len(senses):
            raise UsageError(
                f"{word!r} has {len(senses)} meanings as a noun in {lexicon.name}, and no number {number}",
                hint=_meanings(word, senses),
            )
        return senses[number - 1]
    senses = _known(lexicon, text)
    if len(senses) > 1:
        raise UsageError(f"{text!r} has {len(senses)} meanings: say which", hint=_meanings(text, senses))
    return senses[0]


def _known(lexicon: Lexicon, word: str) -> Sequence[Synset]:
    senses = lexicon.senses(word)
    if not senses:
        raise UsageError(f"{lexicon.name} has no noun {word!r}", hint="words in the singular: dog, sports car")
    return senses


def _meanings(word: str, senses: Sequence[Synset], most: int = 8) -> str:
    name = word.strip().replace(" ", "_")
    listed = [f"{name}.n.{n:02d} ({_short(one.definition)})" for n, one in enumerate(senses[:most], start=1)]
    return "; ".join(listed) + (f"; and {len(senses) - most} more" if len(senses) > most else "")


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def ancestors(lexicon: Lexicon, synset: Synset) -> list[Synset]:
    """Everything above a synset, the nearest first."""
    found: dict[str, Synset] = {}
    level = [synset]
    while level:
        above = [parent for one in level for parent in lexicon.parents(one)]
        level = list({parent.key: parent for parent in above if parent.key not in found}.values())
        found |= {one.key: one for one in level}
    return list(found.values())
