"""What an answer is checked against: the categories, attribute schemas and picture sizes that its kind needs."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.access import CampaignFacts
from label_store import check_answer
from label_store.models import Attribute, CampaignCategory, Category, Image

_DRAWN = ("boxes", "polygons")
Asked = tuple[int, int | None, str]
"""(campaign, category, picture's SHA-256) of an item."""


class AnswerRules:
    """Read once for many answers, and only what the kinds of their campaigns need."""

    def __init__(self, session: Session, campaigns: Iterable[CampaignFacts], items: Sequence[Asked]) -> None:
        self._session = session
        kinds = {campaign.id: campaign.kind for campaign in campaigns}
        self._slugs = self._slugs_of([one for one, kind in kinds.items() if kind == "classify" or kind in _DRAWN])
        self._schemas = self._schemas_of(
            {category for campaign, category, _ in items if category and kinds.get(campaign) == "attributes"}
        )
        self._sizes = self._sizes_of({sha256 for campaign, _, sha256 in items if kinds.get(campaign) in _DRAWN})

    def check(self, campaign: CampaignFacts, category_id: int | None, sha256: str, answer: Any) -> dict[str, Any]:
        """The answer in its normal form. AnswerError with what is wrong."""
        return check_answer(
            campaign.kind,
            answer,
            categories=self._slugs.get(campaign.id, ()),
            attributes=self._schemas.get(category_id or 0, ()),
            size=self._sizes.get(sha256),
        )

    def _slugs_of(self, campaigns: list[int]) -> dict[int, list[str]]:
        slugs: dict[int, list[str]] = {}
        if campaigns:
            rows = self._session.execute(
                select(CampaignCategory.campaign_id, Category.slug)
                .join(Category, Category.id == CampaignCategory.category_id)
                .where(CampaignCategory.campaign_id.in_(campaigns))
                .order_by(CampaignCategory.position)
            )
            for campaign_id, slug in rows:
                slugs.setdefault(campaign_id, []).append(slug)
        return slugs

    def _schemas_of(self, categories: set[int]) -> dict[int, list[dict[str, Any]]]:
        schemas: dict[int, list[dict[str, Any]]] = {}
        if categories:
            rows = self._session.scalars(
                select(Attribute).join(Category).where(Category.id.in_(categories)).order_by(Attribute.position)
            )
            for row in rows:
                schemas.setdefault(row.category_id, []).append(row.as_schema())
        return schemas

    def _sizes_of(self, pictures: set[str]) -> dict[str, tuple[int, int]]:
        if not pictures:
            return {}
        rows = self._session.execute(select(Image.sha256, Image.width, Image.height).where(Image.sha256.in_(pictures)))
        return {sha256: (width, height) for sha256, width, height in rows}
