"""What curators do with campaigns and people; the app itself is `annotate_app.app`, which needs a web framework."""

from annotate_app.campaigns import CampaignMade, create_campaign, set_state
from annotate_app.gold import add_gold
from annotate_app.people import add_person, disable, find_person, invite, set_password, set_role
from annotate_app.progress import Progress, campaign_progress

__all__ = [
    "CampaignMade",
    "Progress",
    "add_gold",
    "add_person",
    "campaign_progress",
    "create_campaign",
    "disable",
    "find_person",
    "invite",
    "set_password",
    "set_role",
    "set_state",
]
