"""What robots.txt files mean, as data: inputs and verdicts that Google's robotstxt and Protego publish as tests.

Sources: google/robotstxt, robots_test.cc (Apache-2.0), and scrapy/protego, tests/ (BSD-3-Clause); the facts, not
the code. `FooBot` stands for our own product token. RFC 9309 sections are named where a case comes from one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A file, and addresses that it opens and closes to FooBot."""

    about: str
    robots: str
    opens: tuple[str, ...] = ()
    closes: tuple[str, ...] = ()


def _rules(about: str, rules: str, opens: str = "", closes: str = "") -> Case:
    """A case of one group; addresses divided by spaces."""
    return Case(about, f"user-agent: FooBot\n{rules}\n", tuple(opens.split()), tuple(closes.split()))


GROUPS = """allow: /foo/bar/

user-agent: FooBot
disallow: /
allow: /x/
user-agent: BarBot
disallow: /
allow: /y/


allow: /w/
user-agent: BazBot

user-agent: FooBot
allow: /z/
disallow: /
"""
FISH = "/fish /fish.html /fish/salmon.html /fishheads /fishheads/yummy.html /fish.html?id=anything"
PHP = "/filename.php /folder/filename.php /folder/filename.php?parameters //folder/any.php.file.html /filename.php/"

