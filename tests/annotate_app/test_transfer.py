"""Judgments into a campaign in the browser: the same as the command, by those who may, up to a size."""

import html

import pytest
from sqlalchemy import select

from annotate_app import create_campaign
from annotate_app.exporting import csv_lines
from label_store.models import Event, Item, Judgment, Person
from tests.annotate_app.material import add_pictures

PAGE = {"Accept": "text/html"}


@pytest.fixture
def boats(stocked):
    add_pictures(stocked, "boat", 3)
    create_campaign(stocked, "boats", "verify", ["boat"])
    with stocked.read() as session:
        return session.scalars(select(Item.id).order_by(Item.id)).all()


def upload(client, content, name="old.csv", **fields):
    files = {"file": (name, content)}
    answer = client.post("/campaigns/boats/import", files=files, data=fields, headers=PAGE)
    return answer.status_code, html.unescape(answer.text)


def test_a_file_is_taken_and_its_bad_rows_are_told_with_place_and_reason(stocked, app, boats):
    cora = app.client("cora")
    assert 'action="/campaigns/boats/import"' in cora.get("/campaigns/boats", headers=PAGE).text
    table = f"item,annotator,answer\n{boats[0]},ann,yes\n{boats[1]},zoe,perhaps\n{boats[2]},zoe,no\n999,zoe,no\n"
    status, page = upload(cora, table)
    assert status == 200
    assert "2 judgments taken, 0 known already, 2 refused" in page
    assert '<th scope="row">line 3</th>' in page
    assert "the campaign has no item '999'" in page
    assert "0 judgments taken, 2 known already, 2 refused" in upload(cora, table)[1]
    with stocked.read() as session:
        said = {row.item_id: row.answer for row in session.scalars(select(Judgment))}
        assert said == {boats[0]: {"value": "yes"}, boats[2]: {"value": "no"}}
        event = session.scalars(select(Event).where(Event.action == "campaign.import")).first()
        cora_id = session.scalars(select(Person.id).where(Person.name == "cora")).one()
        assert (event.person_id, event.detail["file"]) == (cora_id, "old.csv")


def test_what_the_campaign_wrote_is_known_to_it_in_the_browser_too(stocked, app, boats):
    cora = app.client("cora")
    upload(cora, f"item,answer\n{boats[0]},yes\n", annotator="maria", role="reviewer")
    with stocked.read() as session:
        campaign_id = session.scalars(select(Item.campaign_id)).first()
    written = "".join(csv_lines(stocked.read, campaign_id))
    assert "maria" in written
    assert "0 judgments taken, 1 known already, 0 refused" in upload(cora, written)[1]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"a,b\n1,2\n", "old.csv", "old.csv has no column 'item'"),
        (b"[{", "../../etc/old.json", "old.json is not JSON"),
        (b"", "", "no file was chosen"),
        (b"PK\x03\x04 broken", "labels.zip", "labels.zip"),
    ],
    ids=["columns", "json", "nothing", "archive"],
)
def test_a_file_that_cannot_be_read_is_a_sentence_that_names_no_folder_of_the_server(
    app, boats, content, name, sentence
):
    status, page = upload(app.client("cora"), content, name)
    assert status in (200, 400)
    assert sentence.lower() in page.lower()
    assert "/tmp" not in page


def test_a_file_may_have_a_name_that_is_too_long_for_a_disk(app, boats):
    table = f"item,annotator,answer\n{boats[0]},ann,yes\n"
    assert "1 judgment taken" in upload(app.client("cora"), table, "标注" * 100 + ".csv")[1]


def test_only_curators_import_and_only_what_a_page_can_wait_for(app, boats, monkeypatch):
    monkeypatch.setattr("annotate_app.routes.transfer.MOST_BYTES", 1000)
    table = f"item,annotator,answer\n{boats[0]},ann,yes\n"
    assert upload(app.client("ann"), table)[0] == 403
    cora = app.client("cora")
    assert upload(cora, table + "x" * 2000)[0] == 413
    assert cora.post("/campaigns/boats/import", data={"file": table}, headers=PAGE).status_code == 415
    assert upload(cora, table)[0] == 200
