"""Categories as TOML: a [[category]] table each, with lists, and tables of translations, examples and questions."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from label_store.errors import UsageError
from label_store.taxonomy_csv import words_of
from label_store.taxonomy_specs import AttributeSpec, CategorySpec, refuse_misspelt

_KEYS = (
    "slug", "name", "wnid", "synonyms", "translations", "parents", "definition", "guideline", "examples", "attributes",
)  # fmt: skip


def from_toml(text: str, path: Path) -> list[CategorySpec]:
    """The categories of a TOML text; `path` is what errors call it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    rows = table.get("category", table.get("categories", []))
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path} has no [[category]] tables", hint='each needs at least name = "…"')
    return [_toml_spec(row, f"{path}: category {n}") for n, row in enumerate(rows, start=1)]


def _toml_spec(row: Mapping[str, Any], where: str) -> CategorySpec:
    for key in row:
        refuse_misspelt(key, _KEYS, f"{where}: key", always=True)
    name = _text(row, "name", where)
    if not name:
        raise UsageError(f"{where}: a category needs a name")
    examples = _table(row, "examples", where)
    for kind in examples:
        refuse_misspelt(kind, ("good", "bad"), f"{where}: key examples.", always=True)
    translations = _table(row, "translations", where)
    return CategorySpec(
        name=name,
        slug=_text(row, "slug", where),
        definition=_text(row, "definition", where),
        synonyms=_several(row, "synonyms", where),
        parents=_several(row, "parents", where),
        wnid=_text(row, "wnid", where) or None,
        guideline=_text(row, "guideline", where),
        attributes=tuple(_attribute(entry, where) for entry in _questions(row, where)),
        translations={language: _several(translations, language, where) for language in translations},
        good=_several(examples, "good", where),
        bad=_several(examples, "bad", where),
        where=where,
    )


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise UsageError(f"{where}: {key} is a text, not {value!r}", hint=f'{key} = "…"')
    return value.replace("\r\n", "\n").strip()


def _several(row: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = row.get(key, [])
    if isinstance(value, str):
        return words_of(value)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"{where}: {key} is a list of texts, not {value!r}", hint=f'{key} = ["…", "…"]')
    return tuple(one.strip() for one in value if one.strip())


def _table(row: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = row.get(key, {})
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {key} is a table, not {value!r}", hint=f"[category.{key}]")
    return value


def _questions(row: Mapping[str, Any], where: str) -> list[Mapping[str, Any]]:
    value = row.get("attributes", [])
    if isinstance(value, dict):  # {type = ["suv", ...]}
        return [{"name": name, "choices": choices} for name, choices in value.items()]
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise UsageError(f"{where}: attributes is a list of tables", hint='[{name = "type", choices = ["suv", "van"]}]')
    return value


def _attribute(entry: Mapping[str, Any], where: str) -> AttributeSpec:
    for key in entry:
        refuse_misspelt(key, ("name", "choices", "multiple"), f"{where}: key of an attribute", always=True)
    name, choices, multiple = (
        _text(entry, "name", where),
        _several(entry, "choices", where),
        entry.get("multiple", False),
    )
    if not name or len(choices) < 2:
        raise UsageError(f"{where}: an attribute needs a name and at least two choices")
    if not isinstance(multiple, bool):
        raise UsageError(f"{where}: multiple of attribute {name!r} is true or false, not {multiple!r}")
    return AttributeSpec(name, choices, multiple)


def to_toml(specs: Sequence[CategorySpec]) -> str:
    """The specs as TOML text, with the keys that each fills."""
    import tomli_w  # here alone: reading needs it not

    tables = []
    for spec in specs:
        row: dict[str, Any] = {
            "slug": spec.slug,
            "name": spec.name,
            "wnid": spec.wnid,
            "synonyms": list(spec.synonyms),
            "parents": list(spec.parents),
            "definition": spec.definition,
            "guideline": spec.guideline,
            "translations": {language: list(words) for language, words in spec.translations.items()},
            "examples": {kind: list(hashes) for kind, hashes in (("good", spec.good), ("bad", spec.bad)) if hashes},
            "attributes": [
                {"name": one.name, "choices": list(one.choices), **({"multiple": True} if one.multiple else {})}
                for one in spec.attributes
            ],
        }
        tables.append({key: value for key, value in row.items() if value})
    return tomli_w.dumps({"category": tables})
