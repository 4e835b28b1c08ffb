"""All tables of the label store."""

from label_store.models.base import Base, now
from label_store.models.campaigns import (
    CAMPAIGN_STATES,
    ITEM_ORDERS,
    ITEM_STATES,
    JUDGMENT_ROLES,
    KINDS,
    Campaign,
    CampaignCategory,
    CampaignFigures,
    Consensus,
    Item,
    Judgment,
    Lease,
    Prediction,
    Tally,
)
from label_store.models.contributions import CONTRIBUTION_STATES, DECLINE_REASONS, Contribution, Submission
from label_store.models.people import ROLES, Event, Invitation, LoginSession, Person
from label_store.models.pictures import FETCH_REASONS, FETCH_STATES, Candidate, Fetch, Image, Takedown
from label_store.models.releases import SPLITS, UNSURE, Release, ReleaseImage
from label_store.models.taxonomy import Attribute, Category, CategoryParent

__all__ = [
    "CAMPAIGN_STATES",
    "CONTRIBUTION_STATES",
    "DECLINE_REASONS",
    "FETCH_REASONS",
    "FETCH_STATES",
    "ITEM_ORDERS",
    "ITEM_STATES",
    "JUDGMENT_ROLES",
    "KINDS",
    "ROLES",
    "SPLITS",
    "UNSURE",
    "Attribute",
    "Base",
    "Campaign",
    "CampaignCategory",
    "CampaignFigures",
    "Candidate",
    "Category",
    "CategoryParent",
    "Consensus",
    "Contribution",
    "Event",
    "Fetch",
    "Image",
    "Invitation",
    "Item",
    "Judgment",
    "Lease",
    "LoginSession",
    "Person",
    "Prediction",
    "Release",
    "ReleaseImage",
    "Submission",
    "Takedown",
    "Tally",
    "now",
]
