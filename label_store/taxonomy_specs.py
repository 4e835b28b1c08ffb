"""What a category is, apart from any file or database: its words, its place, its questions, and what is refused."""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from label_store.errors import UsageError

RESERVED = frozenset({"unsure", "none"})
"""Words that are answers by themselves and can be neither a category nor a choice."""

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
"""The shape of a BCP 47 tag."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


def slugify(name: str) -> str:
    """A category's slug: lower case words joined by hyphens; letters of any script are kept."""
    return re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-_")


@dataclass(frozen=True)
class AttributeSpec:
    """One question of a category."""

    name: str
    choices: tuple[str, ...]
    multiple: bool = False

    def check(self, what: str) -> None:
        """Raise UsageError, which names the question as `what`, for one that nobody could be asked."""
        if not self.name:
            raise UsageError(f"{what} needs a name")
        if len(self.name) > 100:
            raise UsageError(f"{what}: a name has at most 100 characters")
        if RESERVED & set(self.choices):
            raise UsageError(f"{what}: 'unsure' and 'none' are no choices", hint="they are answers to every question")
        if len(set(self.choices)) < 2 or "" in self.choices:
            raise UsageError(f"{what} needs at least two choices, and different ones")
        if len(set(self.choices)) < len(self.choices):
            raise UsageError(f"{what} names a choice twice")


@dataclass(frozen=True)
class CategorySpec:
    """A category as a file or command describes it."""

    name: str
    slug: str = ""
    definition: str = ""
    synonyms: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Slugs, or names, of the categories above it."""
    wnid: str | None = None
    guideline: str = ""
    attributes: tuple[AttributeSpec, ...] = ()
    translations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """BCP 47 language -> words."""
    good: tuple[str, ...] = ()
    """SHA-256 of pictures that show what counts as one."""
    bad: tuple[str, ...] = ()
    """SHA-256 of pictures that show what does not."""
    where: str = field(default="", compare=False)
    """File and row it was read from; errors begin with it."""

    @property
    def prefix(self) -> str:
        """How an error about this category begins."""
        return f"{self.where}: " if self.where else ""

    def check(self) -> None:
        """Raise UsageError for what can be known to be wrong without looking at other categories."""
        slug = self.slug or slugify(self.name)
        if not self.name.strip():
            raise UsageError(f"{self.prefix}a category needs a name")
        if slug in RESERVED:
            raise UsageError(
                f"{self.prefix}{slug!r} cannot be a category: it is an answer of its own",
                hint="give another one with slug",
            )
        if slug and slug != slugify(slug):
            raise UsageError(f"{self.prefix}{slug!r} cannot be a slug", hint=f"for instance {slugify(slug)!r}")
        if not slug:
            raise UsageError(
                f"{self.prefix}a category needs a name with a letter or digit in it, not {self.name!r}",
                hint="or a slug of its own",
            )
        for what, text, limit in (("slug", slug, 200), ("name", self.name, 300), ("wnid", self.wnid or "", 20)):
            if len(text) > limit:
                raise UsageError(f"{self.prefix}the {what} {text[:30]!r}… has more than {limit} characters")
        for what, text in self._texts():
            if any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text):
                raise UsageError(f"{self.prefix}the {what} of {slug!r} holds a control character")
        for language in self.translations:
            if not _LANGUAGE.fullmatch(language):
                raise UsageError(f"{self.prefix}{language!r} is not a language", hint="for instance de, zh or pt-BR")
        for sha256 in (*self.good, *self.bad):
            if not _SHA256.fullmatch(sha256):
                raise UsageError(
                    f"{self.prefix}an example is named by its picture's SHA-256, 64 hex digits, not {sha256!r}"
                )
        for attribute in self.attributes:
            attribute.check(f"{self.prefix}attribute {attribute.name!r} of {slug!r}")
        names = [attribute.name for attribute in self.attributes]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"{self.prefix}{slug!r} asks {name!r} twice")

    def _texts(self) -> Iterator[tuple[str, str]]:
        yield "name", self.name
        yield "definition", self.definition
        yield "guideline", self.guideline
        yield from (("synonyms", word) for word in self.synonyms)
        yield from (("translations", word) for words in self.translations.values() for word in words)
        for attribute in self.attributes:
            yield from (("attributes", word) for word in (attribute.name, *attribute.choices))


def refuse_misspelt(word: str, known: Sequence[str], what: str, *, always: bool = False) -> None:
    """Refuse a key that is not known; a column of a spreadsheet only where it is nearly the name of a known one."""
    if word in known:
        return
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
    if near or always:
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise UsageError(f"{what} {word!r} is not known", hint=hint)
