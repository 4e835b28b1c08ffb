"""One person in a campaign, for its curators: how much and how fast, against what was settled, and on known items.

What was settled counts the person's own answers too, so agreement with it flatters whoever judged where few did.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotate_app.answer_words import in_words
from annotate_app.gold import same_answer
from consensus.intervals import wilson
from label_store import is_flag
from label_store.models import Campaign, Consensus, Item, Judgment, Person

MOST = 50_000
"""The figures are of so many of the person's latest judgments."""
MOST_ROWS = 12
"""Answers of a table of who took what for what; the rest is `other`."""
LONG_RUN_CHANCE = 1e-3
"""A run of equal answers is long when chance brings one in so few orders of the same answers."""


@dataclass(frozen=True)
class Share:
    """`right` of `n`, with Wilson's 95 % interval."""

    right: int
    n: int

    @property
    def share(self) -> float | None:
        """None of nothing."""
        return self.right / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high); (0, 1) of nothing."""
        return wilson(self.right, self.n)


@dataclass(frozen=True)
class Run:
    """The longest run of one answer, and the share of orders of the same answers with one as long (at most)."""

    answer: str
    length: int
    chance: float

    @property
    def suspicious(self) -> bool:
        """Whether chance hardly brings so long a run."""
        return self.length > 1 and self.chance < LONG_RUN_CHANCE


@dataclass(frozen=True)
class Question:
    """One question of an item: an attribute by its name, or the only one there is (named "").

    `answers`: how often what was said, the most frequent first. `confusion`: a row for each settled answer, a column
    for each given one. `one_word`: an answer is one of its choices, so that items can be found by it.
    """

    name: str
    answers: tuple[tuple[str, int], ...]
    settled: tuple[str, ...]
    given: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    one_word: bool


@dataclass(frozen=True)
class OneAnnotator:
    """What a curator sees of one person. Seconds are of time in view, of the answers that were measured."""

    name: str
    judgments: int
    latest_only: bool
    """Whether there are more than were looked at."""
    median_seconds: float | None
    quickest_tenth: float | None
    agreement: Share
    """With the consensus of settled items."""
    gold: Share
    questions: tuple[Question, ...]
    longest_run: Run | None
    flags: tuple[tuple[str, int], ...]
    by_day: tuple[tuple[date, int], ...]
    """UTC."""


def one_annotator(session: Session, campaign: Campaign, person: Person) -> OneAnnotator:
    """Read the person's latest active judgments of the campaign, and what became of their items."""
    rows = session.execute(
        select(
            Judgment.answer, Judgment.active_ms, Judgment.received_at,
            Item.gold, Consensus.state, Consensus.answer.label("settled"),
        )
        .select_from(Judgment)
        .join(Item, Item.id == Judgment.item_id)
        .outerjoin(Consensus, (Consensus.item_id == Item.id) & (Consensus.version == campaign.consensus_version))
        .where(
            Judgment.person_id == person.id, Judgment.role == "annotator", Judgment.active,
            Item.campaign_id == campaign.id,
        )
        .order_by(Judgment.received_at.desc(), Judgment.answered_at.desc(), Judgment.id)
        .limit(MOST + 1)
    ).all()  # fmt: skip
    latest = rows[:MOST]
    answered = [row for row in latest if not is_flag(row.answer)]
    said = [_words(row.answer) for row in answered]
    settled = [
        (_words(row.settled), words)
        for row, words in zip(answered, said, strict=True)
        if row.gold is None and row.state == "settled" and row.settled is not None
    ]
    known = [same_answer(row.answer, row.gold) for row in answered if row.gold is not None]
    seconds = sorted(row.active_ms / 1000 for row in answered if row.active_ms)
    names = list(dict.fromkeys(name for words in said for name in words))
    lists = {
        name for row in answered for name, value in row.answer.get("values", {}).items() if isinstance(value, list)
    }
    several = lists if campaign.kind in ("verify", "classify", "attributes") else set(names)
    return OneAnnotator(
        name=person.name,
        judgments=len(latest),
        latest_only=len(rows) > MOST,
        median_seconds=median(seconds) if seconds else None,
        quickest_tenth=seconds[len(seconds) // 10] if seconds else None,
        agreement=_share(settled),
        gold=Share(sum(known), len(known)),
        questions=tuple(_question(name, said, settled, one_word=name not in several) for name in names),
        longest_run=longest_run([words[""] for words in said if "" in words]),
        flags=tuple(Counter(row.answer["flag"] for row in latest if is_flag(row.answer)).most_common()),
        by_day=_by_day(row.received_at for row in latest),
    )


def confusion_of(
    pairs: Iterable[tuple[str, str]], most: int = MOST_ROWS
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Counts of (settled, given): the names of rows and columns, the most frequent first, and the table."""
    counts = Counter(pairs)
    totals: Counter[str] = Counter()
    for (settled, given), n in counts.items():
        totals[settled] += n
        totals[given] += n
    order = [word for word, _ in sorted(totals.items(), key=lambda entry: (-entry[1], entry[0]))]
    kept = set(order if len(order) <= most else order[: most - 1])
    table: Counter[tuple[str, str]] = Counter()
    for (settled, given), n in counts.items():
        table[settled if settled in kept else "other", given if given in kept else "other"] += n
    names = [word for word in order if word in kept] + ([] if len(kept) == len(order) else ["other"])
    rows = tuple(name for name in names if any(settled == name for settled, _ in table))
    columns = tuple(name for name in names if any(given == name for _, given in table) or name in rows)
    return rows, columns, tuple(tuple(table[row, column] for column in columns) for row in rows)


def longest_run(words: Sequence[str]) -> Run | None:
    """The longest run of one answer. Its chance is bounded by the sum over its possible starts (Boole's inequality)
    of the share of orders of these answers that have the run there: C(m, r) / C(n, r), m times the answer among n."""
    if not words:
        return None
    totals = Counter(words)
    n = len(words)
    best: Run | None = None
    for word, run in groupby(words):
        length = sum(1 for _ in run)
        if best is not None and length <= best.length and word == best.answer:
            continue
        chance = float(n - length + 1)
        for k in range(length):
            chance *= (totals[word] - k) / (n - k)
        candidate = Run(word, length, min(1.0, chance))
        if best is None or (candidate.chance, -candidate.length) < (best.chance, -best.length):
            best = candidate
    return best


def _question(
    name: str,
    said: Sequence[Mapping[str, str]],
    settled: Sequence[tuple[Mapping[str, str], Mapping[str, str]]],
    *,
    one_word: bool,
) -> Question:
    pairs = [(truth[name], given[name]) for truth, given in settled if name in truth and name in given]
    answers = Counter(words[name] for words in said if name in words).most_common(MOST_ROWS)
    return Question(name, tuple(answers), *confusion_of(pairs), one_word)


def _words(answer: Mapping[str, Any]) -> dict[str, str]:
    """A word for each question; of boxes and shapes, how many there are of what."""
    if "values" in answer:
        values = answer["values"].items()
        return {name: value if isinstance(value, str) else ", ".join(value) or "none" for name, value in values}
    return {"": in_words(answer)}


def _share(pairs: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> Share:
    return Share(sum(truth == given for truth, given in pairs), len(pairs))


def _by_day(moments: Iterable[datetime]) -> tuple[tuple[date, int], ...]:
    return tuple(sorted(Counter(moment.date() for moment in moments).items()))