GOOGLE = (
    Case("an empty file opens everything", "", ("/", "/x")),
    _rules("2.1: names are divided from values by a colon", "disallow: /", "", "/x/y"),
    Case("2.1: other names say nothing", "foo: FooBot\nbar: /\n", ("/x/y",)),
    Case("the colon may be missing", "user-agent FooBot\ndisallow /\n", (), ("/x/y",)),
    Case("2.1: groups of one robot are joined", GROUPS, ("/x/b", "/z/d"), ("/y/c", "/foo/bar/")),
    Case("2.1: a group of another robot", GROUPS.replace("FooBot", "x").replace("BarBot", "FooBot"),
         ("/y/c", "/w/a"), ("/z/d", "/foo/bar/")),
    Case("2.1: a group may be named by several robots", GROUPS.replace("FooBot", "x").replace("BazBot", "FooBot")
         .replace("user-agent: x\nallow: /z/", "user-agent: y\nallow: /z/"), ("/z/d",), ("/foo/bar/",)),
    Case("2.2.4: a sitemap ends no group",
         "User-agent: FooBot\nSitemap: https://foo.bar/sitemap\nUser-agent: *\nDisallow: /\n", (), ("/",)),
    Case("2.2.4: a sitemap between others' groups",
         "User-agent: BarBot\nSitemap: https://foo.bar/sitemap\nUser-agent: *\nDisallow: /\n", (), ("/",)),
    Case("2.1: an unknown line ends no group",
         "User-agent: FooBot\nInvalid-Unknown-Line: unknown\nUser-agent: *\nDisallow: /\n", (), ("/",)),
    Case("2.1: names in capitals", "USER-AGENT: FooBot\nALLOW: /x/\nDISALLOW: /\n", ("/x/y",), ("/a/b",)),
    Case("2.1: names in both", "uSeR-aGeNt: FooBot\nAlLoW: /x/\ndIsAlLoW: /\n", ("/x/y",), ("/a/b",)),
    Case("2.2.1: the robot's name in capitals", "User-Agent: FOOBOT\nAllow: /x/\nDisallow: /\n", ("/x/y",), ("/a/b",)),
    Case("2.2.1: the robot's name in small letters", "User-Agent: foobot\nAllow: /x/\nDisallow: /\n", ("/x/y",),
         ("/a/b",)),
    Case("a robot's name ends at its first space", "User-Agent: *\nDisallow: /\nUser-Agent: FooBot Bar\nAllow: /x/\n"
         "Disallow: /\n", ("/x/y",), ("/a/b",)),
    Case("a robot's name ends at its version", "User-Agent: *\nDisallow: /\nUser-Agent: FooBot/2.1\nAllow: /x/\n"
         "Disallow: /\n", ("/x/y",), ("/a/b",)),
    Case("2.2.1: a longer name is another robot", "User-agent: FooBot-Image\nDisallow: /\n", ("/x/y",)),
    Case("2.2.1: a shorter name is another robot", "User-agent: Foo\nDisallow: /\n", ("/x/y",)),
    Case("2.2.1: the robot's own group counts, not that of all",
         "user-agent: *\nallow: /\nuser-agent: FooBot\ndisallow: /\n", (), ("/x/y",)),
    Case("2.2.1: that of all counts for a robot that has none",
         "user-agent: *\nallow: /\nuser-agent: BarBot\ndisallow: /\n", ("/x/y",)),
    Case("2.2.1: groups of others only",
         "user-agent: A\nallow: /\nuser-agent: BarBot\ndisallow: /\nuser-agent: BazBot\ndisallow: /\n", ("/x/y",)),
    _rules("2.2.2: case matters in paths", "disallow: /x/", "/X/y", "/x/y"),
    _rules("2.2.2: case matters in patterns", "disallow: /X/", "/x/y", "/X/y"),
    _rules("2.2.2: the longest match wins", "disallow: /x/page.html\nallow: /x/", "/x/", "/x/page.html"),
    _rules("2.2.2: also when it allows", "allow: /x/page.html\ndisallow: /x/", "/x/page.html", "/x/"),
    _rules("2.2.2: empty rules say nothing", "disallow: \nallow: ", "/x/page.html"),
    _rules("2.2.2: of equals the one that allows", "disallow: /\nallow: /", "/x/page.html"),
    _rules("2.2.2: a slash more is a longer match", "disallow: /x\nallow: /x/", "/x/", "/x"),
    _rules("2.2.2: of equal pages", "disallow: /x/page.html\nallow: /x/page.html", "/x/page.html"),
    _rules("2.2.2: a star counts", "allow: /page\ndisallow: /*.html", "/page", "/page.html"),
    _rules("2.2.2: and may be outdone", "allow: /x/page.\ndisallow: /*.html", "/x/page.html", "/x/y.html"),
    Case("2.2.2: the group of all adds nothing to one's own",
         "User-agent: *\nDisallow: /x/\nUser-agent: FooBot\nDisallow: /y/\n", ("/x/page",), ("/y/page",)),
    _rules("2.2.2: an address within a query", "Disallow: /\nAllow: /foo/bar?qux=taz&baz=http://foo.bar?tar&par",
           "/foo/bar?qux=taz&baz=http://foo.bar?tar&par", "/foo/bar?qux=taz"),
    _rules("2.2.2: characters beyond ASCII", "Disallow: /\nAllow: /foo/bar/ツ", "/foo/bar/%E3%83%84 /foo/bar/ツ"),
    _rules("2.2.2: the same encoded", "Disallow: /\nAllow: /foo/bar/%E3%83%84", "/foo/bar/%E3%83%84 /foo/bar/ツ"),
    _rules("2.2.3: a star within", "Disallow: /foo/bar/quz\nAllow: /foo/*/qux",
           "/foo/quz /foo//quz /foo/bax/quz", "/foo/bar/quz"),
    _rules("2.2.3: a dollar at the end", "Disallow: /foo/bar$\nAllow: /foo/bar/qux",
           "/foo/bar/qux /foo/bar/ /foo/bar/baz", "/foo/bar"),
    _rules("2.2.3: comments", "# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /", "/foo/bar", "/foo/quz"),
    Case("index.html opens its folder", "User-Agent: *\nAllow: /allowed-slash/index.html\nDisallow: /\n",
         ("/allowed-slash/", "/allowed-slash/index.html"), ("/allowed-slash/index.htm", "/anyother-url")),
    _rules("/fish", "disallow: /\nallow: /fish", FISH, "/bar /Fish.asp /catfish /?id=fish"),
    _rules("/fish*", "disallow: /\nallow: /fish*", FISH, "/bar /Fish.bar /catfish /?id=fish"),
    _rules("/fish/", "disallow: /\nallow: /fish/",
           "/fish/ /fish/salmon /fish/?salmon /fish/salmon.html /fish/?id=anything",
           "/bar /fish /fish.html /Fish/Salmon.html"),
    _rules("/*.php", "disallow: /\nallow: /*.php", PHP + " /index?f=filename.php/",
           "/bar /php/ /index?php /windows.PHP"),
    _rules("/*.php$", "disallow: /\nallow: /*.php$", "/filename.php /folder/filename.php",
           "/bar /filename.php?parameters /filename.php/ /filename.php5 /php/ /filename?php /aaaphpaaa //windows.PHP"),
    _rules("/fish*.php", "disallow: /\nallow: /fish*.php", "/fish.php /fishheads/catfish.php?parameters",
           "/bar /Fish.PHP"),
    _rules("precedence of a longer allow", "allow: /p\ndisallow: /", "/page", "/"),
    _rules("precedence of equals", "allow: /folder\ndisallow: /folder", "/folder/page"),
    _rules("precedence of a longer disallow", "allow: /page\ndisallow: /*.htm", "/page", "/page.htm"),
    _rules("the front page only", "allow: /$\ndisallow: /", "/", "/page.html"),
    Case("lines end by CR LF", "User-Agent: BarBot\r\nAllow: /some/path\r\nUser-Agent: FooBot\r\n\r\n\r\n"
         "Disallow: /\r\n", (), ("/x",)),
    Case("lines end by CR", "User-Agent: BarBot\rAllow: /some/path\rUser-Agent: FooBot\r\r\rDisallow: /\r", (),
         ("/x",)),
    Case("the last line may end by nothing", "User-Agent: FooBot\nDisallow: /", (), ("/x",)),
    Case("line ends may be mixed", "User-Agent: BarBot\nAllow: /some/path\r\nUser-Agent: FooBot\n\r\n\nDisallow: /", (),
         ("/x",)),
)  # fmt: skip

