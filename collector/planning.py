"""What a search would bring and cost, before anything is fetched: pictures, judgments, money, time of each query."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import ceil
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from collector.expansion import expand
from collector.queries import Query
from collector.yields import Yield, divide, measure
from label_store import CairnError, CategorySpec, UsageError, read_specs
from label_store.lexicon import Lexicon, ancestors, open_lexicon
from label_store.models import Campaign, CampaignCategory, Category, Item

_JUDGMENTS = 3
"""Of an item, where no campaign asks about its category yet: what `cairn campaign create` takes by default."""


@dataclass(frozen=True)
class SearchTerms:
    """What a source's interface allows and costs."""

    source: str
    page_size: int
    """Results of one request."""
    most: int | None = None
    """Results of one query at most; None where there is no end."""
    delay: float = 1.0
    """Seconds between two pictures of one host."""
    api_delay: float = 1.0
    """Seconds between two requests to its interface."""
    one_host: bool = True
    """Whether all its pictures lie on one host, so that `delay` holds between them."""


@dataclass(frozen=True)
class JudgmentTerms:
    """What judging one picture of a category takes, over all campaigns that ask about it and are not closed."""

    judgments: float = _JUDGMENTS
    money: float = 0.0
    campaigns: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedQuery:
    """One query as it would be asked."""

    query: Query
    asked: bool
    """Whether it is asked at all: not where a budget leaves it nothing to bring."""
    limit: int
    """How far down its results are read: with a budget, what it brought so far and what it is to bring now."""
    brought: int
    """Pictures that it brought so far."""
    candidates: int
    """Pictures that it may bring now, at most: how many a search has is not known before it is asked."""
    rate: float
    """Share of them that will show the category: measured, and 10 % where nobody judged."""
    judged: int
    requests: int
    judgments: int
    money: float

    @property
    def right(self) -> float:
        """Pictures expected to show the category."""
        return self.candidates * self.rate


@dataclass(frozen=True)
class Plan:
    """All queries, those to ask first first."""

    source: str
    queries: tuple[PlannedQuery, ...]
    seconds: float
    """At the delays kept between requests, were every picture there; pictures of one host come one by one."""
    seconds_is_bound: bool
    """Whether pictures of many hosts make it less."""

    def asked(self) -> tuple[Query, ...]:
        """What the source is asked, each query with its limit."""
        return tuple(one.query for one in self.queries if one.asked)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        rows = [
            {
                "words": one.query.words,
                "category": one.query.category,
                "kind": one.query.kind,
                "language": one.query.language,
                **{key: value for key, value in asdict(one).items() if key != "query"},
                "right": one.right,
            }
            for one in self.queries
        ]
        return {
            "source": self.source,
            "queries": rows,
            "candidates": sum(one.candidates for one in self.queries),
            "right": sum(one.right for one in self.queries),
            "requests": sum(one.requests for one in self.queries),
            "seconds": self.seconds,
            "judgments": sum(one.judgments for one in self.queries),
            "money": sum(one.money for one in self.queries),
        }


def commons_terms(delay: float) -> SearchTerms:
    """Of Wikimedia Commons: a page of the API at a time, all pictures from one host."""
    from collector.sources.commons import Commons

    return SearchTerms("commons", Commons(()).page_size, delay=delay, api_delay=delay)


def openverse_terms(delay: float, client_id: str) -> SearchTerms:
    """Of Openverse: 20 requests a minute without a key, 100 with one; pictures of many hosts."""
    from collector.sources.openverse import MOST, Openverse

    api_delay = max(delay, 60 / (100 if client_id else 20))
    return SearchTerms(
        "openverse", Openverse((), client_id=client_id).page_size, MOST, delay, api_delay, one_host=False
    )


def make_plan(
    queries: Sequence[Query],
    terms: SearchTerms,
    yields: Sequence[Yield],
    judging: Mapping[str, JudgmentTerms],
    *,
    limit: int,
    budget: int | None = None,
) -> Plan:
    """Order the queries and say what each may bring. Pure.

    limit: pictures of each query at most, over all runs. budget: pictures of each category in this run, divided among
    its queries in proportion to their score (None: every query to its limit). Queries of a category are ordered by
    score: Wilson's upper bound of their rate, so that what worked comes first, and what is untried before what failed.
    """
    most = limit if terms.most is None else min(limit, terms.most)
    measured = {(one.category, one.query): one for one in yields if one.source == terms.source}
    by_category: dict[str, list[tuple[Query, Yield]]] = defaultdict(list)
    for query in queries:
        nothing = Yield(query.category, terms.source, query.words, 0)
        by_category[query.category].append((query, measured.get((query.category, query.words), nothing)))
    planned = []
    for category, pairs in by_category.items():
        pairs.sort(key=lambda pair: -pair[1].score)  # stable: of equals the one that is more to the point
        rooms = [max(0, most - known.candidates) for _, known in pairs]
        shares = rooms if budget is None else divide(budget, [known.score for _, known in pairs], rooms)
        each = judging.get(category, JudgmentTerms())
        for (query, known), share in zip(pairs, shares, strict=True):
            reach = most if budget is None else min(most, known.candidates + share)
            asked = budget is None or share > 0
            planned.append(
                PlannedQuery(
                    query if budget is None else replace(query, limit=reach),
                    asked=asked,
                    limit=reach,
                    brought=known.candidates,
                    candidates=share,
                    rate=known.expected_rate,
                    judged=known.judged,
                    requests=ceil(reach / terms.page_size) if asked else 0,
                    judgments=round(share * each.judgments),
                    money=share * each.money,
                )
            )
    pictures = sum(one.candidates for one in planned)
    requests = sum(one.requests for one in planned)
    # The interface and the pictures are on different hosts, and are asked side by side.
    seconds = max(terms.api_delay * requests, terms.delay * pictures)
    return Plan(terms.source, tuple(planned), seconds, not terms.one_host)


