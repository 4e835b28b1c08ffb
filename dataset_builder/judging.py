"""How a campaign's answers came to be, for the card: how many judged, how well they agree, how good they are."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from dataset_builder.store import Asked
from label_store.settle import assess, find_campaign

_DIGITS = 4


@dataclass(frozen=True)
class CampaignFacts:
    """One campaign: people, judgments, Krippendorff's alpha with its 95 % interval (None where undefined).

    cautions: sentences about groups of annotators that may mislead.
    """

    slug: str
    title: str
    kind: str
    method: str
    judgments: int
    annotators: int
    flagged: int
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    median_accuracy: float | None
    cautions: tuple[str, ...] = ()


def campaign_facts(session: Session, campaign: Asked) -> CampaignFacts:
    """Read and compute what the card says of a campaign; annotators stay nameless."""
    method = (campaign.method or "map-dawid-skene").split("/")[0]
    nothing = CampaignFacts(
        campaign.slug, campaign.title, campaign.kind, campaign.method or "none", 0, 0, 0, None, None, None, None
    )
    found = assess(session, find_campaign(session, campaign.slug), method)
    if not found.judgments:
        return nothing
    accuracies = sorted(who.accuracy for who in found.annotators)
    return CampaignFacts(
        slug=campaign.slug,
        title=campaign.title,
        kind=campaign.kind,
        method=campaign.method or found.method,
        judgments=found.judgments,
        annotators=len(found.annotators),
        flagged=sum(bool(who.flags) for who in found.annotators),
        alpha=_rounded(found.alpha),
        alpha_low=_rounded(found.alpha_low),
        alpha_high=_rounded(found.alpha_high),
        median_accuracy=_rounded(accuracies[len(accuracies) // 2]) if accuracies else None,
        cautions=found.cautions,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
