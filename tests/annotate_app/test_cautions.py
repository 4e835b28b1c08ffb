"""What a campaign's consensus cautions about, on its page."""

from annotate_app import create_campaign
from label_store import Workspace, find_campaign
from tests.annotate_app.material import add_pictures


def test_cautions_of_the_last_consensus_stand_on_the_campaign_s_page(stocked: Workspace, app):
    add_pictures(stocked, "boat", 2)
    create_campaign(stocked, "boats", "verify", ["boat"])
    curator = app.client("cora")
    assert "may mislead" not in curator.get("/campaigns/boats").text
    with stocked.write() as session:
        find_campaign(session, "boats").cautions = ["3 annotators answer against <the> others"]
    page = curator.get("/campaigns/boats").text
    assert "may mislead" in page
    assert "<li>3 annotators answer against &lt;the&gt; others.</li>" in page
    assert "cairn audit boats" in page