BYTES = (
    ("a byte order mark", b"\xef\xbb\xbfUser-Agent: FooBot\nDisallow: /\n", False),
    ("two bytes of a mark", b"\xef\xbbUser-Agent: FooBot\nDisallow: /\n", False),
    ("one byte of a mark", b"\xefUser-Agent: FooBot\nDisallow: /\n", False),
    ("no mark but nonsense", b"\xef\x11\xbfUser-Agent: FooBot\nDisallow: /\n", True),
    ("a mark within the file", b"User-Agent: FooBot\n\xef\xbb\xbfDisallow: /\n", True),
)
"""What a file begins with, and whether its `Disallow: /` is without effect."""

PROTEGO = (
    *(_rules(f"a misspelt {name}", f"{name}: /one\nAllow: /two", "/two", "/one")
      for name in ("Dissallow", "Dissalow", "Disalow", "Diasllow", "Disallaw")),
    _rules("a rule that begins within a path is none", "Disallow: /d", "/abc/d", "/disallowed"),
    _rules("escapes in patterns", "Disallow: /\nAllow: /a%3cd.html", "/a<d.html /a%3cd.html /a%3Cd.html"),
    _rules("escapes before a star", "Disallow: /\nAllow: /a%3c*", "/a<d.html /a%3cd.html"),
    _rules("no escapes in patterns", "Disallow: /\nAllow: /a<d.html", "/a<d.html /a%3cd.html"),
    _rules("parameters and queries", "Disallow: /path;params?query", "/path", "/path;params?query#fragment"),
    _rules("a query alone", "Disallow: /?", "/", "/?query"),
    _rules("parameters alone", "Disallow: /;", "/", "/;params"),
    _rules("stars and ends", "Disallow: /disallowed/*/end$\nDisallow: /protego*work",
           "/disallowed /disallowed/xyz/endinglater /rotego_does_work /protego_does_wor",
           "/disallowed/xyz/end /disallowed/abc/end /protegoworks /protego_works /protego/works /protego_does_work"),
    _rules("a star first", "Allow: /*allowed\nDisallow: /", "/allowed /is_still_allowed /is_allowed_too", "/other"),
    _rules("a star last", "Disallow:  /foo*", "/fo.html", "/foo.html /food /foo/bar.html"),
    _rules("a star before a page", "Disallow:  /foo*/bar.html", "/fo.html /food/xyz.html",
           "/foo/bar.html /food/bar.html /foo/a/b/c/x/y/z/bar.html"),
    _rules("anything with an m", "Disallow:  *m", "/foo /foo/bar.txt", "/foo.htm /foo.html /foom /moo /foo/bar.html"),
    _rules("a star alone", "Allow:  /foo/bar.html\nDisallow: *", "/foo/bar.html",
           "/fo.html /foo.html /foo /foo/bar.txt"),
    _rules("two stars", "Disallow:  /foo*/*bar.html", "/food/rebarf.html",
           "/foo/bar.html /food/rebar.html /foo/a/b/c/rebar.html /foo/a/b/c/bar.html"),
    _rules("an end that allows", "Allow:  /foo$\nDisallow:  /foo", "/foo", "/foo/ /foo/bar.html /fooey"),
    _rules("very many stars", "Allow: *****************/****.js\n", "/xyz/foo.js /inlife/daily/fashion-20160727/"),
    _rules("letters beyond ASCII, both ways", "Disallow: /wiki/K%C3%A4ytt%C3%A4j%C3%A4:\nDisallow: /wiki/Ä:\n",
           "/", "/wiki/K%C3%A4ytt%C3%A4j%C3%A4: /wiki/Käyttäjä: /wiki/Ä: /wiki/%C3%84:"),
    Case("rules before any group", "Disallow: /withoutUA\nUser-Agent: FooBot\nDisallow: /withUA\n", ("/withoutUA",),
         ("/withUA",)),
    Case("the group of all", "User-Agent: robot\nDisallow: /ro-bot\nUser-Agent: *\nDisallow: /default-UA\n",
         ("/ro-bot",), ("/default-UA",)),
    Case("one group of two names", "User-Agent: one\nUser-Agent: FooBot\nDisallow: /success\nUser-Agent: *\n"
         "Disallow: /failure\n", ("/failure",), ("/success",)),
    Case("comments between", "# 1\nUser-Agent: one # 2\n# 3\nUser-Agent: FooBot\nDisallow: /two-bot\n# Disallow: /c\n"
         "# 4\nUser-Agent: *\nDisallow: /default-ua\n", ("/c", "/default-ua"), ("/two-bot",)),
    Case("lines that are none", "User-Agent: FooBot\nDisallow: /one\nHarry Potter\nHarry: P\nUser-Agent: two\n"
         "Disallow: /two\n", ("/two",), ("/one",)),
    Case("an empty group", "User-Agent: harrybot\nDisallow: /\nUser-Agent: FooBot\n", ("/path1",)),
    Case("the example of 1994", "User-agent: *\nDisallow: /cyberworld/map/ # infinite\nDisallow: /tmp/ # soon gone\n"
         "Disallow: /foo.html\n", ("/", "/foo.htm", "/foo.shtml", "/cyberworld/index.html"),
         ("/foo.html", "/foo.htmlx", "/tmp/foo.html")),
    _rules("1996: no slash at the end", "Allow: /tmp\nDisallow: /", "/tmp.html /tmp /tmp/a.html", "/"),
    _rules("1996: a slash at the end", "Allow: /tmp/\nDisallow: /", "/tmp/ /tmp/a.html", "/tmp"),
    _rules("1996: an encoded slash", "Allow: /a%2fb.html\nDisallow: /", "/a%2fb.html /a%2Fb.html", "/a/b.html"),
    _rules("1996: a plain slash", "Allow: /a/b.html\nDisallow: /", "/a/b.html", "/a%2fb.html"),
    _rules("1996: an encoded tilde", "Allow: /%7ejoe/index.html\nDisallow: /", "/~joe/index.html /%7Ejoe/index.html"),
    _rules("1996: a plain tilde", "Allow: /~joe/index.html\nDisallow: /", "/%7Ejoe/index.html /~joe/index.html"),
    Case("1996: the longer example", "User-agent: unhipbot\nDisallow: /\n\nUser-agent: webcrawler\nUser-agent: excite\n"
         "Disallow:\n\nUser-agent: *\nDisallow: /org/plans.html\nAllow: /org/\nAllow: /serv\nAllow: /~mak\n"
         "Disallow: /\n",
         ("/server.html", "/services/fast.html", "/services/slow.html", "/org/about.html", "/%7Emak/mak.html"),
         ("/", "/index.html", "/orgo.gif", "/org/plans.html", "/%7Ejim/jim.html")),
    Case("closed to all but one", "User-agent: *\nDisallow:    /\n\nUser-agent: foobot\nDisallow:\n", ("/", "/b.html")),
    Case("stars in a robot's name", "user-agent: foo*bot\ndisallow: /myprofile\n", (), ("/myprofile",)),
    _rules("encoded letters are letters", "Disallow: /\nAllow: /foo/bar/%62%61%7A", "/foo/bar/baz /foo/bar/%62%61%7A"),
    _rules("a dollar within is a dollar", "disallow: /x$/abc\ndisallow: /y/abc$\ndisallow: /x*x$/abc\n"
           "disallow: /y*y/abc$", "/y/abcdef /yabcy/abcdef",
           "/x$/abcdef /x%24/abcdef /y/abc /xabcx$/abcdef /xabcx%24/abcdef /yabcy/abc"),
    _rules("encoded special characters are plain", "disallow: /x/abc%24\ndisallow: /x%2Ax/abc",
           "/x/abc /xabcx/abc", "/x/abc$abc /x/abc$ /x*x/abc /x*x/abcdef"),
    _rules("special characters are also themselves", "disallow: /x/abc$\ndisallow: /x*x/abc", "",
           "/x*x/abc /x/abc$ /x/abc%24"),
    Case("an address as pattern", "user-agent: *\ndisallow: http://ms-web00.walkerplus.com/\n", ("/",),
         ("/http://ms-web00.walkerplus.com/",)),
    _rules("two slashes first", "Disallow: //folder/*", "/ /folder /folder/ /folder/page //folder", "//folder/page"),
    _rules("a star in the query", "Disallow: /*s=", "/ /s/", "/?s=asd"),
    _rules("a star before a path", "allow: */p\ndisallow: /", "/page", "/x"),
    _rules("a star on both sides", "allow: /page\ndisallow: */*.htm", "/page", "/page.htm"),
    Case("a group with its own before one that is shorter", "user-agent: foobot-news\ndisallow: /\nallow: /group1\n"
         "user-agent: *\ndisallow: /\nallow: /group2\nuser-agent: foobot\ndisallow: /\nallow: /group3\n",
         ("/group3",), ("/group1", "/group2")),
)  # fmt: skip

