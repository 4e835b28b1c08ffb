"""The preview that a curator looks at before paying people: the categories, their samples, and the thumbnails."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

import imaging
from collector.preview_sample import (
    CategoryPreview,
    LeftOut,
    Only,
    addresses_left_out,
    category_preview,
    counted_by_query,
    nothing_found,
)
from label_store import BlobError, Workspace, find_category
from label_store.models import now

MAX_CATEGORIES = 100
"""Categories shown on one page, those with the most candidates."""
_THUMBNAIL_BYTES = 3_300_000
"""Of all thumbnails together: the page, in which a byte takes four thirds, stays under 5 MB."""
_SIDES = ((240, 16_000), (200, 11_500), (160, 7_500), (128, 5_000))
"""Longest side of a thumbnail in pixels, and the bytes that one takes at most but for rare ones."""
_THREADS = 4

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Preview:
    """Everything on the page."""

    workspace: str
    at: datetime
    categories: Sequence[CategoryPreview]
    categories_not_shown: int
    left_out: Sequence[LeftOut]
    thumbnail_side: int
    not_shown: int
    """Pictures of the sample whose bytes are missing or for which there was no room."""

    @property
    def pictures(self) -> int:
        """Thumbnails on the page."""
        return sum(len(query.pictures) for category in self.categories for query in category.queries)


def make_preview(workspace: Workspace, only: Only, n: int, progress: Progress | None = None) -> Preview:
    """A sample of at most `n` pictures of each category, with thumbnails.

    Raises UsageError for a category, source or query that does not exist, and where there is nothing to look at.
    """
    with workspace.read() as session:
        if only.category is not None:
            only = replace(only, category=find_category(session, only.category).slug)
        counted = counted_by_query(session, only)
        if not counted:
            raise nothing_found(session, only)
        shown = dict(list(counted.items())[:MAX_CATEGORIES])
        each = max(1, min(n, _THUMBNAIL_BYTES // _SIDES[-1][1] // len(shown)))
        categories = [category_preview(session, key, only, groups, each) for key, groups in shown.items()]
        left_out = addresses_left_out(session, only)
    planned = sum(len(query.pictures) for category in categories for query in category.queries)
    side = next((side for side, size in _SIDES if planned * size <= _THUMBNAIL_BYTES), _SIDES[-1][0])
    thumbnails = _thumbnails(workspace, categories, side, planned, progress)
    return Preview(
        workspace=workspace.settings.name,
        at=now(),
        categories=[_with_thumbnails(category, thumbnails) for category in categories],
        categories_not_shown=len(counted) - len(shown),
        left_out=left_out,
        thumbnail_side=side,
        not_shown=sum(
            one.sha256 not in thumbnails
            for category in categories
            for query in category.queries
            for one in query.pictures
        ),
    )


def _thumbnails(
    workspace: Workspace, categories: Sequence[CategoryPreview], side: int, planned: int, progress: Progress | None
) -> dict[str, bytes]:
    """By SHA-256, as many as there is room for; pictures whose bytes are missing have none."""
    wanted = dict.fromkeys(
        one.sha256 for category in categories for query in category.queries for one in query.pictures
    )

    def made(sha256: str) -> tuple[str, bytes]:
        try:
            pixels = imaging.canonical(workspace.blobs.get(sha256), max_pixels=workspace.settings.max_image_pixels)
        except (BlobError, imaging.ImageError):
            return sha256, b""
        return sha256, imaging.thumbnail(pixels, side)

    found: dict[str, bytes] = {}
    size = 0
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="thumbnail") as threads:
        for done, (sha256, thumbnail) in enumerate(threads.map(made, wanted), 1):
            if thumbnail and size + len(thumbnail) <= _THUMBNAIL_BYTES:
                found[sha256] = thumbnail
                size += len(thumbnail)
            if progress is not None:
                progress(done, planned, "")
    return found


def _with_thumbnails(category: CategoryPreview, thumbnails: dict[str, bytes]) -> CategoryPreview:
    queries = [
        replace(
            query,
            pictures=[
                replace(one, thumbnail=thumbnails[one.sha256]) for one in query.pictures if one.sha256 in thumbnails
            ],
        )
        for query in category.queries
    ]
    return replace(category, queries=queries)
