"""Princeton WordNet's own files, data.noun and index.noun, as Debian's wordnet-base installs them (see wndb(5WN)).

A synset's key is its byte offset in data.noun, which for WordNet 3.0 is also ImageNet's id of it.
"""

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from label_store.errors import CairnError, UsageError
from label_store.lexicon import Synset

_UP = frozenset({"@", "@i"})
_DOWN = frozenset({"~"})
"""Pointer symbols of wninput(5WN): hypernym, instance hypernym; hyponym (instances, ~i, are no kinds)."""
DEBIAN = Path("/usr/share/wordnet")


def find_folder() -> Path | None:
    """The first of WNSEARCHDIR, WNHOME/dict, WNHOME and Debian's folder that holds WordNet's nouns."""
    told = [Path(os.environ["WNSEARCHDIR"])] if os.environ.get("WNSEARCHDIR") else []
    if home := os.environ.get("WNHOME"):
        told += [Path(home, "dict"), Path(home)]
    return next((folder for folder in (*told, DEBIAN) if (folder / "data.noun").is_file()), None)


class FileLexicon:
    """The nouns of a folder of WordNet files. UsageError where the folder has none, CairnError for broken ones."""

    has_wnids: bool
    name: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for file in ("data.noun", "index.noun"):
            if not (folder / file).is_file():
                raise UsageError(f"{folder} has no {file}", hint="WordNet's folder holds data.noun and index.noun")
        try:
            self._data = (folder / "data.noun").read_bytes()
            self._index = b"\n" + (folder / "index.noun").read_bytes()
        except OSError as error:
            raise CairnError(f"WordNet in {folder} cannot be read: {error.strerror or error}") from error
        version = re.search(rb"^ .*WordNet (\d+\.\d+) Copyright", self._data[:4096], re.MULTILINE)
        self.has_wnids = version is not None and version[1] == b"3.0"
        self.name = f"WordNet {version[1].decode() if version else 'of unknown version'} in {folder}"
        self._record = lru_cache(maxsize=None)(self._read_record)

    def senses(self, word: str) -> Sequence[Synset]:
        """The synsets of a noun by index.noun, which lists the most usual first."""
        lemma = re.sub(r"[\s_]+", "_", word.strip().lower())
        begin = self._index.find(b"\n" + lemma.encode() + b" ")
        if not lemma or begin < 0:
            return ()
        # lemma pos synset_cnt p_cnt [ptr_symbol...] sense_cnt tagsense_cnt synset_offset [synset_offset...]
        fields = self._index[begin + 1 : self._index.index(b"\n", begin + 1)].decode().split()
        try:
            return tuple(self._synset(offset) for offset in fields[len(fields) - int(fields[2]) :])
        except (ValueError, IndexError) as error:
            raise CairnError(f"{self._folder / 'index.noun'} is broken at {lemma!r}") from error

    def synset(self, wnid: str) -> Synset | None:
        """The synset at the offset that the id names."""
        offset = int(wnid[1:])
        at_line_start = 0 < offset < len(self._data) and self._data[offset - 1 : offset] == b"\n"
        if not self.has_wnids or not at_line_start or not self._data.startswith(wnid[1:].encode() + b" ", offset):
            return None
        return self._synset(wnid[1:])

    def parents(self, synset: Synset) -> Sequence[Synset]:
        """Hypernyms, also those of instances."""
        return self._related(synset, _UP)

    def children(self, synset: Synset) -> Sequence[Synset]:
        """Hyponyms."""
        return self._related(synset, _DOWN)

    def translations(self, synset: Synset) -> Mapping[str, tuple[str, ...]]:
        """None: these files are English alone."""
        return {}

    def _related(self, synset: Synset, symbols: frozenset[str]) -> tuple[Synset, ...]:
        return tuple(self._synset(offset) for symbol, offset in self._record(synset.key)[1] if symbol in symbols)

    def _synset(self, offset: str) -> Synset:
        return self._record(offset)[0]

    def _read_record(self, offset: str) -> tuple[Synset, tuple[tuple[str, str], ...]]:
        """The synset at an offset, and its pointers to other nouns as (symbol, offset)."""
        try:
            begin = int(offset)
            line = self._data[begin : self._data.index(b"\n", begin)].decode()
            # offset lex_filenum ss_type w_cnt word lex_id [word lex_id...] p_cnt [ptr...] | gloss
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            if fields[0] != offset or fields[2] != "n":
                raise ValueError(line)
            count = int(fields[3], 16)
            words = tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2])
            first = 5 + 2 * count
            pointers = fields[first : first + 4 * int(fields[first - 1])]
            nouns = tuple((pointers[n], pointers[n + 1]) for n in range(0, len(pointers), 4) if pointers[n + 2] == "n")
        except (ValueError, IndexError, UnicodeDecodeError) as error:
            raise CairnError(
                f"{self._folder / 'data.noun'} is broken at byte {offset}", hint="install WordNet's files again"
            ) from error
        wnid = f"n{offset}" if self.has_wnids else None
        return Synset(offset, words, _definition(gloss), wnid), nouns


def _definition(gloss: str) -> str:
    """A gloss without its examples, which are quoted at its end."""
    return re.split(r';\s*"', gloss.strip(), maxsplit=1)[0].strip()
