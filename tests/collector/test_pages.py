"""What is read from a page's markup, and that nothing in a page can raise or leave http(s)."""

import gzip

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.licenses import spdx
from collector.optout import directives, header_directives, opted_out
from collector.pages import Picture, read_page
from collector.renditions import srcset
from collector.sitemaps import SitemapPicture, read_sitemap

BASE = "https://site.example/gallery/cars/"


def pictures(html: str) -> list[Picture]:
    return list(read_page(html, BASE).pictures)


def urls(html: str) -> list[str]:
    return [picture.url for picture in pictures(html)]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="a.jpg">', "https://site.example/gallery/cars/a.jpg"),
        ('<img src="s.jpg" srcset="s.jpg 320w, /m.jpg 800w, l.jpg 1600w">', "https://site.example/gallery/cars/l.jpg"),
        ('<img src="s.jpg" srcset="s.jpg, two.jpg 2x">', "https://site.example/gallery/cars/two.jpg"),
        ('<img src="data:image/gif;base64,R0" data-src="/lazy.jpg">', "https://site.example/lazy.jpg"),
        ('<img src="/blank.gif" data-srcset="/a.jpg 10w, /b.jpg 20w">', "https://site.example/b.jpg"),
        ('<img src="/small.jpg" data-full="/full.jpg">', "https://site.example/full.jpg"),
        (
            '<picture><source srcset="/a.webp 2000w"><source srcset="/b.jpg 900w"><img src="/c.jpg"></picture>',
            "https://site.example/a.webp",
        ),
        ('<a href="/big.jpeg"><img src="/thumb.jpg"></a>', "https://site.example/big.jpeg"),
        ('<a href="/big.png">the picture</a>', "https://site.example/big.png"),
        ('<meta property="og:image" content="/card.jpg">', "https://site.example/card.jpg"),
        ('<base href="https://cdn.example/x/"><img src="a.jpg">', "https://cdn.example/x/a.jpg"),
        ('<img src="//cdn.example/a.jpg">', "https://cdn.example/a.jpg"),
    ],
)
def test_the_largest_rendition_is_chosen(html: str, expected: str) -> None:
    assert urls(html) == [expected]


def test_icons_and_other_schemes_are_no_pictures() -> None:
    assert not urls(
        '<img src="/icon.png" width="16" height="16"><img src="javascript:alert(1)"><img src="data:x">'
        '<a href="file:///a.jpg">x</a><a href="ftp://h/a.jpg">x</a><img>'
    )


def test_a_figure_says_what_belongs_to_its_picture() -> None:
    html = """
    <link rel="license" href="https://creativecommons.org/licenses/by/4.0/"><meta name="author" content="The site">
    <figure><img src="/1.jpg" alt="one" title="T"><figcaption>A <b>red</b> car</figcaption>
      <a rel="license" href="https://creativecommons.org/publicdomain/zero/1.0/">CC0</a>
      <span rel="author">Ann</span></figure>
    <p><img src="/2.jpg" alt="two"></p>"""
    assert pictures(html) == [
        Picture("https://site.example/1.jpg", "T", "A red car", "CC0-1.0", "Ann"),
        Picture("https://site.example/2.jpg", None, "two", "CC-BY-4.0", "The site"),
    ]


@pytest.mark.parametrize(
    ("credit", "author"),
    [("Photo: Ada Quist", "Ada Quist"), ("Photograph by Bo", "Bo"), ("© Cy", "Cy"), ("Image credit: Di", "Di"),
     ("Byron Fox", "Byron Fox"), ("Photon Labs", "Photon Labs")],
)  # fmt: skip
def test_a_credit_is_the_author_and_not_the_caption(credit: str, author: str) -> None:
    html = f'<figure><img src="/1.jpg"><figcaption>A car <span class="author">{credit}</span></figcaption></figure>'
    assert pictures(html) == [Picture("https://site.example/1.jpg", None, "A car", None, author)]


