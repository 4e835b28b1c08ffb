"""What the judgments of a campaign say: the value that `settle` keeps and commands and pages show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from label_store.settle_annotators import AnnotatorReport
from label_store.settle_items import ItemConsensus

STATES = ("open", "settled", "disputed")


@dataclass(frozen=True)
class Assessment:
    """Items, annotators and agreement of a campaign; `cautions` are sentences about a group that may mislead."""

    campaign: str
    kind: str
    method: str
    items: tuple[ItemConsensus, ...]
    annotators: tuple[AnnotatorReport, ...]
    judgments: int
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None
    label_error: float | None
    label_error_low: float | None
    label_error_high: float | None
    version: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    cautions: tuple[str, ...] = ()
