"""Tiny lexicons that tests write: WordNet's own files, and a WN-LMF document for the `wn` library."""

from pathlib import Path

SYNSETS = {
    "animal": ((), "animal", "a living organism that moves"),
    "dog": (("animal",), "dog|domestic dog", 'a member of the genus Canis; "the dog barked"'),
    "whippet": (("dog",), "whippet", 'small slender dog of "greyhound type" developed in England'),
    "pug": (("dog",), "pug|pug-dog", "small compact breed of dog"),
    "cat": (("animal",), "cat", "feline mammal"),
    "tabby": (("cat",), "tabby", "a cat with a grey coat"),
    "chap": ((), "dog|fella", "informal term for a man"),
}
"""key -> (keys above, words, gloss); 'dog' has two meanings."""
INSTANCES = {"Lassie": ("dog", "Lassie", "a dog of films")}
"""An individual: below dog, and no kind of dog."""
HEAD = "  1 This software and database is being provided to you.  \n  2 WordNet {version} Copyright 2006.  \n"


def write_files(folder: Path, version: str = "3.0") -> dict[str, str]:
    """data.noun and index.noun as wndb(5WN) says; returns key -> offset."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {**SYNSETS, **{key: ((), words, gloss) for key, (_, words, gloss) in INSTANCES.items()}}
    offsets = dict.fromkeys(entries, "00000000")
    for _ in range(2):  # offsets have a fixed width, so the second round knows all of them
        text = HEAD.format(version=version)
        for key, (above, words, gloss) in entries.items():
            offsets[key] = f"{len(text.encode()):08d}"
            pointers = [("@", offsets[one]) for one in above]
            pointers += [("~", offsets[one]) for one, (up, _, _) in SYNSETS.items() if key in up]
            if key in INSTANCES:
                pointers.append(("@i", offsets[INSTANCES[key][0]]))
            pointers += [("~i", offsets[one]) for one, (up, _, _) in INSTANCES.items() if key == up]
            pointers.append(("+", "00000001 v 0101"))  # a verb derived from it, which is none of our business
            listed = " ".join(f"{symbol} {o if ' ' in o else o + ' n 0000'}" for symbol, o in pointers)
            lemmas = " ".join(f"{word.replace(' ', '_')} 0" for word in words.split("|"))
            count = len(words.split("|"))
            text += f"{offsets[key]} 05 n {count:02x} {lemmas} {len(pointers):03d} {listed} | {gloss}  \n"
    (folder / "data.noun").write_text(text, encoding="utf-8")
    index: dict[str, list[str]] = {}
    for key, (_, words, _) in entries.items():
        for word in words.split("|"):
            index.setdefault(word.lower().replace(" ", "_"), []).append(offsets[key])
    lines = [f"{w} n {len(at)} 2 @ ~ {len(at)} 0 {' '.join(at)}  " for w, at in sorted(index.items())]
    (folder / "index.noun").write_text(HEAD.format(version=version) + "\n".join(lines) + "\n", encoding="utf-8")
    return offsets


LMF = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE LexicalResource SYSTEM "http://globalwordnet.github.io/schemas/WN-LMF-1.0.dtd">
<LexicalResource xmlns:dc="http://purl.org/dc/elements/1.1/">
{lexicons}
</LexicalResource>
"""
ANIMAL, DOG, WHIPPET, PUG, LASSIE = "00015388", "02084071", "02091134", "02110958", "02084072"


def _lexicon(name: str, language: str, entries: str, synsets: str) -> str:
    return (
        f'<Lexicon id="{name}" label="{name}" language="{language}" email="a@b.example" license="MIT" version="1.4">'
        f"{entries}{synsets}</Lexicon>"
    )


def _entry(name: str, word: str, *senses: str) -> str:
    key = f"{name}-{word.replace(' ', '_')}"
    listed = "".join(f'<Sense id="{key}-{n}" synset="{name}-{one}-n"/>' for n, one in enumerate(senses))
    return f'<LexicalEntry id="{key}"><Lemma writtenForm="{word}" partOfSpeech="n"/>{listed}</LexicalEntry>'


def _synset(name: str, offset: str, gloss: str, **relations: str) -> str:
    listed = "".join(
        f'<SynsetRelation relType="{kind}" target="{name}-{target}-n"/>'
        for kind, targets in relations.items()
        for target in targets.split()
    )
    told = f"<Definition>{gloss}</Definition>" if gloss else ""
    return f'<Synset id="{name}-{offset}-n" ili="i{int(offset)}" partOfSpeech="n">{told}{listed}</Synset>'


def write_lmf(file: Path, english: str = "omw-en") -> None:
    """An English lexicon (omw-en keeps WordNet 3.0's offsets), and a German and a Spanish one beside it."""
    e = english
    english_part = _lexicon(
        e,
        "en",
        _entry(e, "animal", ANIMAL) + _entry(e, "dog", DOG) + _entry(e, "domestic dog", DOG)
        + _entry(e, "whippet", WHIPPET) + _entry(e, "pug", PUG) + _entry(e, "Lassie", LASSIE),
        _synset(e, ANIMAL, "a living organism that moves", hyponym=DOG)
        + _synset(e, DOG, "a member of the genus Canis", hypernym=ANIMAL, hyponym=f"{WHIPPET} {PUG}",
                  instance_hyponym=LASSIE)
        + _synset(e, WHIPPET, "small slender dog of greyhound type", hypernym=DOG)
        + _synset(e, PUG, "small compact breed of dog", hypernym=DOG)
        + _synset(e, LASSIE, "a dog of films", instance_hypernym=DOG),
    )  # fmt: skip
    others = [
        _lexicon(name, language, "".join(_entry(name, w, DOG) for w in words), _synset(name, DOG, ""))
        for name, language, words in (("omw-de", "de", ["Hund"]), ("omw-es", "es", ["perro", "can"]))
    ]
    file.write_text(LMF.format(lexicons="\n".join([english_part, *others])), encoding="utf-8")