OURS = (
    Case("a line ends where RFC 9309 says and nowhere else", "user-agent: FooBot\ndisallow: /a\x0ballow: /\n"
         "disallow: /b\u2028allow: /x\ndisallow: /x\n", ("/a", "/b"), ("/x", "/xy")),
    Case("names may be followed by spaces and tabs", "User-agent : FooBot\t\nDisallow\t:\t/x\t# no\n", ("/y",),
         ("/x",)),
    Case("2.2.4: an unknown line ends no group (Protego's own cases say that it does)",
         "User-agent: *\nInvalid_directive: /gb.html\nUser-agent: ia_archiver\nDisallow: /\n", (), ("/foo", "/foobar")),
    Case("a crawl delay does end one (Google ignores it; sites mean what Protego reads)",
         "User-agent: *\nCrawl-delay: 10\n\nUser-agent: badbot\nDisallow: /\n", ("/foo",)),
    Case("no name at all", "User-agent:\nDisallow: /\n", ("/foo",)),
    Case("the name that a header would have", "User-agent: FooBot/1.0 (+http://foo.bar)\nDisallow: /\n", (), ("/x",)),
    Case("a digit more is another robot", "User-agent: FooBot2\nDisallow: /\n", ("/x",)),
    Case("a robot's name is not found within another", "User-agent: notFooBot\nDisallow: /\n", ("/x",)),
    Case("robots.txt itself is always open", "User-agent: *\nDisallow: /\n", ("/robots.txt",), ("/robots.txt.bak",)),
)  # fmt: skip
"""Further cases of RFC 9309 that neither has."""
