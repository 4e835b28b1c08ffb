"""What queries brought, from judgments of every kind; which come first, and how a budget is divided."""

from itertools import count
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.yields import Yield, divide, measure, wilson
from label_store import CategorySpec, Workspace, put_category, settle, url_hash
from label_store.models import (
    Campaign,
    CampaignCategory,
    Candidate,
    Fetch,
    Image,
    Item,
    Judgment,
    Person,
    now,
)

_numbers = count(1)


class Scene:
    """A store in which queries brought pictures and people judged them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        with workspace.write() as session:
            self.categories = {name: put_category(session, CategorySpec(name)).id for name in ("whippet", "greyhound")}
            session.add_all(Person(name=f"p{n}") for n in range(3))
            session.flush()
            self.people = [person.id for person in session.query(Person).order_by(Person.id)]

    def brings(
        self, query: str, pictures: int, category: str = "whippet", source: str = "commons", approved: bool = True
    ) -> list[str]:
        with self.workspace.write() as session:
            made = []
            for _ in range(pictures):
                n = next(_numbers)
                sha256, url = f"{n:064x}", f"https://a.example/{n}.jpg"
                session.add(Image(sha256=sha256, bytes=1, format="JPEG", mode="RGB", width=9, height=9))
                session.flush()
                fetch = Fetch(
                    url=url, url_hash=url_hash(url), source=source, status="ok", image_sha256=sha256, query=query
                )
                session.add(fetch)
                session.flush()
                session.add(
                    Candidate(
                        image_sha256=sha256,
                        category_id=self.categories[category],
                        fetch_id=fetch.id,
                        query=query,
                        approved=approved,
                    )
                )
                made.append(sha256)
        return made

    def campaign(
        self,
        pictures: list[str],
        kind: str = "verify",
        gold: dict[str, str] | None = None,
        rule: dict[str, object] | None = None,
        **given: object,
    ) -> list[int]:
        """Items of a campaign that asks about these pictures."""
        with self.workspace.write() as session:
            campaign = Campaign(
                slug=f"c{next(_numbers)}", kind=kind, stopping=rule or {"rule": "fixed", "n": 2}, **given
            )
            session.add(campaign)
            session.flush()
            self.slug = campaign.slug
            for position, category_id in enumerate(self.categories.values()):
                if kind == "classify" or position == 0:
                    session.add(CampaignCategory(campaign_id=campaign.id, category_id=category_id, position=position))
            items = [
                Item(
                    campaign_id=campaign.id,
                    image_sha256=sha256,
                    category_id=self.categories["whippet"] if kind == "verify" else None,
                    gold=gold,
                )
                for sha256 in pictures
            ]
            session.add_all(items)
            session.flush()
            return [item.id for item in items]

    def judge(self, item: int, *answers: str, role: str = "annotator") -> None:
        with self.workspace.write() as session:
            for person, answer in zip(self.people, answers, strict=False):
                told = {"flag": "broken"} if answer == "flag" else {"value": answer}
                session.add(
                    Judgment(
                        id=UUID(int=next(_numbers)),
                        item_id=item,
                        person_id=person,
                        role=role,
                        answer=told,
                        answered_at=now(),
                    )
                )

    def yields(self, *categories: str) -> dict[str, Yield]:
        with self.workspace.read() as session:
            return {one.query: one for one in measure(session, categories or None)}


@pytest.fixture
def scene(any_workspace: Workspace) -> Scene:
    return Scene(any_workspace)


def test_a_query_is_measured_by_its_own_judged_pictures(scene: Scene) -> None:
    good, bad = scene.brings("whippet", 4), scene.brings("whippet dog", 3)
    items = scene.campaign([*good, *bad])
    for n, item in enumerate(items[:5]):
        scene.judge(item, *(["yes"] * 2 if n < 3 else ["no"] * 2))
    found = scene.yields()
    assert (found["whippet"].candidates, found["whippet"].judged, found["whippet"].right) == (4, 4, 3.0)
    assert (found["whippet dog"].candidates, found["whippet dog"].judged, found["whippet dog"].right) == (3, 1, 0.0)
    settle(scene.workspace, scene.slug)
    settled = scene.yields()
    assert settled["whippet"].judged == 4, "what nobody judged has a consensus row and no verdict"
    assert settled["whippet"].right == pytest.approx(3, abs=0.5)
    assert settled["whippet dog"].judged == 1


def test_people_who_differ_count_by_share_and_a_reviewer_decides(scene: Scene) -> None:
    items = scene.campaign(scene.brings("q", 4))
    scene.judge(items[0], "yes", "no")
    scene.judge(items[1], "unsure", "flag")
    scene.judge(items[2], "no", "no")
    scene.judge(items[2], "yes", role="reviewer")
    scene.judge(items[3], "yes", "yes", role="model")
    assert (scene.yields()["q"].judged, scene.yields()["q"].right) == (2, 1.5)


def test_gold_is_known_without_anybody(scene: Scene) -> None:
    scene.campaign(scene.brings("q", 2), gold={"value": "yes"})
    assert (scene.yields()["q"].judged, scene.yields()["q"].right) == (2, 2.0)


def test_a_classify_campaign_tells_of_every_category_that_it_offered(scene: Scene) -> None:
    right, wrong = scene.brings("whippet", 1), scene.brings("greyhound", 2, "greyhound")
    items = scene.campaign([*right, *wrong], "classify")
    scene.judge(items[0], "whippet", "whippet")
    scene.judge(items[1], "whippet", "whippet")
    scene.judge(items[2], "none", "none")
    found = scene.yields()
    assert (found["whippet"].right, found["whippet"].judged) == (1.0, 1)
    assert (found["greyhound"].right, found["greyhound"].judged) == (0.0, 2)
    assert list(scene.yields("greyhound")) == ["greyhound"]


def test_sources_are_measured_apart_and_what_waits_for_moderation_not_at_all(scene: Scene) -> None:
    scene.brings("q", 2)
    scene.brings("q", 3, source="openverse")
    scene.brings("given", 1, approved=False)
    with scene.workspace.read() as session:
        assert [(one.source, one.candidates) for one in measure(session)] == [("commons", 2), ("openverse", 3)]


# Order and division


def of(right: float, judged: int) -> Yield:
    return Yield("c", "s", "q", judged, judged, right)


def test_what_works_is_before_what_is_untried_and_that_before_what_failed() -> None:
    assert of(30, 50).score > of(0, 0).score > of(1, 100).score


def test_the_rate_to_reckon_with_is_imagenet_s_until_people_judge() -> None:
    assert of(0, 0).expected_rate == pytest.approx(0.10)
    assert of(300, 500).expected_rate == pytest.approx(0.59, abs=0.01)
    assert of(0, 0).rate is None
    assert of(0, 0).interval == (0.0, 1.0)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)]
)
def test_wilson_s_interval_as_it_is_tabulated(right: int, n: int, low: float, high: float) -> None:
    assert wilson(right, n) == pytest.approx((low, high), abs=1e-4)


@given(st.floats(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share_and_more_of_the_same_narrows_it(right: float, n: int) -> None:
    right = min(right, n)
    low, high = wilson(right, n)
    assert 0 <= low <= right / n <= high <= 1
    narrower = wilson(right * 4, n * 4)
    assert narrower[1] - narrower[0] <= high - low


@given(st.integers(0, 300), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 100)), max_size=8))
def test_a_budget_is_spent_whole_within_the_rooms_and_more_on_what_scores_more(
    budget: int, pairs: list[tuple[float, int]]
) -> None:
    scores, rooms = [score for score, _ in pairs], [room for _, room in pairs]
    given_ = divide(budget, scores, rooms)
    assert sum(given_) == min(budget, sum(rooms))
    assert all(0 <= one <= room for one, room in zip(given_, rooms, strict=True))
    assert given_ == divide(budget, scores, rooms)
    for a, b in ((a, b) for a in range(len(pairs)) for b in range(len(pairs))):
        if scores[a] > scores[b] and given_[a] < rooms[a]:
            assert given_[a] >= given_[b] - 1