def plan_search(
    session: Session, queries: Sequence[Query], terms: SearchTerms, *, limit: int, budget: int | None = None
) -> Plan:
    """The plan for these queries with what the label store knows: yields so far and campaigns."""
    slugs = {query.category for query in queries}
    return make_plan(queries, terms, measure(session, slugs), judging_terms(session, slugs), limit=limit, budget=budget)


def judging_terms(session: Session, slugs: Collection[str]) -> dict[str, JudgmentTerms]:
    """Judgments and money for one picture of each category, by the campaigns that ask about it and are not closed.

    A campaign that stops by risk takes what its settled items took so far; at its start, what it takes at most.
    """
    rows = session.execute(
        select(Category.slug, Campaign)
        .join(CampaignCategory, CampaignCategory.category_id == Category.id)
        .join(Campaign, Campaign.id == CampaignCategory.campaign_id)
        .where(Category.slug.in_(slugs), Campaign.state != "closed", Campaign.kind.in_(("verify", "classify")))
        .order_by(Campaign.id)
    ).all()
    found: dict[str, JudgmentTerms] = {}
    for slug, campaign in rows:
        n = _judgments_an_item(session, campaign)
        so_far = found.get(slug, JudgmentTerms(judgments=0.0))
        found[slug] = JudgmentTerms(
            so_far.judgments + n, so_far.money + n * campaign.price_per_judgment, (*so_far.campaigns, campaign.slug)
        )
    return found


def _judgments_an_item(session: Session, campaign: Campaign) -> float:
    if campaign.stopping.get("rule") == "fixed":
        return float(campaign.stopping["n"])
    settled = select(func.avg(Item.n)).where(
        Item.campaign_id == campaign.id, Item.state == "settled", Item.gold.is_(None), Item.n > 0
    )
    taken = session.scalar(settled)
    return float(taken) if taken is not None else float(campaign.stopping["max_n"])


def expanded_queries(
    session: Session,
    slugs: Sequence[str],
    *,
    synonyms: bool = True,
    languages: Sequence[str] = (),
    lexicon: str | None = None,
) -> tuple[Query, ...]:
    """The queries for categories, from the taxonomy and, for those with a WordNet id, an installed lexicon.

    synonyms: also synonyms, parents' words and all translations there are; without, the name alone. `languages`:
    translations into these, and no others. UsageError where one of them is not to be had for a category.
    """
    specs = {spec.slug: spec for spec in read_specs(session)}
    opened = _lexicon_for([specs[slug] for slug in slugs], languages, lexicon)
    found: list[Query] = []
    for slug in slugs:
        spec, above = specs[slug], words_above(specs, slug)
        if opened is not None:
            spec, above = _with_lexicon(spec, above, opened)
        for language in languages:
            if not spec.translations.get(language):
                raise UsageError(
                    f"there is no word for {slug!r} in {language!r}",
                    hint=f"cairn taxonomy add {spec.name!r} --translation {language}=WORD; "
                    "or install a lexicon with translations: python -m wn download omw:1.4",
                )
        asked = expand(spec, above, languages=languages or None)
        found += [query for query in asked if synonyms or query.kind in ("name", *(["translation"] * bool(languages)))]
    return tuple(found)


def words_above(specs: Mapping[str, CategorySpec], slug: str) -> list[tuple[str, ...]]:
    """Name and synonyms of every category above one, the nearest first."""
    order = [slug]
    for here in order:
        order += [parent for parent in specs[here].parents if parent not in order]
    return [(specs[one].name, *specs[one].synonyms) for one in order[1:]]


def _lexicon_for(specs: Sequence[CategorySpec], languages: Sequence[str], where: str | None) -> Lexicon | None:
    """The lexicon that was named, else an installed one where the taxonomy alone lacks something."""
    if where is not None:
        return open_lexicon(where)
    bare = any(spec.wnid and not spec.parents for spec in specs)
    foreign = any(spec.wnid and not spec.translations.get(one) for spec in specs for one in languages)
    if not bare and not foreign:
        return None
    try:
        return open_lexicon(multilingual=foreign)
    except CairnError:
        return None  # the taxonomy's own words are enough to begin with


def _with_lexicon(
    spec: CategorySpec, above: list[tuple[str, ...]], lexicon: Lexicon
) -> tuple[CategorySpec, list[tuple[str, ...]]]:
    synset = lexicon.synset(spec.wnid) if spec.wnid else None
    if synset is None:
        return spec, above
    translations = {**lexicon.translations(synset), **spec.translations}
    lines = above or [one.words for one in ancestors(lexicon, synset)]
    return replace(spec, definition=spec.definition or synset.definition, translations=translations), lines
