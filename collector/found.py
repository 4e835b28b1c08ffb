"""What a source finds, and the interface that every source has: an async stream of candidates."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.digests import digest_kind, has_digest
from collector.errors import FetchFailed
from collector.fetching import Fetcher
from collector.optout import declared
from collector.texts import storable
from label_store import UsageError, find_category, slugify
from label_store.models import Category


@dataclass(frozen=True)
class Candidate:
    """One picture that a source proposes, before anybody fetched it."""

    url: str
    category: str | None = None
    query: str | None = None
    page_url: str | None = None
    title: str | None = None
    caption: str | None = None
    license: str | None = None
    author: str | None = None
    path: Path | None = None
    """Where its bytes lie; only a source of local files sets it."""
    read: Callable[[], bytes] | None = field(default=None, compare=False)
    """What gives its bytes where they lie inside a local file; called in a thread, may raise OSError or FetchFailed."""
    digest: str | None = None
    """The digest, in hex, that its bytes must have."""
    opted_out: str | None = None
    """The directive by which its page keeps pictures out; it is recorded and not fetched."""
    opt_outs: tuple[str, ...] = ()
    """What its page declares (names of OPT_OUTS), also what the curator turned off."""

    @property
    def is_local(self) -> bool:
        """Whether its bytes are on this machine."""
        return self.path is not None or self.read is not None

    def refuse_other_bytes(self, data: bytes) -> None:
        """Raise FetchFailed for bytes that are not those of which the source gave the digest."""
        if self.digest is not None and not has_digest(data, self.digest):
            raise FetchFailed("undecodable", f"the bytes have another {digest_kind(self.digest)} than the list says")

    def storable(self) -> "Candidate":
        """This candidate with every text as the label store can keep it."""
        told = (self.url, self.query, self.page_url, self.title, self.caption, self.license, self.author)
        if all(text is None or text.isprintable() for text in told):
            return self
        return replace(
            self,
            url=storable(self.url),
            query=storable(self.query),
            page_url=storable(self.page_url),
            title=storable(self.title),
            caption=storable(self.caption),
            license=storable(self.license),
            author=storable(self.author),
        )

    def with_gaps_filled(self, other: "Candidate") -> "Candidate":
        """This candidate, knowing also what another mention of the same picture says."""
        return replace(
            self,
            query=self.query or other.query,
            page_url=self.page_url or other.page_url,
            title=self.title or other.title,
            caption=self.caption or other.caption,
            license=self.license or other.license,
            author=self.author or other.author,
            digest=self.digest or other.digest,
            opt_outs=declared(self.opt_outs, other.opt_outs),
        )


@dataclass(frozen=True)
class BadRow:
    """Input that is not a candidate: recorded and counted, never fatal."""

    where: str
    """file:line"""
    why: str
    rows: int = 1


@dataclass(frozen=True)
class PageSeen:
    """A page that a crawl read, or why it could not (a fetch reason)."""

    url: str
    problem: str | None = None
    unknown_category: str | None = None
    """What its path names by the curator's pattern, where that is no category."""


Found = Candidate | BadRow | PageSeen


@dataclass(frozen=True)
class Categories:
    """The taxonomy's slugs, by slug and by name."""

    slugs: Mapping[str, int] = field(default_factory=dict)
    by_name: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, session: Session) -> "Categories":
        """All categories of the label store."""
        rows = session.execute(select(Category.id, Category.slug, Category.name)).all()
        return cls({slug: key for key, slug, _ in rows}, {slugify(name): slug for _, slug, name in rows})

    def resolve(self, word: str) -> str | None:
        """The slug that a word of a file or path means, or None."""
        word = word.strip()
        if word in self.slugs:
            return word
        slug = slugify(word)
        return slug if slug in self.slugs else self.by_name.get(slug)


def require_category(session: Session, categories: Categories, word: str) -> str:
    """The slug of a category named by a person; UsageError offers the nearest ones."""
    return categories.resolve(word) or find_category(session, word).slug


@dataclass(frozen=True)
class Context:
    """What a source is given to work with."""

    fetcher: Fetcher
    categories: Categories
    category: str | None = None
    """The category of everything that says no other."""
    overrides: Collection[str] = ()
    """Opt-outs that the curator turned off by name."""


class Source(Protocol):
    """Where candidates come from. A new source is one module with one class like this."""

    @property
    def name(self) -> str:
        """What `fetches.source` says."""

    def named_categories(self) -> Collection[str]:
        """Categories that the curator named; all must exist before anything is fetched."""

    def check(self, categories: Categories, category: str | None) -> None:
        """Raise UsageError for what can be known to be wrong before anything is fetched."""

    def total(self) -> int | None:
        """How many candidates will come, where that is cheap to know."""

    def candidates(self, context: Context) -> AsyncIterator[Found]:
        """The stream. It may fetch pages through `context.fetcher`; it is read no faster than pictures are got."""


def refuse_unknown(words: Collection[str], where: str) -> None:
    """Raise UsageError that lists categories which do not exist."""
    if words:
        listed = sorted(words)
        shown = ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
        raise UsageError(
            f"{where}: not in the taxonomy: {shown}",
            hint="add what is wanted: "
            + "; ".join(f"cairn taxonomy add {slugify(one) or 'NAME'}" for one in listed[:5])
            + "; or say --category",
        )
