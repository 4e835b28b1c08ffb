"""Judgments, truth and gold from files: CSV (also with tabs or semicolons), JSON (lines or a list) or Parquet, as text.

Names of columns are ours or crowd-kit's. A row that cannot be used is left out and counted, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from consensus.errors import ConsensusError
from consensus.judgments import Judgments

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


def read_table(path: Path) -> pd.DataFrame:
    """Any table as text columns; empty cells are ''. Raises ConsensusError with what is wrong."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson", ".json"):
            table = pd.read_json(path, lines=suffix != ".json", dtype=False)
        elif suffix in (".parquet", ".pq"):
            table = pd.read_parquet(path)
        else:
            return _read_csv(path)
    except FileNotFoundError as error:
        raise ConsensusError(f"there is no file {path}", "give the path of a judgments file", 2) from error
    except IsADirectoryError as error:
        raise ConsensusError(f"{path} is a folder", "give the path of one file", 2) from error
    except pd.errors.EmptyDataError as error:
        raise ConsensusError(f"{path} is empty", "its first line must name columns: item, annotator, answer") from error
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConsensusError(f"{path} cannot be read: {reason[:200]}", "CSV in UTF-8, JSON or Parquet") from error
    return pd.DataFrame({str(name): [_text(value) for value in table[name]] for name in table.columns})


def _read_csv(path: Path) -> pd.DataFrame:
    """A spreadsheet writes tabs or semicolons where its country writes decimals with commas: the first line tells."""
    wanted = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig")
    if len(wanted.columns) > 1:
        return wanted
    for separator in (";", "\t"):
        if separator in str(wanted.columns[0]):
            return pd.read_csv(
                path, sep=separator, dtype=str, keep_default_na=False, skipinitialspace=True, encoding="utf-8-sig"
            )
    return wanted


def read_judgments(
    path: Path, choices: Sequence[str] | None = None, observed_only: Sequence[str] = ("unsure",)
) -> NamedJudgments:
    """A judgments file with columns item, annotator, answer (or task, worker, label) and perhaps weight.

    choices: the classes; without it every answer that occurs and is not observed-only is one, sorted.
    observed_only: answers that may be given but that no item has. Where an annotator judged an item
    twice the later row counts. Raises ConsensusError when nothing usable is left.
    """
    table = read_table(path)
    item, annotator, answer = (_column(table, path, names) for names in (ITEM, ANNOTATOR, ANSWER))
    left_out: list[str] = []
    blank = (item == "") | (annotator == "") | (answer == "")
    _note(left_out, path, blank, "has an empty cell", "have empty cells")
    usable = ~blank
    if choices is not None:
        outside = usable & ~answer.isin([*choices, *observed_only])
        _note(left_out, path, outside, "has an answer that is no choice", "have answers that are no choice")
        usable &= ~outside
    weight = None
    if "weight" in table.columns:
        weight = pd.to_numeric(table["weight"], errors="coerce").astype(float)
        wrong = usable & ~(np.isfinite(weight) & (weight >= 0))
        _note(left_out, path, wrong, "has no usable weight", "have no usable weight")
        usable &= ~wrong
    pairs = pd.DataFrame({"item": item, "annotator": annotator})[usable]
    repeated = pairs.duplicated(keep="last").reindex(table.index, fill_value=False)
    _note(left_out, path, repeated, "was replaced by a later one", "were replaced by later ones")
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
    item, answer = _column(table, path, ITEM), _column(table, path, TRUTH)
    known: dict[str, str] = {}
    for row, (name, value) in enumerate(zip(item, answer, strict=True), start=1):
        if name == "" or value == "":
            raise ConsensusError(f"row {row} of {path} has an empty cell", "fill it in or leave the row out")
        if known.setdefault(name, value) != value:
            raise ConsensusError(
                f"{path} contradicts itself: item {name!r} is {known[name]!r} and {value!r}",
                f"leave one of them out (the second is row {row})",
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


def _column(table: pd.DataFrame, path: Path, names: Sequence[str]) -> pd.Series:
    spelled = {str(name).strip().lower(): name for name in table.columns}
    for name in names:
        if name in spelled:
            column: pd.Series = table[spelled[name]].str.strip()
            return column
    raise ConsensusError(
        f"{path} has no column {' or '.join(names[:2])}; it has {', '.join(map(str, table.columns)) or 'none'}",
        "name the columns item, annotator, answer or task, worker, label",
    )


def _note(left_out: list[str], path: Path, rows: pd.Series, one: str, many: str) -> None:
    count = int(rows.sum())
    if count:
        first = int(np.flatnonzero(rows.to_numpy())[0]) + 1
        left_out.append(
            f"row {first} of {path.name} {one}"
            if count == 1
            else f"{count} rows of {path.name} {many}, the first is row {first}"
        )


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    # An answer as the label store keeps it: {"value": "yes"} is the word, everything else its JSON.
    if isinstance(value, dict) and set(value) == {"value"}:
        return _text(value["value"])
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    # 1.0 and 1 are one answer: Parquet and JSON turn whole numbers with gaps into floats.
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
