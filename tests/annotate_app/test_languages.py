"""Pages in another language: nothing that a page says by itself is left in English, for curators as for annotators."""

import re
from html.parser import HTMLParser

import pytest

from annotate_app import add_gold, create_campaign
from annotate_app.languages import FOLDER, words_in, words_of
from label_store import find_category, settle
from tests.annotate_app.material import add_people, add_pictures
from tests.annotate_app.work import judgment, lease, send

TEMPLATES = sorted((FOLDER.parent / "templates").iterdir())
NOT_TRANSLATED = {"api.html"}
"""For those who write programs."""
UNTOUCHED = {"script", "style", "code", "pre", "kbd", "option"}
READ_ALOUD = {"aria-label", "title", "placeholder", "alt"}


class Said(HTMLParser):
    """What a page says, or what its attributes do, outside of code, keys and names of options."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag in UNTOUCHED:
            self._within.append(tag)
        self.words += [value or "" for name, value in attrs if name in READ_ALOUD]

    def handle_endtag(self, tag):
        if tag in self._within:
            self._within.remove(tag)

    def handle_data(self, data):
        if not self._within:
            self.words.append(data)

    @property
    def latin(self) -> set[str]:
        return set(re.findall(r"[A-Za-z]{2,}", " ".join(self.words)))


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_takes_all_its_words_from_the_tables_of_the_languages(template):
    if template.name in NOT_TRANSLATED:
        return
    source = template.read_text(encoding="utf-8")
    for unsaid in (r"\{#.*?#\}", r"\{% block (main_attributes|body_class) %\}.*?\{% endblock %\}"):
        source = re.sub(unsaid, "", source, flags=re.DOTALL)
    bare = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", source, flags=re.DOTALL)
    assert Said(bare).latin <= {"Cairn", "PgUp", "PgDn", "image", "answer", "category"}  # columns' names
    literals = " ".join(re.findall(r"\{[{%].*?[%}]\}", source, flags=re.DOTALL))
    sentences = [text for text in re.findall(r'"([^"]*)"', literals) if re.search(r"[a-z]{2,} [a-z]{2,}", text)]
    assert sentences == []


def test_a_curator_who_reads_chinese_reads_no_english(stocked, app):
    hashes = add_pictures(stocked, "boat", 12)
    create_campaign(stocked, "boats", "verify", ["boat"], gold_rate=0.5, price_per_judgment=0.5, budget=100.0)
    create_campaign(stocked, "what", "classify", ["boat", "cup"], images=hashes)
    create_campaign(stocked, "where", "boxes", ["boat"], images=hashes[:1])
    add_gold(stocked, "boats", {sha256: {"value": "no"} for sha256 in hashes[:2]})
    for name, words in (("ann", ("yes", "boat")), ("bea", ("no", "cup"))):
        client = app.client(name)
        for campaign, word in zip(("boats", "what"), words, strict=True):
            items = lease(client, campaign)["items"]
            flag = judgment(items[0]["id"]) | {"answer": {"flag": "broken"}}
            send(client, [flag, *(judgment(item["id"], word) for item in items[1:])])
    settle(stocked, "boats")
    settle(stocked, "what")
    add_people(stocked, ["olga"], "owner")
    olga = app.client("olga")
    box = {"category": "boat", "x": 1, "y": 2, "w": 30, "h": 40, "crowd": True}
    (item,) = lease(app.client("ann"), "where")["items"]
    send(app.client("ann"), [judgment(item["id"]) | {"answer": {"boxes": [box]}}])
    own = {"Cairn", "olga", "ann", "bea", "carl", "cora", "boats", "what", "where", "boat", "Boat", "Cup", "cup", "car",
           "Car", "vessel", "that", "floats", "on", "water", "small", "open", "to", "drink", "from", "yes", "no", "UTC",
           "English", "broken", "image", "answer", "category"}  # fmt: skip
    known = {"CSV", "JSON", "JSONL", "Parquet", "Label", "Studio", "COCO", "YOLO", "Pascal", "VOC", "zip", "tar", "MiB",
             "Markdown", "HTML", "ImageNetV", "SHA", "cairn", "audit", "none", "csv", "jsonl", "parquet", "label",
             "studio", "coco", "yolo", "voc", "flag"}  # fmt: skip
    pages = [
        "/", "/campaigns", "/campaigns/new", "/people", "/account", "/moderate", "/campaigns/boats", "/campaigns/what",
        "/campaigns/boats/gold", "/campaigns/what/gold", "/campaigns/where/gold", "/campaigns/boats/suggestions",
        "/campaigns/boats/annotator?name=ann", "/campaigns/what/annotator?name=bea", "/campaigns/boats/items",
        "/campaigns/boats/items?missed=true&annotator=ann", "/campaigns/boats/items?flagged=true",
        "/campaigns/boats/items?state=settled&order=risk&answer=yes&said=no&recent=true&under_ms=900&differs=true",
        "/campaigns/where/items/" + str(item["id"]), "/campaigns/where/review",
    ]  # fmt: skip
    headers = {"Accept": "text/html", "Accept-Language": "zh"}
    pages += olga.get("/campaigns/boats/review?queue=random", headers=headers).headers.get_list("location")
    left = {}
    for path in pages:
        page = olga.get(path, headers=headers)
        assert page.status_code == 200, page.text
        left[path] = Said(page.text).latin - own - known
    assert {path: words for path, words in left.items() if words} == {}


def test_a_number_is_of_one_or_of_many_and_html_is_only_what_was_given_as_html():
    from markupsafe import Markup

    t = words_of("en")
    assert (t("item.judgments", n=1), t("item.judgments", n=12345)) == ("1 judgment", "12\u202f345 judgments")
    assert t("campaign.settled_of", settled=Markup("<b>3</b>"), items="<i>") == "<b>3</b> of &lt;i&gt;"
    assert t("items.of", category="<i>") == "of <i>"  # escaped where it is put on a page


@pytest.mark.parametrize(
    ("translations", "called"),
    [
        ({"de": ["Boot"]}, ()),
        ({"zh": ["船"], "zh-CN": ["小船"]}, ("船",)),
        ({"zh-Hant": ["艇"], "zh-CN": ["船"]}, ("船",)),
        ({"cmn-Hans": ["船", "小船"]}, ("船", "小船")),
        ({"zh-TW": ["艇"], "zh": []}, ("艇",)),
    ],
    ids=["none", "exact", "simplified first", "mandarin of WordNet", "traditional where there is no other"],
)
def test_a_category_is_called_by_its_words_in_the_language_of_the_page(translations, called):
    assert tuple(words_in("zh", translations)) == called


def test_a_translation_that_is_also_the_name_is_said_once(stocked, app):
    with stocked.write() as session:
        find_category(session, "boat").translations = {"en": ["Boat", "craft"]}
    add_pictures(stocked, "boat", 1)
    create_campaign(stocked, "boats", "verify", ["boat"])
    (category,) = app.client("ann").get("/api/v1/campaigns/boats").json()["categories"]
    assert (category["name"], category["synonyms"]) == ("Boat", ["craft"])
