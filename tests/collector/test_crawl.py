"""A crawl of a site with galleries: what is followed, what is proposed for which category, what is left alone."""

from pathlib import Path

import pytest
from sqlalchemy import select

from collector import CollectReport, Crawl, First, collect
from label_store import UsageError, Workspace
from label_store.models import Candidate, Category, Fetch
from tests.collector.conftest import FAST
from tests.collector.site import Site, jpeg, redirect


def gallery(site: Site, name: str, seeds: range, pages: int = 1, links: str = "", head: str = "") -> None:
    """A gallery of pages, each linking to the next, whose thumbnails lead to full pictures."""
    for seed in seeds:
        site.put(f"/full/{name}{seed}.jpg", jpeg(seed))
    share = -(-len(seeds) // pages)
    for page in range(pages):
        shown = "".join(
            f'<figure><a href="/full/{name}{seed}.jpg"><img src="/thumb/{seed}.jpg" alt="{name}"></a>'
            f"<figcaption>{name} number {seed}</figcaption></figure>"
            for seed in seeds[page * share : (page + 1) * share]
        )
        following = f'<a rel="next" href="/gallery/{name}/?page={page + 2}">next</a>' if page + 1 < pages else ""
        path = f"/gallery/{name}/" + (f"?page={page + 1}" if page else "")
        site.put(path, f"<html><head><title>{name}</title>{head}</head><body>{shown}{following}{links}</body></html>")


@pytest.fixture
def galleries(site: Site) -> Site:
    """A front page, cars over three pages, dogs, and boats that only the sitemap knows."""
    gallery(site, "car", range(0, 6), pages=3, links='<a href="/">home</a>')
    gallery(site, "dog", range(10, 13), links='<a href="https://elsewhere.example/">away</a>')
    gallery(site, "boat", range(20, 22))
    logo = site.put("/logo.jpg", jpeg(50))
    site.put("/", f'<img src="{logo}"><a href="/gallery/car/">cars</a> <a href="/gallery/dog/">dogs</a>')
    site.put("/robots.txt", f"User-agent: *\nSitemap: {site.url('/map.xml')}\n", "text/plain")
    site.put("/map.xml", f"<urlset><url><loc>{site.url('/gallery/boat/')}</loc></url></urlset>", "application/xml")
    return site


def proposals(workspace: Workspace) -> set[tuple[str, str]]:
    with workspace.read() as session:
        rows = session.execute(
            select(Fetch.url, Category.slug)
            .select_from(Candidate)
            .join(Fetch)
            .join(Category, Category.id == Candidate.category_id)
        )
        return {(Path(url).name, slug) for url, slug in rows}


def crawl(workspace: Workspace, site: Site, category: str | None = None, **given: object) -> CollectReport:
    return collect(workspace, Crawl((site.url("/"),), **given), category=category, options=FAST)  # type: ignore[arg-type]


ALL = (
    {(f"car{n}.jpg", "car") for n in range(6)}
    | {(f"dog{n}.jpg", "dog") for n in range(10, 13)}
    | {(f"boat{n}.jpg", "boat") for n in range(20, 22)}
)


@pytest.mark.parametrize(
    "given",
    [
        {"category_of": {f"/gallery/{name}/": name for name in ("car", "dog", "boat")}},
        {"category_from_path": "/gallery/([^/]+)/"},
    ],
)
def test_one_crawl_fills_several_categories(store: Workspace, galleries: Site, given: dict[str, object]) -> None:
    report = crawl(store, galleries, **given)
    assert proposals(store) == ALL
    assert (report.new_images, report.pages, report.failed, report.refused) == (11, 6, {}, {})
    with store.read() as session:
        fetch = session.scalars(select(Fetch).where(Fetch.url.endswith("car0.jpg"))).one()
        assert (fetch.page_url, fetch.caption, fetch.title) == (
            galleries.url("/gallery/car/"), "car number 0", "car",
        )  # fmt: skip


def test_thumbnails_and_other_sites_are_left_alone(store: Workspace, galleries: Site) -> None:
    crawl(store, galleries, category="car")
    assert not [path for path in galleries.asked if path.startswith("/thumb/")]
    assert galleries.asked["/logo.jpg"] == 1


def test_a_second_crawl_reads_pages_again_and_pictures_not(store: Workspace, galleries: Site) -> None:
    crawl(store, galleries, category_from_path="/gallery/([^/]+)/")
    again = crawl(store, galleries, category_from_path="/gallery/([^/]+)/")
    assert (again.nothing_left, again.already, again.pages) == (True, 11, 6)
    assert {n for path, n in galleries.asked.items() if path.startswith("/full/")} == {1}


def test_the_budget_of_pages_and_depth_holds(store: Workspace, galleries: Site) -> None:
    assert crawl(store, galleries, category="car", max_pages=2).pages == 2
    report = crawl(store, galleries, category="car", max_depth=0)
    assert report.pages == 1


def test_within_path_stays_under_the_start(store: Workspace, galleries: Site) -> None:
    start = Crawl((galleries.url("/gallery/car/"),), within_path=True)
    assert collect(store, start, category="car", options=FAST).pages == 3
    assert proposals(store) == {pair for pair in ALL if pair[1] == "car"}


def test_pages_to_skip_are_not_read_and_a_start_always_is(store: Workspace, galleries: Site) -> None:
    report = crawl(store, galleries, category="car", skip=("/$", r"page=3"))
    assert report.pages == 1  # the galleries' addresses end with a slash too
    report = crawl(store, galleries, category_from_path="/gallery/([^/]+)/", skip=("/dog/", r"page=3"))
    assert (report.pages, galleries.asked["/gallery/dog/"]) == (4, 0)
    assert proposals(store) - {("logo.jpg", "car")} == {pair for pair in ALL if pair[0] < "car4" and pair[1] != "dog"}
    with pytest.raises(UsageError, match="--skip '\\('"):
        crawl(store, galleries, skip=("(",))


def test_the_first_pictures_end_a_crawl_early_and_the_whole_repeats_nothing(store: Workspace, galleries: Site) -> None:
    whole = Crawl((galleries.url("/"),), category_from_path="/gallery/([^/]+)/")
    first = collect(store, First(whole, 2), options=FAST)
    assert (first.new_images, len(proposals(store))) == (2, 2)
    assert collect(store, whole, options=FAST).new_images == 9
    assert {n for path, n in galleries.asked.items() if path.startswith("/full/")} == {1}


def test_a_gallery_that_robots_closes_is_not_read(store: Workspace, galleries: Site) -> None:
    galleries.put("/robots.txt", "User-agent: *\nDisallow: /gallery/dog/\nDisallow: /full/car1.jpg", "text/plain")
    report = crawl(store, galleries, category_from_path="/gallery/([^/]+)/")
    assert report.pages_left_out == {"robots": 1}
    assert report.refused == {"robots": 1}
    assert proposals(store) == {(f"car{n}.jpg", "car") for n in (0, 2, 3, 4, 5)}
    assert not galleries.asked["/gallery/dog/"] + galleries.asked["/full/car1.jpg"]


def test_pictures_of_a_page_that_opts_out_are_recorded_and_not_fetched(store: Workspace, site: Site) -> None:
    gallery(site, "car", range(3), head='<meta name="robots" content="noimageai">')
    report = collect(store, Crawl((site.url("/gallery/car/"),)), category="car", options=FAST)
    assert report.refused == {"opted_out": 3}
    assert not [path for path in site.asked if path.startswith("/full/")]


def test_a_page_that_leads_away_is_not_read(store: Workspace, site: Site) -> None:
    with Site() as other:
        other.put("/", '<img src="/x.jpg">')
        site.on("/", redirect(other.url("/")))
        report = crawl(store, site, category="car")
        assert report.pages_left_out == {"private_address": 1}
        assert not other.asked


def test_the_licence_of_a_page_comes_with_its_pictures(store: Workspace, site: Site) -> None:
    gallery(site, "car", range(1), head='<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">')
    collect(store, Crawl((site.url("/gallery/car/"),)), category="car", options=FAST)
    with store.read() as session:
        assert session.scalars(select(Fetch.license)).all() == ["CC-BY-4.0"]


@pytest.mark.parametrize(
    "source",
    [
        Crawl(("not a url",)),
        Crawl(("http://h/",), category_from_path="("),
        Crawl(("http://h/",), category_from_path="/x/"),
        Crawl(("http://h/",), category_of={"/x/": "zebra"}),
        Crawl(()),
    ],
)
def test_a_crawl_that_cannot_be_is_refused_before_it_begins(store: Workspace, source: Crawl) -> None:
    with pytest.raises(UsageError):
        collect(store, source, options=FAST)