def test_structured_data_names_the_full_picture_of_a_thumbnail() -> None:
    html = """<script type="application/ld+json">{"@context": "https://schema.org", "@graph": [{"@type": "ImageObject",
    "contentUrl": "/full/1.jpg", "thumbnailUrl": "/thumb/1.jpg", "name": "N", "caption": "C",
    "license": "https://creativecommons.org/licenses/by-sa/4.0/", "creator": {"@type": "Person", "name": "Bo"}}]}
    </script><img src="/thumb/1.jpg" alt="a">"""
    assert pictures(html) == [Picture("https://site.example/full/1.jpg", "N", "C", "CC-BY-SA-4.0", "Bo")]


def test_links_are_followed_unless_the_page_says_no() -> None:
    html = '<a href="b.html#x">b</a><a rel="nofollow" href="c.html">c</a><a rel="next" href="?page=2">2</a>'
    html += '<a href="mailto:x">'
    page = read_page(html, BASE)
    assert [(link.url.removeprefix(BASE), link.pagination) for link in page.links] == [
        ("b.html", False),
        ("?page=2", True),
    ]
    assert not read_page('<meta name="robots" content="NOINDEX, nofollow">' + html, BASE).links


@pytest.mark.parametrize(
    ("content", "directive"),
    [("noimageindex", "noimageindex"), ("all, NoAI", "noai"), ("none", "noindex"), ("nofollow", None), ("", None)],
)
def test_meta_robots_opts_out(content: str, directive: str | None) -> None:
    page = read_page(f'<meta name="ROBOTS" content="{content}">', BASE)
    assert opted_out(page.directives) == directive


def test_directives_for_other_robots_are_not_ours() -> None:
    assert header_directives(["otherbot: noindex", "cairn: noai", "unavailable_after: 1 Jan 2030", "nofollow"]) == {
        "noai", "unavailable_after: 1 jan 2030", "nofollow",
    }  # fmt: skip
    assert opted_out(directives("noindex, noai"), {"noindex"}) == "noai"
    assert not read_page('<meta name="googlebot" content="noindex">', BASE).directives


