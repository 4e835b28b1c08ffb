"""What a curator is shown, from the label store: the queries of each category, a sample of what they brought, the rest.

The sample is the pictures with the smallest SHA-256: as good as drawn by lot, and the same each time.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import ColumnElement, and_, distinct, func, select
from sqlalchemy.orm import Session

import imaging
from label_store import UsageError, find_category
from label_store.models import Candidate, Category, Fetch, Image

_NEAR_BITS = 6
_MOST_COMPARED = 100_000


@dataclass(frozen=True)
class Shown:
    """One picture of the sample."""

    sha256: str
    width: int
    height: int
    url: str
    page_url: str | None
    title: str | None
    caption: str | None
    license: str | None
    author: str | None
    near: int
    """Other pictures of the category whose pHash is within 6 bits."""
    thumbnail: bytes = b""
    """JPEG."""


@dataclass(frozen=True)
class QueryPreview:
    """What one source brought for one query (None: it has no queries)."""

    source: str
    query: str | None
    candidates: int
    images: int
    pictures: Sequence[Shown] = ()


@dataclass(frozen=True)
class CategoryPreview:
    """One category."""

    slug: str
    name: str
    definition: str
    candidates: int
    images: int
    look_alikes: int
    """Pictures that look like another one of the category."""
    queries: Sequence[QueryPreview]


@dataclass(frozen=True)
class LeftOut:
    """Addresses that brought no picture, for one reason."""

    source: str
    query: str | None
    reason: str
    addresses: int
    example: str
    detail: str | None
    """Why, of one of them."""


@dataclass(frozen=True)
class Only:
    """What is looked at; None: all of it."""

    category: str | None = None
    source: str | None = None
    query: str | None = None

    def of_fetches(self, session: Session) -> list[ColumnElement[bool]]:
        """Conditions on `fetches`, for what brought no picture."""
        conditions: list[ColumnElement[bool]] = []
        if self.category is not None:
            conditions.append(Fetch.category_id == find_category(session, self.category).id)
        if self.source is not None:
            conditions.append(Fetch.source == self.source)
        if self.query is not None:
            conditions.append(Fetch.query == self.query)
        return conditions


_QUERY = func.coalesce(Candidate.query, Fetch.query)
"""Of a candidate; its fetch's where another category's candidate brought the picture first."""


def counted_by_query(session: Session, only: Only) -> dict[int, list[QueryPreview]]:
    """The sources and queries of each category's id, both with the most candidates first."""
    rows = session.execute(
        select(Candidate.category_id, Fetch.source, _QUERY, func.count(), func.count(distinct(Candidate.image_sha256)))
        .join(Fetch, Fetch.id == Candidate.fetch_id)
        .where(*_conditions(session, only))
        .group_by(Candidate.category_id, Fetch.source, _QUERY)
    )
    groups: dict[int, list[QueryPreview]] = defaultdict(list)
    for category, source, query, candidates, images in rows:
        groups[category].append(QueryPreview(source, query, candidates, images))
    for found in groups.values():
        found.sort(key=lambda one: (-one.candidates, one.source, one.query or ""))
    return dict(sorted(groups.items(), key=lambda item: (-sum(one.candidates for one in item[1]), item[0])))


def _conditions(session: Session, only: Only) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if only.category is not None:
        conditions.append(Candidate.category_id == find_category(session, only.category).id)
    if only.source is not None:
        conditions.append(Fetch.source == only.source)
    if only.query is not None:
        conditions.append(_QUERY.is_not_distinct_from(only.query))
    return conditions


def nothing_found(session: Session, only: Only) -> UsageError:
    """What is said where there is no picture to look at: the nearest names of what was asked for."""
    import difflib

    for what, asked, column in (("source", only.source, Fetch.source), ("query", only.query, Fetch.query)):
        every = select(column).distinct()
        if what == "query" and only.source is not None:
            every = every.where(Fetch.source == only.source)  # a hint that names another source's query leads nowhere
        known = sorted(one for one in session.scalars(every) if one)
        if asked is not None and asked not in known:
            near = difflib.get_close_matches(asked, known, n=3, cutoff=0.4) or known[:5]
            listed = " or ".join(repr(one) for one in near)
            return UsageError(
                f"nothing was collected by the {what} {asked!r}"
                + (f" of {only.source}" if what == "query" and only.source else ""),
                hint=f"did you mean {listed}?" if near else f"nothing has a {what} yet",
            )
    asked_for = f" for {only.category!r}" if only.category else ""
    return UsageError(
        f"no picture was collected{asked_for} yet, so there is nothing to look at",
        hint="`cairn collect --help` lists where pictures come from; `cairn collect status` tells what came",
    )


