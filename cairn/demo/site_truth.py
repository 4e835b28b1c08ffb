"""What the demo knows about the picture site it made: of every file's SHA-256, what is on it and its origin.

The truth is kept beside the served folder, never in it. Simulated annotators and the report read it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cairn.demo.transforms import NEAR_DUPLICATES

__all__ = ["GalleryTruth", "PictureTruth", "SiteTruth"]

SERVED = "served"
TRUTH_FILE = "truth.json"
REFUSED = ("truncated", "text", "bomb")


@dataclass(frozen=True)
class PictureTruth:
    """One file of the site."""

    sha256: str
    category: str | None
    """What is really on it (of a duplicate: the original's); None where there is no picture."""
    attributes: dict[str, Any]
    box: tuple[float, float, float, float] | None
    """x, y, width, height of the subject in pixels as a person sees the picture."""
    width: int
    height: int
    duplicate_of: str | None
    transform: str | None
    """One of NEAR_DUPLICATES, or None for an original."""
    trouble: str | None
    """One of ODD_FILES, `wrong_type`, `wrong_suffix`, or None."""
    license: str
    author: str
    claims: dict[str, str]
    """URL path -> the category of the page or row that offers it there."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every URL path the same bytes are served at."""
        return tuple(self.claims)

    @property
    def refused(self) -> bool:
        """Whether a careful collector refuses the bytes."""
        return self.trouble in REFUSED

    @property
    def misplaced(self) -> bool:
        """Whether some page offers it as a category that it is not."""
        return self.category is not None and any(claim != self.category for claim in self.claims.values())


@dataclass(frozen=True)
class GalleryTruth:
    """One gallery: where it starts, what it says it shows, and under which licence."""

    slug: str
    category: str
    path: str
    pages: tuple[str, ...]
    license: str
    closed: bool


@dataclass(frozen=True)
class SiteTruth:
    """The whole site."""

    seed: int
    quick: bool
    pictures: dict[str, PictureTruth]
    thumbnails: dict[str, str]
    """SHA-256 of a thumbnail -> SHA-256 of its picture."""
    galleries: tuple[GalleryTruth, ...]
    closed_prefix: str
    list_path: str
    list_rows: int
    broken_rows: tuple[int, ...]
    """Row numbers of the URL list (first row below the header is 1) that hold no usable URL."""
    closed_rows: tuple[int, ...]
    """Row numbers of the URL list that point into the closed gallery."""
    dead_paths: tuple[str, ...]
    slow_paths: tuple[str, ...]
    content_types: dict[str, str] = field(default_factory=dict)
    """URL path -> a Content-Type that does not fit the bytes."""

    def lookup(self, sha256: str) -> PictureTruth | None:
        """The truth about these bytes, or the picture they are a thumbnail of; None when they are not ours."""
        return self.pictures.get(self.thumbnails.get(sha256, sha256))

    @property
    def near_duplicates(self) -> Iterator[PictureTruth]:
        """Files made from another picture of the site."""
        return (p for p in self.pictures.values() if p.transform in NEAR_DUPLICATES)

    @property
    def reachable(self) -> Iterator[PictureTruth]:
        """Sound pictures that a polite collector can get."""
        return (
            p
            for p in self.pictures.values()
            if not p.refused and any(not path.startswith(self.closed_prefix) for path in p.paths)
        )

    def save(self, path: Path) -> None:
        """Write as JSON with sorted keys."""
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "SiteTruth":
        """Read what `save` wrote; a folder is taken as the one given to `build_site`."""
        raw = json.loads((path / TRUTH_FILE if path.is_dir() else path).read_text(encoding="utf-8"))
        for name in ("broken_rows", "closed_rows", "dead_paths", "slow_paths"):
            raw[name] = tuple(raw[name])
        raw["galleries"] = tuple(GalleryTruth(**{**g, "pages": tuple(g["pages"])}) for g in raw["galleries"])
        raw["pictures"] = {
            sha: PictureTruth(**{**p, "box": tuple(p["box"]) if p["box"] else None})
            for sha, p in raw["pictures"].items()
        }
        return cls(**raw)
