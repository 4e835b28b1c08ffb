"""Every figure of a campaign opens the items behind it: as many as it says, and those."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import event, select

from annotate_app import add_gold, campaign_progress, create_campaign
from annotate_app.exporting import jsonl, rows
from label_store import AttributeSpec, CategorySpec, put_category, settle
from label_store.models import Campaign, Consensus, Item, Judgment, Person, now
from tests.annotate_app.material import add_pictures, set_time_zone
from tests.annotate_app.server import serving
from tests.annotate_app.work import judgment, lease, send

PAGE = {"Accept": "text/html"}
ANSWERS = {"ann": ["yes"] * 6 + ["no"] * 2, "bea": ["yes"] * 5 + ["no"] * 3, "carl": ["yes"] * 4 + ["no"] * 4}
"""What each says of the first, second, ... ordinary item."""


@pytest.fixture
def boats(any_stocked):
    """Twelve pictures in a verify campaign, two of them gold; eight others judged by three people and settled."""
    hashes = add_pictures(any_stocked, "boat", 12)
    rule = {"rule": "fixed", "n": 3}
    create_campaign(any_stocked, "boats", "verify", ["boat"], stopping=rule, gold_rate=0.9)
    add_gold(any_stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes[:2]})
    with any_stocked.read() as session:
        ordinary = session.scalars(select(Item.id).where(Item.gold.is_(None)).order_by(Item.id)).all()
    with serving(any_stocked) as app:
        for name, words in ANSWERS.items():
            client = app.client(name)
            said = dict(zip(ordinary, words, strict=False))
            while items := lease(client, "boats")["items"]:
                batch = [judgment(item["id"], said.get(item["id"], "yes")) for item in items]
                send(client, [entry for entry in batch if entry["item"] not in ordinary[8:]])
                if all(item["id"] in ordinary[8:] for item in items):
                    break
        settle(any_stocked, "boats")
        yield app, ordinary


def shown(client, path):
    answer = client.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def opened(client, query):
    """The items of a list, all its pages."""
    found, path = [], f"/campaigns/boats/items?{query}"
    while path:
        text = shown(client, path)
        found += [int(number) for number in re.findall(r'/items/(\d+)"', text)]
        more = re.search(r'class="button" href="([^"]+)">Next page', text)
        path = more[1].replace("&amp;", "&").split("testserver")[-1] if more else None
    return found


def links(text):
    """Each link to a list of items: the number that it says, and the list's query."""
    found = re.findall(r'href="/campaigns/boats/items\??([^"]*)"[^>]*>\s*([^<]*)<', text)
    return [(words.strip().replace("\u202f", ""), query.replace("&amp;", "&")) for query, words in found]


def test_each_number_of_the_dashboard_is_the_length_of_the_list_behind_it(boats):
    app, _ = boats
    cora = app.client("cora")
    page = shown(cora, "/campaigns/boats")
    counted = 0
    for words, query in links(page):
        listed = opened(cora, query)
        assert len(listed) == len(set(listed))
        of_judgments = any(part in query for part in ("judged=true", "recent=true", "annotator=", "answer=yes"))
        number = re.fullmatch(r"(\d+)( (?!min|h|%).*)?", words)  # no share, no time
        if number and not of_judgments:
            assert len(listed) == int(number[1]), (words, query)
            counted += 1
    assert counted >= 8
    assert re.search(r"<svg class=\"days\".*day=\d{4}-\d\d-\d\d", page, re.DOTALL)


def test_lists_about_judgments_hold_what_they_say(boats):
    app, ordinary = boats
    cora = app.client("cora")
    said = {name: dict(zip(ordinary, words, strict=False)) for name, words in ANSWERS.items()}
    split = [item for item in ordinary[:8] if len({words[item] for words in said.values()}) > 1]
    assert opened(cora, "disagree=true") == split
    assert opened(cora, "disagree=true&annotator=ann") == []
    assert [item for item in opened(cora, "said=no&annotator=bea") if item in ordinary] == ordinary[5:8]
    assert opened(cora, "enough=false") == ordinary[8:]
    assert opened(cora, "enough=true") == []
    assert len(opened(cora, "recent=true")) == len(opened(cora, "judged=true")) >= 8
    today = now().date()
    assert opened(cora, f"day={today}") == opened(cora, "judged=true")
    assert opened(cora, f"day={today + timedelta(days=1)}") == []
    assert opened(cora, "under_ms=701&annotator=ann") == opened(cora, "annotator=ann")
    assert opened(cora, "under_ms=700") == []
    assert opened(cora, "category=cup") == []


@pytest.mark.parametrize("day", ["9999-12-31", "10000-01-01", "2026-02-30"])
def test_a_day_that_no_list_can_be_of_is_refused_with_a_sentence(boats, day):
    app, _ = boats
    cora = app.client("cora")
    answer = cora.get(f"/campaigns/boats/items?day={day}")
    assert (answer.status_code, "day" in answer.json()["detail"]) == (422, True)
    assert opened(cora, "day=9999-12-30") == []
    assert opened(cora, "day=0001-01-01") == []


