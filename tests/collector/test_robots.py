"""robots.txt by RFC 9309, against the cases that Google and Protego publish, and how it is got."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from collector.errors import FetchFailed
from collector.fetching import Want
from collector.optout import PRODUCT
from collector.robots import MAX_BYTES, read_rules
from tests.collector.robots_cases import BYTES, GOOGLE, OURS, PROTEGO, Case
from tests.collector.site import Site, jpeg, redirect
from tests.collector.test_fetching import failure, get


def allowed(robots: bytes, path: str) -> bool:
    return read_rules(robots).allows(URL(f"http://foo.bar{path}"))


def ours(robots: str) -> bytes:
    """A file that names us where the case names FooBot."""
    for theirs in ("FooBot", "foobot"):
        robots = robots.replace(theirs, PRODUCT)
    return robots.replace("FOOBOT", PRODUCT.upper()).replace("foo*bot", f"{PRODUCT[:2]}*{PRODUCT[2:]}").encode()


@pytest.mark.parametrize("case", [*GOOGLE, *PROTEGO, *OURS], ids=lambda case: case.about)
def test_published_cases(case: Case) -> None:
    robots = ours(case.robots)
    assert [path for path in case.opens if not allowed(robots, path)] == []
    assert [path for path in case.closes if allowed(robots, path)] == []


@pytest.mark.parametrize(("about", "robots", "opens"), BYTES)
def test_what_a_file_begins_with(about: str, robots: bytes, opens: bool) -> None:
    assert allowed(ours(robots.decode("latin-1")).decode().encode("latin-1"), "/x") == opens


def test_a_line_of_any_length_is_read() -> None:
    """Google cuts lines at 16,664 bytes; by the RFC the whole file counts as far as it is read."""
    long = "/x/" + "a" * 20_000
    assert not allowed(ours(f"user-agent: FooBot\ndisallow: {long}/qux\n"), f"{long}/qux")
    assert allowed(ours(f"user-agent: FooBot\ndisallow: {long}/qux\n"), f"{long}/fux")


def test_sitemaps_are_found_anywhere() -> None:
    first = "Sitemap: http://foo.bar/1.xml\nUser-Agent: foo\nAllow: /some/path\nUser-Agent: bar\n\n\n"
    assert read_rules((first + "sitemap: http://foo.bar/2.xml\n").encode()).sitemaps == (
        "http://foo.bar/1.xml", "http://foo.bar/2.xml",
    )  # fmt: skip


@given(st.binary(max_size=300), st.text(max_size=30))
def test_no_file_raises(body: bytes, path: str) -> None:
    for robots in (body, b"User-agent: cairn\nDisallow: " + body):
        rules = read_rules(robots)
        rules.allows(URL.build(scheme="http", host="foo.bar", path="/" + path))
        assert 0 <= rules.crawl_delay <= 60


def test_a_file_of_many_rules_and_stars_is_matched_in_time() -> None:
    rules = "".join(f"Disallow: /{'*a' * 50}{n}$\n" for n in range(3000))
    found = read_rules(b"User-agent: *\n" + rules.encode()[: MAX_BYTES - 20])
    assert all(found.allows(URL("http://foo.bar/" + "a" * 1500 + f"b{n}")) for n in range(5))


# ---- how it is got (section 2.3.1) ----------------------------------------------------------------------------


def chain(site: Site, hops: int, end: str, to: Site | None = None) -> None:
    """robots.txt that is found after so many redirects, the last of them to another host."""
    for hop in range(hops):
        last = hop + 1 == hops
        target = (to or site).url(f"/hop{hop + 1}") if last else f"/hop{hop + 1}"
        site.on("/robots.txt" if hop == 0 else f"/hop{hop}", redirect(target, (301, 302, 303, 307, 308)[hop % 5]))
    (to or site).put(f"/hop{hops}", end, "text/plain")


@pytest.mark.parametrize("hops", [1, 5])
def test_robots_is_followed_through_five_redirects(site: Site, hops: int) -> None:
    chain(site, hops, "User-agent: *\nDisallow: /a.jpg")
    assert failure(site, site.put("/a.jpg", jpeg(1))).reason == "robots"
    assert get(site, site.put("/b.jpg", jpeg(2))).status == 200


def test_robots_is_followed_to_another_host_and_counts_for_the_one_that_was_asked(site: Site) -> None:
    from collector.addresses import AllowList

    with Site("127.0.0.2") as other:
        chain(site, 5, "User-agent: *\nDisallow: /a.jpg", to=other)
        both = AllowList.parse([site.netloc, other.netloc])
        assert failure(site, site.put("/a.jpg", jpeg(1)), allow=both).reason == "robots"
        assert get(site, other.put("/a.jpg", jpeg(2)), allow=both).status == 200


def test_robots_behind_more_redirects_is_taken_as_missing(site: Site) -> None:
    chain(site, 6, "User-agent: *\nDisallow: /")
    assert get(site, site.put("/a.jpg", jpeg(1))).status == 200


def test_robots_that_leads_to_a_private_address_opens_nothing(site: Site) -> None:
    site.on("/robots.txt", redirect("http://169.254.169.254/robots.txt"))
    found = failure(site, site.put("/a.jpg", jpeg(1)))
    assert found.reason in ("private_address", "robots")
    assert site.asked["/a.jpg"] == 0


def test_the_rule_at_the_cap_is_cut_and_the_rest_not_read(site: Site) -> None:
    """500 KiB: RFC 9309, 2.5. What ends within a rule counts as far as it was read."""
    head = "User-agent: *\nDisallow: /early\n"
    filler = "#" * (MAX_BYTES - len(head) - len("\nDisallow: /la"))
    site.put("/robots.txt", f"{head}{filler}\nDisallow: /late\nDisallow: /b", "text/plain")
    assert failure(site, site.put("/early.jpg", jpeg(1))).reason == "robots"
    assert failure(site, site.put("/lake.jpg", jpeg(1))).reason == "robots"
    assert get(site, site.put("/b.jpg", jpeg(2))).status == 200


def test_a_failure_of_robots_is_told_as_one(site: Site) -> None:
    site.put("/robots.txt", "", "text/plain", status=500)
    found = failure(site, site.put("/a.jpg", jpeg(1)), Want("image/*", 100_000))
    assert isinstance(found, FetchFailed)
    assert "robots.txt" in found.detail
