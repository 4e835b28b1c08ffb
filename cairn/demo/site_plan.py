"""Decides, before anything is drawn, what is on the demo's site and where: pure, from the seed alone."""

from dataclasses import dataclass
from random import Random
from typing import Any

from cairn.demo.renderer import CATEGORIES, LOOKALIKES, category_of
from cairn.demo.transforms import NEAR_DUPLICATES

__all__ = ["ALL_RIGHTS_RESERVED", "CLOSED_PREFIX", "GALLERIES", "LICENSES", "Gallery", "Planned", "plan_site"]

ALL_RIGHTS_RESERVED = "all-rights-reserved"
LICENSES: dict[str, str] = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
}
AUTHORS: tuple[str, ...] = ("Ada Quist", "Ben Okafor", "Chiara Lund", "Dmitri Vale", "Emi Tanaka", "Farid Nasser")
CLOSED_PREFIX = "/private/"

NEAR_DUPLICATE_SHARE = 0.07
COPY_SHARE = 0.01
WRONG_GALLERY_SHARE = 0.12
WRONG_GALLERY_SHARE_QUICK = 0.18  # with fewer, 250 answers at random pass for poor ones in one site of ten
URL_LIST_SHARE = 0.12
SHOWROOM_SHARE = 0.2  # of the cars: the gallery whose rights are all reserved


@dataclass(frozen=True)
class Gallery:
    """A gallery to be made; `markup` says how its licence is written: a rel=license link, JSON-LD, or both."""

    slug: str
    category: str
    license: str
    markup: str
    closed: bool = False

    @property
    def root(self) -> str:
        """URL path that all its pages begin with."""
        return f"{CLOSED_PREFIX}{self.slug}/" if self.closed else f"/gallery/{self.slug}/"

    @property
    def photos(self) -> str:
        """URL path that all its pictures begin with."""
        return f"{CLOSED_PREFIX}photos/" if self.closed else f"/photos/{self.slug}/"


GALLERIES: tuple[Gallery, ...] = (
    *(
        Gallery(name, name, list(LICENSES)[k % 3], ("rel", "jsonld", "both")[(k + k // 3) % 3])
        for k, name in enumerate(CATEGORIES)
    ),
    Gallery("showroom", "car", ALL_RIGHTS_RESERVED, "jsonld"),
    Gallery("family", "cat", ALL_RIGHTS_RESERVED, "rel", closed=True),
)


@dataclass(frozen=True)
class Planned:
    """One file to be made from drawing `index`, offered in a gallery (its slug) or by the URL list (None)."""

    index: int
    category: str
    """What is really on the drawing."""
    claim: str
    gallery: str | None
    path: str
    transform: str | None = None
    trouble: str | None = None
    kind: str = "jpeg"
    quality: int = 88
    author: str = ""
    license: str = ""


_SUFFIXES = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
_ODD_SUFFIXES = {"png16": ".png", "alpha": ".png", "bomb": ".png"}


def plan_site(seed: int, n: int, quick: bool) -> list[Planned]:
    """About `n` files: originals first by drawing index, each near-duplicate with the index of its original."""
    rng = Random(f"cairn-demo-site-{seed}")
    duplicates, copies = round(n * NEAR_DUPLICATE_SHARE), round(n * COPY_SHARE)
    originals = n - duplicates - copies
    many = 1 if quick else 3
    wrong_share = WRONG_GALLERY_SHARE_QUICK if quick else WRONG_GALLERY_SHARE
    troubles = [kind for kind in ("cmyk", "exif_rotated", "png16", "alpha", "truncated", "text") for _ in range(many)]
    troubles += ["bomb", "wrong_type", "wrong_suffix"]
    private = max(8, n // 100)

    trouble_of = dict(
        zip(sorted(rng.sample(range(originals), len(troubles))), rng.sample(troubles, len(troubles)), strict=True)
    )
    wanted: list[dict[str, Any]] = []
    for index in range(originals):
        category, trouble = category_of(index), trouble_of.get(index)
        claim = category
        if trouble is None and rng.random() < wrong_share:
            near = rng.random() < 0.6
            claim = rng.choice(LOOKALIKES[category] if near else [c for c in CATEGORIES if c != category])
        gallery: str | None = claim
        if trouble is None and rng.random() < URL_LIST_SHARE:
            gallery = None
        elif claim == "car" and rng.random() < SHOWROOM_SHARE:
            gallery = "showroom"
        kind = rng.choices(["jpeg", "png", "webp"], [18, 1, 1])[0] if trouble is None else "jpeg"
        wanted.append({"index": index, "category": category, "claim": claim, "gallery": gallery,
                      "trouble": trouble,
                       "kind": kind, "quality": rng.choice([80, 86, 90, 93])})  # fmt: skip
    sound = [w for w in wanted if w["trouble"] is None]
    for k in range(duplicates):
        origin = rng.choice(sound)
        gallery = None if rng.random() < 0.25 else str(origin["category"])
        wanted.append({**origin, "claim": origin["category"], "gallery": gallery,
                       "transform": NEAR_DUPLICATES[k % len(NEAR_DUPLICATES)]})  # fmt: skip
    for _ in range(copies):
        origin = rng.choice(sound)
        wanted.append({**origin, "claim": origin["category"], "gallery": origin["category"]})
    for k in range(private):
        index = originals + 8 * k + CATEGORIES.index("cat")
        wanted.append({"index": index, "category": "cat", "claim": "cat", "gallery": "family"})
    rng.shuffle(wanted)
    return _placed(wanted, rng)


def _placed(wanted: list[dict[str, Any]], rng: Random) -> list[Planned]:
    """Give each file its URL path, author and licence; sorted by drawing, originals before their duplicates."""
    galleries = {gallery.slug: gallery for gallery in GALLERIES}
    counters = dict.fromkeys([*galleries, None], 0)
    plan = []
    for want in wanted:
        slug = want["gallery"]
        assert slug is None or isinstance(slug, str)
        counters[slug] += 1
        transform, trouble = want.get("transform"), want.get("trouble")
        kind = str(want.get("kind", "jpeg"))
        suffix = ".jpg" if transform or trouble == "wrong_suffix" else _ODD_SUFFIXES.get(str(trouble), _SUFFIXES[kind])
        stem = f"{galleries[slug].photos}{slug}" if slug else "/uploads/u"
        license_id = galleries[slug].license if slug else rng.choice(list(LICENSES))
        plan.append(Planned(**{**want, "path": f"{stem}-{counters[slug]:04d}{suffix}",
                               "author": rng.choice(AUTHORS), "license": license_id}))  # fmt: skip
    return sorted(plan, key=lambda p: (p.index, p.transform or "", p.path))
