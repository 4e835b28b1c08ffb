"""Categories as CSV: a row each, several values of a cell joined by `;`.

Translations are `de=Auto;es=coche`, questions are `type=suv,van;colour+=red,black` (`+=` allows several choices).
A backslash takes the character after it literally. The csv module reads it, since a row of pandas has lost its line.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from label_store.errors import UsageError
from label_store.taxonomy_specs import AttributeSpec, CategorySpec, refuse_misspelt

COLUMNS = (
    "slug", "name", "wnid", "synonyms", "translations", "parents", "definition", "guideline", "good", "bad",
    "attributes",
)  # fmt: skip


def from_csv(text: str, path: Path) -> list[CategorySpec]:
    """The categories of a CSV text (separated by , ; or tabs, as its header is); `path` is what errors call it."""
    delimiter = max(",;\t", key=lambda one: len(set(_header(text, one)) & set(COLUMNS)))
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path} cannot be read as CSV: {error}", hint="is a quotation mark not closed?") from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "name" not in header:
        raise UsageError(
            f"{path} has no column 'name' (it has {', '.join(header) or 'nothing'})",
            hint=f"columns: {', '.join(COLUMNS)}; several values joined by ;",
        )
    for column in header:
        refuse_misspelt(column, COLUMNS, f"{path}: column")
        if column and header.count(column) > 1:
            raise UsageError(f"{path} has the column {column!r} twice")
    specs = []
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}: row {number}"
        if len(cells) > len(header):
            raise UsageError(
                f"{where} has {len(cells)} cells under {len(header)} columns",
                hint="put a text that holds the separator in quotation marks",
            )
        row = dict(zip(header, cells, strict=False))
        specs.append(_csv_spec({key: value.replace("\r\n", "\n").strip() for key, value in row.items()}, where))
    if not specs:
        raise UsageError(f"{path} has no categories", hint="a row each under the header")
    return specs


def _header(text: str, delimiter: str) -> list[str]:
    first = text.lstrip().partition("\n")[0]
    return [cell.strip().strip('"').lower() for cell in first.split(delimiter)]


def _csv_spec(row: Mapping[str, str], where: str) -> CategorySpec:
    if not row["name"]:
        raise UsageError(f"{where}: a category needs a name")
    translations = (parse_translation(one, f"{where}: translation") for one in _split(row.get("translations", ""), ";"))
    return CategorySpec(
        name=row["name"],
        slug=row.get("slug", ""),
        definition=row.get("definition", ""),
        synonyms=words_of(row.get("synonyms", "")),
        parents=words_of(row.get("parents", "")),
        wnid=row.get("wnid") or None,
        guideline=row.get("guideline", ""),
        attributes=tuple(parse_attribute(one, f"{where}: attribute") for one in _split(row.get("attributes", ""), ";")),
        translations=by_language(translations),
        good=words_of(row.get("good", "")),
        bad=words_of(row.get("bad", "")),
        where=where,
    )


def to_csv(specs: Sequence[CategorySpec]) -> str:
    """The specs as CSV text, with the columns that any of them fills."""
    rows = [
        {
            "slug": spec.slug,
            "name": spec.name,
            "wnid": spec.wnid or "",
            "synonyms": _join(spec.synonyms),
            "translations": ";".join(
                f"{_escape(language)}={_escape(word)}"
                for language, words in spec.translations.items()
                for word in words
            ),
            "parents": _join(spec.parents),
            "definition": spec.definition,
            "guideline": spec.guideline,
            "good": _join(spec.good),
            "bad": _join(spec.bad),
            "attributes": ";".join(
                f"{_escape(one.name)}{'+' if one.multiple else ''}={','.join(_escape(word) for word in one.choices)}"
                for one in spec.attributes
            ),
        }
        for spec in specs
    ]
    columns = [column for column in COLUMNS if column == "name" or any(row[column] for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def parse_attribute(text: str, what: str) -> AttributeSpec:
    """`name=a,b` (one choice) or `name+=a,b` (several); UsageError, which begins with `what`, otherwise."""
    name, equals, listed = _partition(text, "=")
    multiple = bool(re.search(r"(?<!\\)(\\\\)*\+\s*$", name))
    name = _plain(name.rstrip()[:-1] if multiple else name)
    choices = tuple(_plain(part) for part in _split(listed, ","))
    if not equals or not name or len(choices) < 2:
        raise UsageError(
            f"{what} {text!r} is not name=choice,choice with at least two choices",
            hint="for instance colour+=red,black",
        )
    return AttributeSpec(name, choices, multiple)


def parse_translation(text: str, what: str) -> tuple[str, str]:
    """`lang=word`; UsageError, which begins with `what`, otherwise."""
    language, equals, word = (_plain(part) for part in _partition(text, "="))
    if not equals or not language or not word:
        raise UsageError(f"{what} {text!r} is not language=word", hint="for instance de=Auto")
    return language, word


def by_language(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """(language, word) pairs as language -> words, in their order."""
    found: dict[str, tuple[str, ...]] = {}
    for language, word in pairs:
        found[language] = (*found.get(language, ()), word)
    return found


def _split(text: str, separator: str) -> list[str]:
    """The parts between unescaped separators, escapes kept, empty parts dropped."""
    parts = re.findall(rf"(?:\\.|[^\\{separator}]|\\$)+", text, re.DOTALL)
    return [part.strip() for part in parts if part.strip()]


def _partition(text: str, separator: str) -> tuple[str, str, str]:
    match = re.match(rf"((?:\\.|[^\\{separator}])*){separator}(.*)", text, re.DOTALL)
    return (match[1], separator, match[2]) if match else (text, "", "")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.strip(), flags=re.DOTALL)


def words_of(text: str) -> tuple[str, ...]:
    """The values of a cell or text that joins several by `;`."""
    return tuple(_plain(part) for part in _split(text, ";"))


def _escape(text: str) -> str:
    return re.sub(r"([\\;,=+])", r"\\\1", text)


def _join(words: Iterable[str]) -> str:
    return ";".join(re.sub(r"([\\;])", r"\\\1", word) for word in words)
