"""Builds the demo's picture site in a folder: what is served in `served/`, the truth about it in `truth.json`."""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from os import cpu_count
from pathlib import Path
from random import Random

from PIL import Image

from cairn.demo.renderer import render
from cairn.demo.site_pages import (
    BASE,
    LIST_PATH,
    SLOW_PAGE,
    SLOW_PICTURE,
    Offer,
    gallery_pages,
    home,
    robots,
    sitemap,
    url_list,
)
from cairn.demo.site_plan import CLOSED_PREFIX, GALLERIES, Planned, plan_site
from cairn.demo.site_server import PictureSite
from cairn.demo.site_truth import REFUSED, SERVED, TRUTH_FILE, GalleryTruth, PictureTruth, SiteTruth
from cairn.demo.transforms import ODD_FILES, Encoded, encode, near_duplicate, odd_file, thumbnail

__all__ = ["BASE", "FULL", "QUICK", "PictureSite", "SiteTruth", "build_site"]

FULL, QUICK = 1600, 480
DEAD_LINKS = (
    "/photos/gone/sold.jpg",
    "/photos/gone/moved.jpg",
    "/uploads/lost-1.jpg",
    "/uploads/lost-2.png",
    "/uploads/lost-3.jpg",
)

Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Made:
    """A file that was written, with the truth about it."""

    planned: Planned
    truth: PictureTruth
    thumb: str | None
    thumb_sha256: str | None


