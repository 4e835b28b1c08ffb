"""Queries for a category out of its words, as ImageNet made them (Deng et al., CVPR 2009, section 3.1). Pure.

Its name and synonyms; each with a word of what is above it, where that word is in its gloss ("whippet", a "small
slender dog of greyhound type", is also asked for as "whippet greyhound" and "whippet dog"); its translations.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from collector.queries import Query
from label_store import CategorySpec

_TOLD_APART = re.compile(r"(.*\S)\s+\(([^()]+)\)")
"""A name with what tells it apart from another, as crane (wading bird)."""


def expand(
    category: CategorySpec,
    ancestors: Sequence[Sequence[str]] = (),
    *,
    languages: Collection[str] | None = None,
    language: str = "en",
) -> tuple[Query, ...]:
    """The queries of a category, the most to the point first, none twice (in whatever case).

    ancestors: the words of each category above it, the nearest first. Where the category has a definition, those
    words count that are in it; without one there is nothing to look in, and the nearest ancestor's name counts.
    languages: of the translations, these only (None: all); `language` is that of all other words.

    A query is words, never a phrase in quotation marks: what marks mean differs between search engines, and a phrase
    loses more than it sharpens, as file names and captions bend words. A curator may ask for a phrase with --query.
    """
    name, told_apart = _parts(category.name)
    # crane (wading bird) is asked for as "crane wading bird" first; plain "crane" is then one more synonym
    plain = [name, *category.synonyms]
    queries = [Query(f"{name} {told_apart}".strip(), category.slug, "name", language)]
    queries += [Query(word, category.slug, "synonym", language) for word in plain]
    queries += [
        Query(f"{word} {parent}", category.slug, "parent", language)
        for word in plain
        for parent in _parent_words(category.definition, ancestors)
        if not _holds(word, parent)
    ]
    queries += [
        Query(word, category.slug, "translation", tag)
        for tag, words in category.translations.items()
        if languages is None or tag in languages
        for word in words
    ]
    return without_repeats(queries)


def without_repeats(queries: Sequence[Query]) -> tuple[Query, ...]:
    """The queries with their words tidied; of those with the same words in whatever case, the first."""
    found: dict[tuple[str, str], Query] = {}
    for query in queries:
        words = " ".join(query.words.replace('"', " ").split()) if query.kind != "given" else query.words.strip()
        if words:
            found.setdefault((query.category, words.casefold()), replace(query, words=words))
    return tuple(found.values())


def _parts(name: str) -> tuple[str, str]:
    match = _TOLD_APART.fullmatch(name.strip())
    return (match[1], match[2]) if match else (name, "")


def _parent_words(definition: str, ancestors: Sequence[Sequence[str]]) -> Iterator[str]:
    if not definition.strip():
        yield from (_parts(words[0])[0] for words in ancestors[:1])
        return
    plain = (_parts(word)[0] for words in ancestors for word in words)
    yield from dict.fromkeys(word for word in plain if _holds(definition, word))


def _holds(text: str, word: str) -> bool:
    """Whether a word, or words in a row, is in a text as a whole, in whatever case."""
    return re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text.casefold()) is not None