@pytest.mark.parametrize("order", ["id", "risk"])
def test_missed_gold_is_found_some_at_a_time_and_listed_page_after_page(any_stocked, monkeypatch, order):
    hashes = add_pictures(any_stocked, "boat", 9)
    create_campaign(any_stocked, "boats", "verify", ["boat"])
    add_gold(any_stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes})
    with any_stocked.write() as session:
        ann = session.scalars(select(Person.id).where(Person.name == "ann")).one()
        gold = session.scalars(select(Item).order_by(Item.id)).all()
        version = session.scalars(select(Campaign.consensus_version)).one()
        for k, item in enumerate(gold):
            said = {"value": "no" if k in (0, 4, 5) else "yes"}
            session.add(Judgment(id=uuid4(), item_id=item.id, person_id=ann, answer=said, answered_at=now()))
            more = {"state": "settled", "posterior": {}, "n": 1, "method": "majority"}
            session.add(Consensus(item_id=item.id, version=version, answer=said, risk=k % 4 / 10, **more))
        rows = [(-(k % 4), item.id) for k, item in enumerate(gold) if k not in (0, 4, 5)]
        missed, riskiest = [item for _, item in rows], [item for _, item in sorted(rows)]
    monkeypatch.setattr("annotate_app.item_list._GOLD_AT_ONCE", 2)
    monkeypatch.setattr("annotate_app.item_list.PAGE", 4)
    monkeypatch.setattr("annotate_app.item_list.items.__kwdefaults__", {"after": 0, "order": "id", "n": 4})
    longest = []
    event.listen(
        any_stocked.engine,
        "before_cursor_execute",
        lambda _connection, _cursor, sql, parameters, *_: longest.append(len(parameters)) if "gold" in sql else None,
    )
    with serving(any_stocked) as app:
        found = opened(app.client("cora"), f"missed=true&annotator=ann&order={order}")
    assert found == (missed if order == "id" else riskiest)
    assert 0 < max(longest) <= 8


@pytest.mark.parametrize(
    "question",
    ["colour, main", "{colour}", 'the "colour"', "colour", "couleur été", "back\\slash", "$.a[0]"],
    ids=["comma", "braces", "quotes", "plain", "accents", "backslash", "path"],
)
def test_a_question_is_found_by_its_name_whatever_is_in_it(any_stocked, question):
    with any_stocked.write() as session:
        asked = (AttributeSpec(question, ("red", "blue")),)
        put_category(session, CategorySpec(name="Boat", definition="a vessel", attributes=asked))
    hashes = add_pictures(any_stocked, "boat", 2)
    create_campaign(any_stocked, "boats", "attributes", ["boat"], images=hashes, stopping={"rule": "fixed", "n": 1})
    with serving(any_stocked) as app:
        ann, cora = app.client("ann"), app.client("cora")
        red, blue = sorted(item["id"] for item in lease(ann, "boats")["items"])
        said = ((red, "red"), (blue, "blue"))
        send(ann, [judgment(item) | {"answer": {"values": {question: word}}} for item, word in said])
        settle(any_stocked, "boats")
        for item, word in said:
            query = str(httpx.QueryParams(question=question, said=word))
            assert opened(cora, query) == [item]
            assert opened(cora, query.replace("said", "answer")) == [item]


def test_settled_items_come_the_riskiest_first_page_after_page(boats, monkeypatch):
    app, _ = boats
    monkeypatch.setattr("annotate_app.item_list.PAGE", 3)
    monkeypatch.setattr("annotate_app.item_list.items.__kwdefaults__", {"after": 0, "order": "id", "n": 3})
    cora = app.client("cora")
    riskiest = opened(cora, "state=settled&order=risk")
    assert sorted(riskiest) == opened(cora, "state=settled")
    text = "".join(shown(cora, f"/campaigns/boats/items/{item}") for item in riskiest)
    risks = [float(risk) for risk in re.findall(r"risk ([\d.]+) %", text)]
    assert risks == sorted(risks, reverse=True)
    assert len(risks) == len(riskiest)


def test_each_number_of_a_person_s_page_opens_what_it_counts(boats):
    app, _ = boats
    cora = app.client("cora")
    page = shown(cora, "/campaigns/boats/annotator?name=bea")
    cells = [(words, query) for words, query in links(page) if words.isdigit() and "flagged" not in query]
    assert len(cells) >= 4
    for words, query in cells:
        assert len(opened(cora, query)) == int(words), query


def test_days_and_exported_times_are_utc_whatever_the_server_s_time_zone(any_stocked):
    add_pictures(any_stocked, "boat", 2)
    made = create_campaign(any_stocked, "boats", "verify", ["boat"])
    late, early = now().replace(hour=23, minute=30), now().replace(hour=0, minute=30)
    with any_stocked.write() as session:
        ann = session.scalars(select(Person.id).where(Person.name == "ann")).one()
        for item, at in zip(session.scalars(select(Item).order_by(Item.id)).all(), (late, early), strict=True):
            item.n = 1
            yes = {"value": "yes"}
            session.add(
                Judgment(id=uuid4(), item_id=item.id, person_id=ann, answer=yes, answered_at=at, received_at=at)
            )
    set_time_zone(any_stocked, "Asia/Tokyo")
    with any_stocked.read() as session:
        progress = campaign_progress(session, session.get_one(Campaign, made.id), now())
    assert progress.days == ((now().date().isoformat(), 2),)
    told = [row["answered_at"] for row in rows(any_stocked.read, made.id)]
    lines = [json.loads(line) for line in "".join(jsonl(any_stocked.read, made.id)).splitlines()]
    assert lines == [row | {"answer": row["answer"]["value"]} for row in rows(any_stocked.read, made.id)]
    assert told == [at.isoformat(timespec="milliseconds").replace("+00:00", "Z") for at in (late, early)]