def build_site(
    folder: Path,
    seed: int,
    quick: bool = False,
    *,
    pictures: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> SiteTruth:
    """Draw and write a picture site of about 1,600 files (480 when `quick`, or `pictures`) into `folder`.

    What `folder` held under `served/` is replaced. The same seed and size give the same bytes on any number of
    `workers` (default: one a core, at most eight; 1 stays in this process).
    """
    n = pictures or (QUICK if quick else FULL)
    plan = plan_site(seed, n, quick)
    served = folder / SERVED
    if served.exists():
        shutil.rmtree(served)
    for name in {Path(p.path).parent for p in plan}:
        (served / name.relative_to("/")).mkdir(parents=True)
        (served / "thumbs" / name.relative_to("/")).mkdir(parents=True)

    made: list[Made] = []
    for batch in _drawn(plan, seed, served, workers or min(8, cpu_count() or 1)):
        made += batch
        if progress is not None:
            progress(len(made), len(plan), "drawing pictures")
    truth = _describe(made, served, seed, quick)
    truth.save(folder / TRUTH_FILE)
    return truth


def _drawn(plan: Sequence[Planned], seed: int, served: Path, workers: int) -> Iterator[list[Made]]:
    """Batches of files, in the order of the plan."""
    drawings = [list(group) for _, group in groupby(plan, key=lambda p: p.index)]
    batches = [(seed, served, drawings[i : i + 24]) for i in range(0, len(drawings), 24)]
    if workers == 1:
        yield from map(_draw_batch, batches)
        return
    # A fresh interpreter for each worker: forking a process that may hold threads and locks is not safe.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_batch, batches)


def _draw_batch(batch: tuple[int, Path, list[list[Planned]]]) -> list[Made]:
    seed, served, drawings = batch
    return [made for drawing in drawings for made in _draw(seed, served, drawing)]


def _draw(seed: int, served: Path, files: Sequence[Planned]) -> Iterator[Made]:
    """Draw one picture and write every file that is made of it."""
    rendered = render(seed, files[0].index, files[0].category)
    original: str | None = None
    for planned in files:
        if planned.transform:
            rng = Random(f"{seed}{planned.path}")
            encoded = near_duplicate(rendered.image, rendered.box, planned.transform, rng)
        elif planned.trouble in ODD_FILES:
            encoded = odd_file(rendered.image, rendered.box, planned.trouble)
        elif planned.trouble == "wrong_suffix":
            encoded = encode(rendered.image, rendered.box, "png")
        else:
            encoded = encode(rendered.image, rendered.box, planned.kind, planned.quality)
        sha256 = _write(served, planned.path, encoded)
        if planned.transform is None:
            original = sha256
        thumb = thumb_sha = None
        if planned.trouble not in REFUSED:
            thumb = "/thumbs" + planned.path.rsplit(".", 1)[0] + ".jpg"
            shown = Image.open(io.BytesIO(encoded.data)).convert("RGB") if planned.transform else rendered.image
            thumb_sha = _write(served, thumb, thumbnail(shown))
        no_picture = planned.trouble in REFUSED
        truth = PictureTruth(
            sha256=sha256,
            category=None if no_picture else rendered.category,
            attributes={} if no_picture else rendered.attributes,
            box=None if no_picture else encoded.box,
            width=encoded.width,
            height=encoded.height,
            duplicate_of=original if planned.transform else None,
            transform=planned.transform,
            trouble=planned.trouble,
            license=planned.license,
            author=planned.author,
            claims={planned.path: planned.claim},
        )
        yield Made(planned, truth, thumb, thumb_sha)


def _write(served: Path, path: str, encoded: Encoded) -> str:
    (served / path.lstrip("/")).write_bytes(encoded.data)
    return hashlib.sha256(encoded.data).hexdigest()


def _offer(made: Made) -> Offer:
    planned, truth = made.planned, made.truth
    return Offer(planned.path, planned.claim, planned.license, planned.author, truth.width, truth.height, made.thumb)


def _describe(made: Sequence[Made], served: Path, seed: int, quick: bool) -> SiteTruth:
    """Write the pages and lists about the files, and put the truth together."""
    ordered = sorted(made, key=lambda m: m.planned.path)
    pages: dict[str, str] = {}
    galleries = []
    for gallery in GALLERIES:
        offers = [_offer(m) for m in ordered if m.planned.gallery == gallery.slug]
        if gallery.slug == "bus":
            offers.insert(0, Offer(SLOW_PICTURE, "bus", gallery.license, "Ada Quist", 128, 128, None))
        if gallery.slug == "car":
            offers += [Offer(path, "car", gallery.license, "Ada Quist", 128, 128, None) for path in DEAD_LINKS[:2]]
        own = gallery_pages(gallery, offers)
        pages |= own
        galleries.append(
            GalleryTruth(gallery.slug, gallery.category, gallery.root, tuple(own), gallery.license, gallery.closed)
        )

    listed = [_offer(m) for m in ordered if m.planned.gallery is None]
    listed += [_offer(m) for m in ordered if m.planned.gallery == "boat"][:3]  # also met on their gallery's pages
    closed = [_offer(m) for m in ordered if m.planned.path.startswith(CLOSED_PREFIX)][:2]
    table, rows, broken, closed_rows = url_list(listed, DEAD_LINKS[2:], closed)
    open_pages = ["/", *(path for path in pages if not path.startswith(CLOSED_PREFIX))]
    pages |= {"/": home(), "/robots.txt": robots(), "/sitemap.xml": sitemap(open_pages), LIST_PATH: table}
    for path, text in pages.items():
        target = served / (path.lstrip("/") + ("index.html" if path.endswith("/") else ""))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    pictures: dict[str, PictureTruth] = {}
    for m in made:
        known = pictures.get(m.truth.sha256)
        if known is not None:
            known.claims.update(m.truth.claims)
        else:
            pictures[m.truth.sha256] = m.truth
    types = {m.planned.path: "application/octet-stream" for m in made if m.planned.trouble == "wrong_type"}
    return SiteTruth(
        seed=seed,
        quick=quick,
        pictures=pictures,
        thumbnails={m.thumb_sha256: m.truth.sha256 for m in reversed(made) if m.thumb_sha256},
        galleries=tuple(galleries),
        closed_prefix=CLOSED_PREFIX,
        list_path=LIST_PATH,
        list_rows=rows,
        broken_rows=broken,
        closed_rows=closed_rows,
        dead_paths=DEAD_LINKS,
        slow_paths=(SLOW_PAGE, SLOW_PICTURE),
        content_types=types,
    )
