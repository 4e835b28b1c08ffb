"""A recipe: everything a person decides about a release, as one frozen value with every default stated.

Read from TOML, overridden by flags of the same names (`--splits.train`), kept in the manifest in full.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from dataset_builder.errors import RecipeError

Task = Literal["classify", "attributes", "detect", "segment"]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

_STRICT = ConfigDict(extra="forbid")


def _about(text: str) -> dict[str, str]:
    return {"about": text}


@dataclass(frozen=True)
class Splits:
    """Shares of train, val and test, and the seed by which groups are drawn."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    train: Share = field(default=0.8, metadata=_about("Share of train."))
    val: Share = field(default=0.1, metadata=_about("Share of val."))
    test: Share = field(default=0.1, metadata=_about("Share of test."))
    seed: str = field(default="cairn", metadata=_about("Key of the hash by which groups are drawn into splits."))
    fixed: str | None = field(
        default=None, metadata=_about("CSV of sha256, split that wins over the draw (official test sets).")
    )
    unsure: bool = field(
        default=False, metadata=_about("Keep, without a label, what people were unsure of, in a further split unsure.")
    )


@dataclass(frozen=True)
class Duplicates:
    """How near-duplicates are found and how many of a group stay."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    hash: Literal["phash", "dhash"] = field(
        default="phash", metadata=_about("The perceptual hash that proposes pairs: phash or dhash.")
    )
    radius: Annotated[int, Field(ge=0, le=16)] = field(
        default=8, metadata=_about("Bits within which two hashes are a pair to check.")
    )
    keep: Literal["best", "all"] | Annotated[int, Field(ge=1)] = field(
        default="best", metadata=_about("Of a group of duplicates: best, all, or the n best.")
    )
    prefer_licenses: tuple[str, ...] = field(
        default=(), metadata=_about("Of a group a picture under the first of these is kept, whatever its size.")
    )
    against: tuple[str, ...] = field(
        default=(), metadata=_about("Folders, tars or hash lists that the release must not overlap.")
    )
    semantic: str | None = field(
        default=None,
        metadata=_about("Features (`python -m train features`) by which frames of one series stay in one split."),
    )
    cosine: Share = field(default=0.95, metadata=_about("Likeness of features that makes a series."))


@dataclass(frozen=True)
class PixelRecipe:
    """What is done to pixels before they are written."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    size: Annotated[int, Field(ge=1, le=16384)] = field(
        default=256, metadata=_about("Side in pixels; untouched ignores it.")
    )
    mode: Literal["shorter_side", "square", "untouched"] = field(
        default="shorter_side", metadata=_about("How pictures are resized.")
    )
    format: Literal["jpeg", "png", "webp"] = field(default="jpeg", metadata=_about("jpeg, png, or webp (lossless)."))
    quality: Annotated[int, Field(ge=1, le=95)] = field(default=90, metadata=_about("JPEG quality."))
    subsampling: Literal["4:4:4", "4:2:0"] = field(
        default="4:4:4", metadata=_about("Colour of a JPEG: 4:4:4 at full size, 4:2:0 at half of it.")
    )
    background: str = field(default="white", metadata=_about("CSS colour behind transparent pixels."))


@dataclass(frozen=True)
class ShardRecipe:
    """How large one tar may grow."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    bytes: Annotated[int, Field(ge=1024)] = field(default=268_435_456, metadata=_about("Largest tar, bytes."))


@dataclass(frozen=True)
class Recipe:
    """Everything a person decides about a release."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    task: Task = field(
        default="classify", metadata=_about("What a sample must have: a category, attributes, boxes or shapes.")
    )
    campaigns: tuple[str, ...] | None = field(
        default=None, metadata=_about("Campaigns whose settled answers count (absent: all).")
    )
    categories: tuple[str, ...] | None = field(
        default=None, metadata=_about("Categories in the order of their numbers (absent: the campaigns').")
    )
    min_posterior: Share = field(default=0.0, metadata=_about("Least probability of a label."))
    licenses: tuple[str, ...] | None = field(
        default=None, metadata=_about("Licences allowed, as recorded (absent: all).")
    )
    min_side: Count = field(default=0, metadata=_about("Least shorter side of the picture, pixels."))
    max_aspect: Annotated[float, Field(ge=1)] | None = field(
        default=None, metadata=_about("Greatest ratio of the longer side to the shorter (absent: any).")
    )
    attributes: tuple[str, ...] = field(
        default=(), metadata=_about("Settled attributes wanted, NAME or NAME=VALUE; of one name any of its values.")
    )
    per_class_max: Annotated[int, Field(ge=1)] | None = field(
        default=None, metadata=_about("Most samples of a category (absent: no limit).")
    )
    per_class_min: Count = field(default=0, metadata=_about("A category with fewer samples is left out."))
    balance: bool = field(default=False, metadata=_about("As many samples of every category as of the smallest one."))
    multi_label: bool = field(default=False, metadata=_about("Two settled categories on one picture are no dispute."))
    created: str | None = field(
        default=None, metadata=_about("ISO 8601 time of the release (absent: the newest judgment's).")
    )
    splits: Splits = field(default_factory=Splits)
    duplicates: Duplicates = field(default_factory=Duplicates)
    pixels: PixelRecipe = field(default_factory=PixelRecipe)
    shards: ShardRecipe = field(default_factory=ShardRecipe)

    def as_mapping(self) -> dict[str, Any]:
        """The whole recipe as the manifest stores it: plain JSON values, absent keys as None.

        Of files named by an absolute path the mere name: where they lay is nobody's business, and no other's place.
        """
        found = _plain(asdict(self))
        found["splits"]["fixed"] = _named(self.splits.fixed)
        found["duplicates"]["against"] = [_named(path) for path in self.duplicates.against]
        found["duplicates"]["semantic"] = _named(self.duplicates.semantic)
        return found


