"""The words of the pages in each language: one TOML file a language in `languages/`, English where a word is missing.

A third language is one more file; nothing else names the languages there are.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from markupsafe import Markup, escape

FOLDER = Path(__file__).parent / "languages"
DEFAULT = "en"
COOKIE = "cairn_language"


class Words:
    """The words of one language: `words("home.title", n=3)`; KeyError for a name that English does not have.

    Whole numbers are written with thin spaces; for n = 1 a key that ends in `_one` is taken where there is one.
    """

    def __init__(self, language: str, tables: Mapping[str, Mapping[str, str]]) -> None:
        self.language = language
        self._tables = tables

    def __call__(self, name: str, /, **values: object) -> str:
        """The text of `table.key` with its {places} filled in; HTML where a value is (all else is escaped then)."""
        table, key = name.split(".", 1)
        words = self._tables[table]
        text = words.get(f"{key}_one", words[key]) if values.get("n") == 1 else words[key]
        if not values:
            return text
        if any(isinstance(value, Markup) for value in values.values()):
            text = escape(text)
        return text.format_map({place: count(v) if isinstance(v, int) else v for place, v in values.items()})

    def table(self, name: str) -> str:
        """All words of a table as JSON, for the scripts of a page."""
        return json.dumps(self._tables[name], ensure_ascii=False, separators=(",", ":"))


def count(number: int | None) -> str:
    """A count with thin spaces between thousands, in every language; an en dash where there is none."""
    return "–" if number is None else f"{number:,}".replace(",", "\u202f")


@cache
def read_tables(language: str) -> dict[str, dict[str, str]]:
    """The tables of one file as they are written."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


@cache
def words_of(language: str) -> Words:
    """The words of a language, with English in the places it leaves out."""
    own = read_tables(language)
    merged = {name: {**table, **own.get(name, {})} for name, table in read_tables(DEFAULT).items()}
    return Words(language, merged)


@cache
def available() -> dict[str, str]:
    """The languages there are, each by its own name: {"en": "English", ...}, English first."""
    codes = sorted((path.stem for path in FOLDER.glob("*.toml")), key=lambda code: (code != DEFAULT, code))
    return {code: read_tables(code)["site"]["language_name"] for code in codes}


def language_of(request: Request) -> str:
    """What the reader chose, else the first language of the browser that there is, else English."""
    chosen = request.cookies.get(COOKIE)
    if chosen in available():
        return chosen
    for wanted in _wanted(request.headers.get("accept-language", "")):
        for code in available():
            if wanted == code or wanted.split("-")[0] == code.split("-")[0]:
                return code
    return DEFAULT


def _wanted(header: str) -> Iterator[str]:
    """The languages of an Accept-Language header (RFC 9110, 12.5.4), best first."""
    ranked: list[tuple[float, str]] = []
    for part in header[:1000].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            q = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if tag and q > 0:
            ranked.append((-q, tag.strip().lower()))
    return (tag for _, tag in sorted(ranked, key=lambda row: row[0]))


def words_in(language: str, translations: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """What a category is called in a language, by the taxonomy's words; none where it has none.

    `zh` finds `zh`, else `zh-CN` or WordNet's `cmn-Hans`, and traditional characters only where there are no others.
    """
    same = [code for code in translations if _primary(code) == _primary(language) and translations[code]]
    same.sort(key=lambda code: (code.lower() != language.lower(), _is_traditional(code), code))
    return translations[same[0]] if same else ()


def _primary(code: str) -> str:
    """The language itself, without script and region; Mandarin (ISO 639-3) is what pages mean by Chinese."""
    word = code.split("-")[0].lower()
    return "zh" if word == "cmn" else word


def _is_traditional(code: str) -> bool:
    return bool({"hant", "tw", "hk", "mo"} & set(code.lower().split("-")))


def context_of(request: Request) -> dict[str, Any]:
    """What every template gets: `t`, the language's code, and the languages to choose from."""
    language = language_of(request)
    return {"t": words_of(language), "language": language, "languages": available()}