@pytest.mark.parametrize(
    ("words", "identifier"),
    [
        ("https://creativecommons.org/licenses/by-nc-sa/3.0/", "CC-BY-NC-SA-3.0"),
        ("http://creativecommons.org/licenses/by/4.0/deed.de", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-sa/3.0/de/", "CC-BY-SA-3.0-DE"),
        ("https://creativecommons.org/licenses/by-sa/3.0/es/", "https://creativecommons.org/licenses/by-sa/3.0/es/"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("Creative Commons BY 2.0", "CC-BY-2.0"),
        ("cc0", "CC0-1.0"),
        ("all  rights\nreserved", "all rights reserved"),
    ],
)
def test_licences_become_spdx_identifiers_where_they_can(words: str, identifier: str) -> None:
    assert spdx(words) == identifier


SITEMAP = b"""<?xml version="1.0" encoding="UTF-8"?><urlset xmlns:image="x"><url><loc>https://s.example/a?x=1&amp;y=2</loc>
<image:image><image:loc>https://s.example/p.jpg</image:loc></image:image></url><url><loc> /b </loc></url></urlset>"""


@pytest.mark.parametrize("body", [SITEMAP, gzip.compress(SITEMAP)])
def test_a_sitemap_lists_pages_and_pictures(body: bytes) -> None:
    found = read_sitemap(body, "https://s.example/sitemap.xml")
    assert found.pages == ("https://s.example/a?x=1&y=2", "https://s.example/b")
    assert found.pictures == (SitemapPicture("https://s.example/a?x=1&y=2", "https://s.example/p.jpg"),)


def test_a_sitemap_index_lists_sitemaps() -> None:
    found = read_sitemap(b"<sitemapindex><sitemap><loc>/s1.xml.gz</loc></sitemap></sitemapindex>", "https://s.example/")
    assert (found.sitemaps, found.pages) == (("https://s.example/s1.xml.gz",), ())


def test_sitemaps_say_words_and_licences_of_pictures_in_any_namespace_and_in_cdata() -> None:
    body = b"""<urlset><!-- <loc>/commented</loc> --><url><loc><![CDATA[https://s.example/a?x=1&copy=2]]></loc><i:image>
    <i:loc>/1.jpg</i:loc><i:title>A &amp; B</i:title><i:caption><![CDATA[ two <b> words ]]></i:caption>
    <i:license>https://creativecommons.org/licenses/by/4.0/</i:license></i:image><i:image><i:loc>/2.jpg</i:loc></i:image>
    </url><url><loc>/broken & whole"""
    found = read_sitemap(body, "https://s.example/")
    page = "https://s.example/a?x=1&copy=2"
    assert found.pages == (page, "https://s.example/broken%20&%20whole")
    assert found.pictures == (
        SitemapPicture(page, "https://s.example/1.jpg", "A & B", "two <b> words", "CC-BY-4.0"),
        SitemapPicture(page, "https://s.example/2.jpg"),
    )


def test_sitemaps_are_read_in_utf_16_and_as_plain_lists() -> None:
    assert read_sitemap(SITEMAP.decode().encode("utf-16"), "https://s.example/").pages[1] == "https://s.example/b"
    assert read_sitemap(b"https://s.example/a\n\nftp://x/\n/b", "https://s.example/").pages == (
        "https://s.example/a", "https://s.example/b",
    )  # fmt: skip


@pytest.mark.parametrize(
    "part", [b"<x>", b"</y>", b"<!--", b"<![CDATA[", b"<loc>", b"<", b"<url><loc>/a</loc>", b"&amp;"]
)
def test_no_sitemap_takes_more_than_one_pass(part: bytes) -> None:
    read_sitemap(b"<urlset>" + part * 300_000, "https://s.example/")


def test_everything_that_offers_a_picture_is_found() -> None:
    html = """<head><meta property="og:image" content="http://site.example/og.jpg">
    <meta property="og:image:secure_url" content="/og-s.jpg"><meta property="og:image:width" content="800">
    <meta property="og:image" content="/og2.jpg"><meta property="og:image" content="/dot.gif">
    <meta property="og:image:width" content="1"><link rel="image_src" href="/src.jpg"></head>
    <amp-img src="/amp.jpg"></amp-img><img src="s.gif" data-lazy-src="/lazy.jpg">
    <noscript><img src="/no.jpg"></noscript>
    <img src="s.gif" data-srcset="/l1.jpg 1x, /l2.jpg 2x"><a data-src="/box.jpg" href="#"><img src="/thumb.jpg"></a>
    <img src="/w300.jpg" data-orig-file="/orig.jpg"><div style="background:url(/css.jpg)"></div>"""
    paths = [url.removeprefix("https://site.example/") for url in urls(html)]
    assert paths == ["amp.jpg", "lazy.jpg", "no.jpg", "l2.jpg", "box.jpg", "orig.jpg", "og-s.jpg", "og2.jpg", "src.jpg"]


def test_a_card_of_twitter_is_taken_where_there_is_no_open_graph() -> None:
    assert urls('<meta name="twitter:image:src" content="/t.jpg">') == ["https://site.example/t.jpg"]
    assert urls('<meta name="twitter:image" content="/t.jpg"><meta property="og:image" content="/o.jpg">') == [
        "https://site.example/o.jpg"
    ]


def test_json_ld_refers_within_its_graph_and_says_where_a_licence_can_be_had() -> None:
    html = """<script type="application/ld+json"><!-- {"@graph": [{"@id": "#ada", "@type": "Person", "name": "Ada"},
    {"@type": ["ImageObject"], "contentUrl": {"@id": "/1.jpg"}, "creator": {"@id": "#ada"},
     "acquireLicensePage": "https://site.example/buy"},
    {"@type": "schema:ImageObject", "url": "/2.jpg", "copyrightNotice": "Mine",
     "copyrightHolder": {"name": "Bo"}}]} --></script>"""
    assert pictures(html) == [
        Picture("https://site.example/1.jpg", None, None, "https://site.example/buy", "Ada"),
        Picture("https://site.example/2.jpg", None, None, "Mine", "Bo"),
    ]


def test_microdata_describes_pictures() -> None:
    html = """<div itemscope itemtype="https://schema.org/ImageObject"><img itemprop="thumbnailUrl" src="/t.jpg">
    <a itemprop="contentUrl" href="/full.jpg">full</a><meta itemprop="name" content="N">
    <span itemprop="creator" itemscope itemtype="https://schema.org/Person"><b itemprop="name">Ada</b></span>
    <p itemprop="caption">Words</p><a itemprop="license" href="https://creativecommons.org/licenses/by-sa/4.0/">L</a>
    </div>"""
    assert pictures(html)[0] == Picture("https://site.example/full.jpg", "N", "Words", "CC-BY-SA-4.0", "Ada")
    assert "https://site.example/t.jpg" not in urls(html)


def test_marks_of_creative_commons_are_about_one_picture() -> None:
    html = """<div about="/1.jpg"><img src="/1.jpg"> by <a rel="cc:attributionURL" property="cc:attributionName"
    href="/ada">Ada</a> under <a rel="license" href="https://creativecommons.org/licenses/by/3.0/">CC</a></div>
    <img src="/2.jpg">"""
    assert pictures(html) == [
        Picture("https://site.example/1.jpg", None, None, "CC-BY-3.0", "Ada"),
        Picture("https://site.example/2.jpg"),
    ]


def test_rdfa_describes_pictures() -> None:
    html = """<div vocab="https://schema.org/" typeof="ImageObject"><img property="contentUrl" src="/1.jpg">
    <span property="creditText">Desk</span><meta property="copyrightNotice" content="(c) Desk"></div>"""
    assert pictures(html)[0] == Picture("https://site.example/1.jpg", None, None, "(c) Desk", "Desk")


def test_the_head_says_licence_and_author_of_all() -> None:
    html = """<meta name="DCTERMS.license" content="https://creativecommons.org/publicdomain/zero/1.0/">
    <meta name="DC.creator" content="Ada"><meta name="copyright" content="other"><img src="/1.jpg">"""
    assert pictures(html) == [Picture("https://site.example/1.jpg", None, None, "CC0-1.0", "Ada")]


@pytest.mark.parametrize(
    "part",
    ["<div>", "<article>", "<x>", "<ul><li>", "<b a=1>", "<a href=x>", "</p>", "<table>", "<svg>", "<template>",
     "<select><selectedcontent><option>a", "<form>", "<p itemscope itemtype='ImageObject'>", "<div about='a.jpg'>",
     "<meta name=a content=b>", "<base href=/>", "<script type='ld+json'>[", "<figure><a rel=license href=x>"],
)  # fmt: skip
def test_no_page_takes_time_beyond_measure(part: str) -> None:
    """Five megabytes of one thing, nested or not; without a bound some of these take hours."""
    read_page((part * (5 * 2**20 // len(part)))[: 5 * 2**20], BASE)


def test_a_page_is_read_up_to_a_number_of_tags() -> None:
    page = read_page("<i></i>" * 12_400 + "<img src=in.jpg>" + "<i></i>" * 1000 + "<img src=out.jpg>", BASE)
    assert [picture.url for picture in page.pictures] == [BASE + "in.jpg"]


def test_addresses_are_of_bounded_length() -> None:
    html = f"<img src='/{'a' * 3990}.jpg'><img src='/{'é' * 1000}.jpg'><img src='b.jpg'>"
    assert urls(html) == [BASE + "b.jpg"]


@pytest.mark.parametrize("opened", ["<article>", "<figure>", "<picture><source srcset='s.jpg 2w'>"])
@pytest.mark.parametrize("nested", [False, True])
def test_pages_of_very_many_pictures_end(opened: str, nested: bool) -> None:
    """A page of a megabyte: looking around each picture anew would take hours."""
    if nested:
        page = read_page((opened + "<img src=a.jpg><figcaption>words ") * 20_000, BASE)
    else:
        page = read_page(opened + "<img src=a.jpg><b></b>" * 50_000, BASE)
    assert {picture.url for picture in page.pictures} <= {BASE + "a.jpg", BASE + "s.jpg"}
    assert page.pictures


def test_the_first_words_within_the_element_around_a_picture_are_its_caption() -> None:
    html = """<article><img src="outer.jpg"><figure><img src="inner.jpg"><figcaption>under inner</figcaption></figure>
      <figcaption>later</figcaption></article><figure><img src="own.jpg"><figcaption>own</figcaption></figure>"""
    captions = {picture.url.rsplit("/", 1)[-1]: picture.caption for picture in pictures(html)}
    assert captions == {"outer.jpg": "under inner", "inner.jpg": "under inner", "own.jpg": "own"}


def test_each_picture_of_a_picture_element_has_the_sources_before_it() -> None:
    html = (
        "<picture><source srcset='/a.jpg 9w'><img src='/1.jpg'><source srcset='/b.jpg 9w'><img src='/2.jpg'></picture>"
    )
    assert urls(html) == ["https://site.example/a.jpg", "https://site.example/b.jpg"]


@pytest.mark.parametrize(
    ("charset", "data", "words"),
    [
        ("windows-1251", "машина".encode("cp1251"), "машина"),
        ("iso-8859-1", b"\x93car\x94", "“car”"),
        ("Shift_JIS", "車①".encode("cp932"), "車①"),
        ("utf-8", "машина".encode(), "машина"),
        ("punycode", b"car-", "car-"),
        ("idna", b"xn--car", "xn--car"),
        ("utf-7", b"+AGM-ar", "+AGM-ar"),
        ("unicode_escape", b"\\u0063ar", "\\u0063ar"),
        ("zlib_codec", b"car", "car"),
    ],
)
def test_a_page_is_read_by_the_encodings_of_the_web_only(charset: str, data: bytes, words: str) -> None:
    html = f'<meta charset="{charset}"><title>'.encode() + data + b"</title>"
    assert read_page(html, BASE).title == words


FRAGMENTS = st.sampled_from(
    ["<img src='", "<img srcset='", "<a href='", "<base href='", "<meta name=robots content='", "'>", '">', "<picture>",
     "<source srcset='", "<script type='application/ld+json'>", "</script>", '{"@type":"ImageObject","contentUrl":',
     '"http://[::1"', "}", "[" * 200, "http://[", "//", ":", "\0", "http://a:99999999/x.jpg", "javascript:", "data:,",
     " 1w, ", "9" * 400 + "w", "<loc>", "<image:loc>", "</loc>", "&#x0;", "\ud800", "<figure>", "<figcaption>",
     "rel=next ", "%zz", "ftp://x/y.jpg", "<meta charset='nonsense'>", "<svg><title>", "<template>",
     "&amp;", "width='९' "]
)  # fmt: skip
HTML = st.lists(st.one_of(FRAGMENTS, st.text(max_size=8)), max_size=40).map("".join)


@settings(max_examples=300, deadline=None)
@given(HTML, st.sampled_from([BASE, "http://[::1]:80/x", "https://h"]))
@example("<img src='http://[::'><a href='http://a:99999/x.jpg'>", BASE)
def test_no_markup_raises_or_leaves_http(html: str, base: str) -> None:
    page = read_page(html, base)
    for address in [picture.url for picture in page.pictures] + [link.url for link in page.links]:
        assert address.startswith(("http://", "https://"))
        assert "#" not in address
        assert len(address) <= 4000


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=400), HTML.map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_no_bytes_raise(data: bytes) -> None:
    read_page(data, BASE)
    read_sitemap(data, BASE)
    read_sitemap(b"\x1f\x8b" + data, BASE)


@given(st.text(max_size=200))
def test_srcset_never_raises(value: str) -> None:
    assert all(size >= 0 for _, size in srcset(value))
