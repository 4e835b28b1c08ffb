"""Synthetic photographs and a store that has collected and judged them, written straight into its tables."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from sqlalchemy import select

from label_store import CategorySpec, Origin, Workspace, find_category, ingest, put_category
from label_store.models import Campaign, CampaignCategory, Consensus, Item

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def picture(seed: int, width: int = 96, height: int = 72) -> Image.Image:
    """A picture like no other: smooth coloured blobs, drawn from the seed."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def photo(seed: int, **size: int) -> bytes:
    return jpeg(picture(seed, **size))


def mirrored(seed: int) -> bytes:
    return jpeg(picture(seed).transpose(Image.Transpose.FLIP_LEFT_RIGHT), 80)


def blurred(seed: int) -> bytes:
    return jpeg(picture(seed).filter(ImageFilter.GaussianBlur(1)), 70)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Store:
    """A workspace with one verify campaign over `categories`; `settle` puts a picture and its consensus in."""

    workspace: Workspace
    categories: tuple[str, ...] = ("car", "bus")
    campaigns: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.workspace.write() as session:
            for name in self.categories:
                put_category(session, CategorySpec(name=name, definition=f"a {name} on a road"))
        self.campaign("vehicles", "verify")

    def campaign(self, slug: str, kind: str, categories: Sequence[str] | None = None) -> None:
        with self.workspace.write() as session:
            row = Campaign(slug=slug, kind=kind, stopping={"rule": "fixed", "n": 3}, consensus_version=1)
            session.add(row)
            session.flush()
            for position, name in enumerate(categories or self.categories):
                category = find_category(session, name)
                session.add(CampaignCategory(campaign_id=row.id, category_id=category.id, position=position))
            self.campaigns[slug] = row.id

    def collect(self, data: bytes, *, licence: str | None = "CC0-1.0", url: str = "", page: str = "") -> str:
        """Through the one door by which pictures enter; returns the SHA-256."""
        name = sha256(data)
        address = url or f"https://pictures.example/{name[:12]}.jpg"
        page = page or f"{address}.html"
        origin = Origin("urls", address, license=licence, author="A. Person", page_url=page, fetched_at=AT)
        ingest(self.workspace, data, origin)
        return name

    def answer(
        self,
        name: str,
        category: str | None,
        answer: Mapping[str, Any],
        posterior: Mapping[str, Any],
        *,
        campaign: str = "vehicles",
        state: str = "settled",
        gold: Mapping[str, Any] | None = None,
        version: int = 1,
        n: int = 3,
    ) -> None:
        with self.workspace.write() as session:
            item = session.scalar(
                select(Item).where(
                    Item.campaign_id == self.campaigns[campaign],
                    Item.image_sha256 == name,
                    Item.category_id == (find_category(session, category).id if category else None),
                )
            )
            if item is None:
                item = Item(
                    campaign_id=self.campaigns[campaign],
                    image_sha256=name,
                    category_id=find_category(session, category).id if category else None,
                    gold=dict(gold) if gold else None,
                    state=state,
                    n=n,
                )
                session.add(item)
                session.flush()
            top = max((p for p in posterior.values() if isinstance(p, float)), default=1.0)
            session.add(
                Consensus(
                    item_id=item.id, version=version, state=state, answer=dict(answer), posterior=dict(posterior),
                    risk=1 - top, n=n, method="map-dawid-skene/1", at=AT,
                )
            )  # fmt: skip

    def yes(self, data: bytes, category: str = "car", p: float = 0.99, **collected: Any) -> str:
        """Collect a picture and settle that it shows a category."""
        name = self.collect(data, **collected)
        self.answer(name, category, {"value": "yes"}, {"yes": p, "no": 1 - p})
        return name

    def fill(self, count: int, start: int = 0) -> list[str]:
        """`count` unlike pictures, cars and buses in turn."""
        return [self.yes(photo(start + index), self.categories[index % len(self.categories)]) for index in range(count)]