@dataclass(frozen=True)
class RecipeKey:
    """One key of the recipe: its dotted name, its default and what it means; `kind` is how a flag reads it."""

    name: str
    default: Any
    about: str
    kind: type


def recipe_keys() -> list[RecipeKey]:
    """Every key in the order of the recipe; flags and documentation are made from this."""
    return list(_keys(Recipe, ""))


def recipe_from(mapping: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """A recipe from plain values; RecipeError names the key that is unknown or wrong."""
    try:
        recipe: Recipe = TypeAdapter(Recipe).validate_python(mapping)
    except ValidationError as error:
        raise _wrong_key(error, where) from error
    shares = recipe.splits.train + recipe.splits.val + recipe.splits.test
    if abs(shares - 1) > 1e-6:
        raise RecipeError(
            f"{where}: the shares of train, val and test sum to {shares:g}, not to 1",
            hint="set splits.train, splits.val and splits.test together; 0 leaves a split out",
        )
    for name, slugs in (("categories", recipe.categories), ("campaigns", recipe.campaigns)):
        twice = sorted({slug for slug in slugs or () if (slugs or ()).count(slug) > 1})
        if twice:
            raise RecipeError(f"{where}: {name} names {twice[0]!r} twice", hint="name each once")
    _check_created(recipe.created, where)
    _check_colour(recipe.pixels.background, where)
    return recipe


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; RecipeError names the key that is unknown or wrong."""
    return recipe_from(read_table(path), str(path))


def read_table(path: Path) -> dict[str, Any]:
    """The TOML table of a recipe file, unchecked."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"the recipe {path} cannot be read: {error.strerror}", hint="check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}", hint="mend that line") from error


def with_flags(table: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table with dotted keys (`splits.train`) set; flags that are None leave the table as it is."""
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in table.items()}
    for name, value in flags.items():
        if value is None:
            continue
        section, _, key = name.rpartition(".")
        if section:
            merged.setdefault(section, {})[key] = value
        else:
            merged[key] = value
    return merged


def _named(path: str | None) -> str | None:
    return Path(path).name if path is not None and Path(path).is_absolute() else path


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple | list) else value


def _keys(section: type, prefix: str) -> Iterator[RecipeKey]:
    hints = get_type_hints(section, include_extras=True)
    for entry in fields(section):
        if is_dataclass(hints[entry.name]):
            yield from _keys(hints[entry.name], f"{entry.name}.")
        else:
            yield RecipeKey(prefix + entry.name, entry.default, entry.metadata["about"], _flag_kind(hints[entry.name]))


def _flag_kind(hint: Any) -> type:
    """list for several values, else the plain type that a flag's word is read as (str where it is mixed)."""
    parts = [_bare(part) for part in (get_args(hint) if _is_union(hint) else (hint,)) if part is not type(None)]
    kinds = {list if get_origin(part) is tuple else str if get_origin(part) is Literal else part for part in parts}
    return kinds.pop() if len(kinds) == 1 else str


def _is_union(hint: Any) -> bool:
    return type(None) in get_args(hint) or getattr(get_origin(hint), "__name__", "") in ("Union", "UnionType")


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _wrong_key(error: ValidationError, where: str) -> RecipeError:
    known = [key.name for key in recipe_keys()]
    first = min(error.errors(), key=lambda entry: entry["type"] != "unexpected_keyword_argument")
    name = ".".join(str(part) for part in first["loc"] if not str(part).startswith(("literal", "constrained")))
    if first["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(known)}"
        return RecipeError(f"{where}: there is no key {name!r}", hint=hint)
    given = first.get("input")
    message = str(first["msg"]).replace("Input should", "it should")
    return RecipeError(f"{where}: {name} = {given!r}: {message}", hint="docs/releases.md lists every key")


def _check_created(created: str | None, where: str) -> None:
    try:
        if created is not None:
            datetime.fromisoformat(created)
    except ValueError as error:
        raise RecipeError(
            f"{where}: created = {created!r} is not a time", hint="write 2026-11-23T12:00:00+00:00"
        ) from error


def _check_colour(colour: str, where: str) -> None:
    from PIL import ImageColor

    try:
        ImageColor.getrgb(colour)
    except ValueError as error:
        raise RecipeError(
            f"{where}: pixels.background = {colour!r} is not a colour", hint='write "white" or "#ffffff"'
        ) from error
