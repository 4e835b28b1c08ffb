"""The page that a curator looks at before paying people: what is on it, what is not, and that it reads everywhere."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from cairn.cli import run
from collector.preview import MAX_CATEGORIES, Preview, make_preview
from collector.preview_page import page
from collector.preview_sample import Only, shares
from imaging import PHASH_VERSION
from label_store import (
    CategorySpec,
    Failure,
    Origin,
    UsageError,
    Workspace,
    ingest,
    put_category,
    record_failure,
    take_down,
)
from label_store.models import Image
from tests.annotate_app.conftest import browser  # noqa: F401  the same Chromium
from tests.collector.site import jpeg

NASTY = '<script>alert(1)</script> "quoted" & ]]> ‮'


@pytest.fixture
def filled(store: Workspace) -> Workspace:
    """Cars by two queries, dogs by none; two cars are the same picture in other bytes."""
    rows = [("car", "red car", 1), ("car", "red car", 2), ("car", "toy car", 3), ("dog", None, 4)]
    for category, query, seed in rows:
        origin = Origin(
            "apis", f"https://h.example/{seed}.jpg", category=category, query=query, caption=NASTY, license="CC0-1.0",
            page_url="javascript:alert(1)" if seed == 1 else f"https://h.example/{seed}", author=NASTY,
        )  # fmt: skip
        ingest(store, jpeg(seed, 400), origin)
    ingest(store, jpeg(1, 300), Origin("apis", "https://h.example/1s.jpg", category="car", query="red car"))
    with store.write() as session:
        asked = Origin("apis", "https://h.example/x.jpg", category="car", query="red car")
        record_failure(session, asked, Failure("robots", NASTY))
        record_failure(session, Origin("apis", "https://h.example/y.jpg"), Failure("http_4xx", "answered 404"))
    return store


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(made: Preview, name: str) -> list[dict[str, str | None]]:
    parser = _Tags()
    parser.feed(page(made))
    return [attributes for tag, attributes in parser.tags if tag == name]


def test_every_query_shows_what_it_brought(filled: Workspace) -> None:
    made = make_preview(filled, Only(), 60)
    shown = {(one.slug, query.query): len(query.pictures) for one in made.categories for query in one.queries}
    assert shown == {("car", "red car"): 3, ("car", "toy car"): 1, ("dog", None): 1}
    car = made.categories[0]
    assert (car.candidates, car.images, car.look_alikes) == (4, 4, 2)
    assert sorted(one.near for one in car.queries[0].pictures) == [0, 1, 1]
    assert {(one.query, one.reason, one.addresses) for one in made.left_out} == {
        ("red car", "robots", 1), (None, "http_4xx", 1),
    }  # fmt: skip


def test_texts_from_outside_are_only_texts(filled: Workspace) -> None:
    made = make_preview(filled, Only(), 60)
    assert not tags(made, "script")
    assert all((link["href"] or "").startswith(("#", "https://")) for link in tags(made, "a"))
    assert "&lt;script&gt;" in page(made)
    (policy,) = [one for one in tags(made, "meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in (policy["content"] or "")


def test_the_page_needs_nothing_else(filled: Workspace) -> None:
    made = make_preview(filled, Only(), 60)
    images = tags(made, "img")
    assert len(images) == made.pictures == 5
    assert all((one["src"] or "").startswith("data:image/jpeg;base64,") and one["alt"] for one in images)
    assert not tags(made, "link")


def test_hashes_of_an_earlier_kind_make_no_look_alikes(filled: Workspace) -> None:
    with filled.write() as session:
        session.execute(update(Image).values(phash_version=PHASH_VERSION - 1))
    assert make_preview(filled, Only(), 60).categories[0].look_alikes == 0


def test_one_category_source_or_query_can_be_looked_at_alone(filled: Workspace) -> None:
    assert make_preview(filled, Only(category="dog"), 60).pictures == 1
    assert make_preview(filled, Only(query="toy car"), 60).pictures == 1
    assert make_preview(filled, Only(category="car", source="apis", query="red car"), 60).pictures == 3
    assert {one.reason for one in make_preview(filled, Only(category="car"), 60).left_out} == {"robots"}


@pytest.mark.parametrize(
    ("only", "hint"),
    [(Only(category="cra"), "'car'"), (Only(query="red cra"), "'red car'"), (Only(source="api"), "'apis'")],
)
def test_a_name_that_does_not_exist_offers_the_nearest(filled: Workspace, only: Only, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        make_preview(filled, only, 60)
    assert hint in error.value.hint


def test_a_hint_never_names_another_sources_query(filled: Workspace) -> None:
    ingest(filled, jpeg(9, 300), Origin("crawl", "https://h.example/9.jpg", category="car"))
    with pytest.raises(UsageError, match="query 'red car' of crawl") as error:
        make_preview(filled, Only(source="crawl", query="red car"), 60)
    assert "red car" not in error.value.hint


def test_nothing_to_look_at_is_one_sentence(store: Workspace) -> None:
    with pytest.raises(UsageError, match="nothing to look at"):
        make_preview(store, Only(category="boat"), 60)


def test_a_picture_without_its_bytes_is_counted_not_shown(filled: Workspace) -> None:
    (dog,) = make_preview(filled, Only(category="dog"), 60).categories[0].queries[0].pictures
    take_down(filled, sha256=dog.sha256, reason="asked")
    made = make_preview(filled, Only(), 60)
    assert dog.sha256 not in {one.sha256 for c in made.categories for q in c.queries for one in q.pictures}


def test_many_categories_stay_under_five_megabytes(store: Workspace) -> None:
    with store.write() as session:
        for n in range(MAX_CATEGORIES + 5):
            put_category(session, CategorySpec(f"kind {n:03}"))
    for n in range(MAX_CATEGORIES + 5):
        for k in range(2 if n < 8 else 1):
            origin = Origin("apis", f"http://h/{n}-{k}.jpg", category=f"kind-{n:03}", query=NASTY * 3, caption=NASTY)
            ingest(store, jpeg(1000 + 2 * n + k, 200), origin)
    made = make_preview(store, Only(), 60)
    assert (len(made.categories), made.categories_not_shown) == (MAX_CATEGORIES, 5)
    shown = page(made)
    assert len(shown.encode()) < 5_000_000
    assert f"in {MAX_CATEGORIES} categories, those with the most of {MAX_CATEGORIES + 5}" in shown
    assert made.pictures == MAX_CATEGORIES + 8


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(0, 100))
def test_shares_are_even_and_waste_nothing(sizes: list[int], n: int) -> None:
    given_to = shares(sizes, n)
    assert sum(given_to) == min(n, sum(sizes))
    assert all(share <= size for share, size in zip(given_to, sizes, strict=True))
    hungry = [share for share, size in zip(given_to, sizes, strict=True) if share < size]
    if hungry:
        assert max(given_to) - min(hungry) <= 1


def test_the_command_writes_the_page_and_says_where(
    filled: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAIRN_WORKSPACE", str(filled.folder))
    assert (
        run(["collect", "preview", "--category", "car", "--n", "2", "--out", str(tmp_path / "p.html"), "--json"]) == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["pictures"], told["categories"]) == (2, {"car": 4})
    assert (tmp_path / "p.html").stat().st_size == told["bytes"]
    assert run(["collect", "preview"]) == 0
    assert (filled.folder / "collect" / "preview.html").is_file()
    assert run(["collect", "preview", "--category", "cra"]) == 2
    assert run(["collect", "preview", "--out", str(tmp_path)]) == 2


@pytest.fixture
def file(filled: Workspace, tmp_path: Path) -> Path:
    (tmp_path / "p.html").write_text(page(make_preview(filled, Only(), 60)), encoding="utf-8")
    return tmp_path / "p.html"


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_on_a_phone_and_a_desk_in_both_themes(browser: Any, file: Path, width: int, scheme: str) -> None:  # noqa: F811
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("request", lambda request: problems.append(request.url) if request.url.startswith("http") else None)
    opened.goto(file.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert opened.evaluate("[...document.images].every((one) => one.complete && one.naturalWidth > 0)")
    assert opened.evaluate(_CONTRAST) >= 4.5
    assert problems == []
    context.close()


_CONTRAST = """(() => {
  const light = (colour) => {
    const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const back = light(getComputedStyle(document.body).backgroundColor);
  const of = (one) => { const ink = light(getComputedStyle(one).color);
    return (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05); };
  return Math.min(...[...document.querySelectorAll("h1, p, a, td, th, .facts, .dim, .warn, code")].map(of));
})()"""
"""The lowest contrast of any text with the page behind it (WCAG 2, 1.4.3 asks for 4.5)."""