def category_preview(
    session: Session, category_id: int, only: Only, groups: Sequence[QueryPreview], n: int
) -> CategoryPreview:
    """A category with a sample of at most `n` pictures, spread over its queries."""
    category = session.get_one(Category, category_id)
    near, images = _look_alikes(session, category_id)
    seen: set[str] = set()
    queries = []
    for group, share in zip(groups, shares([one.images for one in groups], n), strict=True):
        pictures: list[Shown] = []
        for one in _sample(session, category_id, group, share + len(seen)) if share else ():
            if one.sha256 not in seen and len(pictures) < share:
                seen.add(one.sha256)
                pictures.append(replace(one, near=near.get(one.sha256, 0)))
        queries.append(replace(group, pictures=pictures))
    return CategoryPreview(
        slug=category.slug,
        name=category.name,
        definition=category.definition or "",
        candidates=sum(one.candidates for one in groups),
        images=images if only == Only(only.category) else sum(one.images for one in groups),
        look_alikes=sum(count > 0 for count in near.values()),
        queries=queries,
    )


def shares(sizes: Sequence[int], n: int) -> list[int]:
    """How many of `n` each group gets: as even as their sizes allow, what one lacks goes to the others."""
    shares = [0] * len(sizes)
    left = n
    while left > 0 and (hungry := [i for i, size in enumerate(sizes) if shares[i] < size]):
        even = max(left // len(hungry), 1)
        for i in hungry[:left]:
            take = min(even, sizes[i] - shares[i])
            shares[i] += take
            left -= take
    return shares


def _sample(session: Session, category_id: int, group: QueryPreview, n: int) -> Iterator[Shown]:
    rows = session.execute(
        select(Image, Fetch, Candidate.caption)
        .select_from(Candidate)
        .join(Fetch, Fetch.id == Candidate.fetch_id)
        .join(Image, Image.sha256 == Candidate.image_sha256)
        .where(
            Candidate.category_id == category_id,
            Fetch.source == group.source,
            _QUERY.is_not_distinct_from(group.query),
        )
        .order_by(Candidate.image_sha256, Candidate.id)
        .limit(n)
    )
    for image, fetch, caption in rows:
        yield Shown(
            sha256=image.sha256,
            width=image.width,
            height=image.height,
            url=fetch.url,
            page_url=fetch.page_url,
            title=fetch.title,
            caption=caption or fetch.caption,
            license=fetch.license,
            author=fetch.author,
            near=0,
        )


def _look_alikes(session: Session, category_id: int) -> tuple[dict[str, int], int]:
    """How many others each picture of a category looks like, and how many pictures there are."""
    rows = session.execute(
        select(Image.sha256, Image.phash, Image.phash_version)
        .join(Candidate, and_(Candidate.image_sha256 == Image.sha256, Candidate.category_id == category_id))
        .distinct()
        .order_by(Image.sha256)
    ).all()
    # Hashes of one kind only: two kinds of one picture differ, and most of a store is of the newest.
    hashed = [(sha256, phash) for sha256, phash, kind in rows if phash is not None and kind == imaging.PHASH_VERSION]
    hashed = hashed[:_MOST_COMPARED]
    if not hashed:
        return {}, len(rows)
    hashes = np.array([imaging.phash_from_hex(phash) for _, phash in hashed], dtype=np.uint64)
    # Equal ones are counted, not paired: a thousand copies of one picture are half a million pairs.
    unique, place, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    near = counts - 1
    pairs, _ = imaging.pairs_within(unique, _NEAR_BITS)
    np.add.at(near, pairs[:, 0], counts[pairs[:, 1]])
    np.add.at(near, pairs[:, 1], counts[pairs[:, 0]])
    return {sha256: int(near[at]) for (sha256, _), at in zip(hashed, place, strict=True)}, len(rows)


def addresses_left_out(session: Session, only: Only) -> list[LeftOut]:
    """By source, query and reason; a category has the addresses that were asked for it first."""
    rows = session.execute(
        select(Fetch.source, Fetch.query, Fetch.error, func.count(), func.min(Fetch.url), func.min(Fetch.detail))
        .where(Fetch.error.is_not(None), *only.of_fetches(session))
        .group_by(Fetch.source, Fetch.query, Fetch.error)
    )
    found = [LeftOut(source, query, reason or "", n, url, detail) for source, query, reason, n, url, detail in rows]
    return sorted(found, key=lambda one: (-one.addresses, one.source, one.query or "", one.reason))
