"""Judgments, truth and gold from the tables of files.

Names of columns are ours or crowd-kit's. A row that cannot be used is left out and named, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from consensus.errors import ConsensusError
from consensus.judgments import Judgments
from consensus.tables import Table, read_table

ITEM = ("item", "task")
ANNOTATOR = ("annotator", "worker")
ANSWER = ("answer", "label")
TRUTH = ("answer", "truth", "label", "gold")


@dataclass(frozen=True)
class NamedJudgments:
    """Judgments with the names behind their integers. `left_out` says in sentences what was not used."""

    judgments: Judgments
    items: list[str]
    annotators: list[str]
    answers: list[str]
    left_out: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """The names of the answers that an item can have, in the order of the posterior's columns."""
        return self.answers[: self.judgments.n_classes]


def read_judgments(
    path: Path, choices: Sequence[str] | None = None, observed_only: Sequence[str] = ("unsure",)
) -> NamedJudgments:
    """A judgments file with columns item, annotator, answer (or task, worker, label) and perhaps weight.

    choices: the classes; without it every answer that occurs and is not observed-only is one, sorted.
    observed_only: answers that may be given but that no item has. Where an annotator judged an item
    twice the later row counts. Raises ConsensusError when nothing usable is left.
    """
    table = read_table(path)
    item, annotator, answer = (_column(table, names) for names in (ITEM, ANNOTATOR, ANSWER))
    left_out = table.left_out
    blank = (item == "") | (annotator == "") | (answer == "")
    _note(table, blank, "has an empty cell", "have empty cells")
    usable = ~blank
    if choices is not None:
        outside = usable & ~answer.isin([*choices, *observed_only])
        _note(table, outside, "has an answer that is no choice", "have answers that are no choice")
        usable &= ~outside
    weight = None
    if "weight" in table.cells.columns:
        weight = pd.to_numeric(table.cells["weight"], errors="coerce").astype(float)
        wrong = usable & ~(np.isfinite(weight) & (weight >= 0))
        _note(table, wrong, "has no usable weight", "have no usable weight")
        usable &= ~wrong
    pairs = pd.DataFrame({"item": item, "annotator": annotator})[usable]
    repeated = pairs.duplicated(keep="last").reindex(table.cells.index, fill_value=False)
    _note(table, repeated, "was replaced by a later one", "were replaced by later ones")
    usable &= ~repeated
    if not usable.any():
        raise ConsensusError(f"{path} holds no usable judgment", "; ".join(left_out) or "it has no rows")

    item, annotator, answer = item[usable], annotator[usable], answer[usable]
    names = sorted(set(answer))
    if choices is None:
        choices = [name for name in names if name not in observed_only]
        if not choices:
            raise ConsensusError(
                f"every answer in {path} is {' or '.join(map(repr, names))}", "name classes with --choices"
            )
    # Without one "unsure" in the file there is nothing to learn about it.
    answers = [*choices, *(name for name in observed_only if name in names and name not in choices)]
    item_code, items = pd.factorize(item, sort=True)
    annotator_code, annotators = pd.factorize(annotator, sort=True)
    judgments = Judgments(
        item=item_code.astype(np.int64),
        annotator=annotator_code.astype(np.int64),
        answer=pd.Index(answers).get_indexer(pd.Index(answer)).astype(np.int64),
        n_items=len(items),
        n_annotators=len(annotators),
        n_classes=len(choices),
        n_answers=len(answers),
        weight=None if weight is None else np.asarray(weight[usable], dtype=np.float64),
    )
    return NamedJudgments(judgments, list(items), list(annotators), answers, left_out)


def read_answers(path: Path, named: NamedJudgments) -> dict[int, int]:
    """Known answers (gold, truth) as item -> class; items nobody judged are left out.

    Raises ConsensusError where one item has two different answers, or an answer is no class.
    """
    table = read_table(path)
    item, answer = _column(table, ITEM), _column(table, TRUTH)
    named.left_out.extend(table.left_out)
    known: dict[str, str] = {}
    for row, (name, value) in enumerate(zip(item, answer, strict=True)):
        if name == "" or value == "":
            raise ConsensusError(f"{table.place(row)} of {path} has an empty cell", "fill it in or leave the row out")
        if known.setdefault(name, value) != value:
            raise ConsensusError(
                f"{path} contradicts itself: item {name!r} is {known[name]!r} and {value!r}",
                f"leave one of them out (the second is {table.place(row)})",
            )
    items = {name: code for code, name in enumerate(named.items)}
    classes = {name: code for code, name in enumerate(named.classes)}
    found: dict[int, int] = {}
    for name, value in known.items():
        if name not in items:
            continue
        if value not in classes:
            raise ConsensusError(
                f"{path} says {value!r} for item {name!r}, which is none of the answers"
                f" {', '.join(named.classes[:10])}",
                "name all classes with --choices",
            )
        found[items[name]] = classes[value]
    if not found:
        raise ConsensusError(
            f"{path} names none of the {len(items)} items that were judged", "are the item names the same?"
        )
    return found


def spellings(names: Sequence[str], what: str) -> list[str]:
    """A sentence for each group of names that differ in nothing but capitals and spaces."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(" ".join(name.casefold().split()), []).append(name)
    return [
        f"{' and '.join(map(repr, same))} are counted as {len(same)} {what}s; if they are one, spell them alike"
        for same in groups.values()
        if len(same) > 1
    ]


def _column(table: Table, names: Sequence[str]) -> pd.Series:
    spelled = {str(name).strip().lower(): name for name in table.cells.columns}
    for name in names:
        if name in spelled:
            column: pd.Series = table.cells[spelled[name]].str.strip()
            return column
    raise ConsensusError(
        f"{table.path} has no column {' or '.join(names[:2])}; it has"
        f" {', '.join(map(str, table.cells.columns)) or 'none'}",
        "name the columns item, annotator, answer or task, worker, label",
    )


def _note(table: Table, rows: pd.Series, one: str, many: str) -> None:
    count = int(rows.sum())
    if count:
        first = table.place(int(np.flatnonzero(rows.to_numpy())[0]))
        table.left_out.append(
            f"{first} of {table.path.name} {one}"
            if count == 1
            else f"{count:,} rows of {table.path.name} {many}, the first is {first}"
        )
