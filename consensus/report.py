"""A fit as people read it and as machines do (`python -m consensus`, with and without `--json`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from consensus.agreement import Agreement
from consensus.confusion import Confusion
from consensus.files import NamedJudgments
from consensus.fit import Result
from consensus.judgments import Floats
from consensus.label_error import LabelError

MOST_SHOWN = 10


@dataclass(frozen=True)
class Report:
    """Everything the command found out about one file."""

    named: NamedJudgments
    result: Result
    flags: list[set[str]]
    agreement: Agreement
    label_error: LabelError
    truth: Mapping[int, int] | None = None
    cautions: list[str] = field(default_factory=list)
    confusions: list[Confusion] = field(default_factory=list)
    top: int = MOST_SHOWN
    """How many of the least sure items the text shows, and twice as many annotators."""

    @property
    def accuracy(self) -> float | None:
        """The share of items with a truth whose answer is the true one."""
        if not self.truth:
            return None
        return float(np.mean([self.result.answer[item] == true for item, true in self.truth.items()]))


def as_json(report: Report) -> dict[str, Any]:
    """The object that `--json` prints; probabilities of an item sum to 1."""
    named, result = report.named, report.result
    quality, agreement = result.annotator, report.agreement
    out: dict[str, Any] = {
        "method": result.method,
        "items": len(named.items),
        "annotators": len(named.annotators),
        "judgments": len(named.judgments),
    }
    if report.accuracy is not None:
        out["accuracy"] = report.accuracy
    error = report.label_error
    out["label_error"] = {"estimate": error.estimate, "low": error.low, "high": error.high}
    out["answers"] = [
        {
            "item": name,
            "answer": named.classes[result.answer[i]] if result.answer[i] >= 0 else None,
            "posterior": named_posterior(result.posterior[i], named.classes),
            "risk": float(result.risk[i]),
            "tied": bool(result.tied[i]),
            "n": int(result.n[i]),
        }
        for i, name in enumerate(named.items)
    ]
    out["annotator_quality"] = [
        {
            "annotator": name,
            "n": int(quality.n[j]),
            "accuracy": float(quality.accuracy[j]),
            "low": float(quality.low[j]),
            "high": float(quality.high[j]),
            "flags": sorted(report.flags[j]),
        }
        for j, name in enumerate(named.annotators)
    ]
    for entry, confusion in zip(out["annotator_quality"], report.confusions, strict=False):
        entry["confusion"] = _confusion_json(confusion, named)
    out["agreement"] = {"alpha": agreement.alpha, "low": agreement.low, "high": agreement.high}
    if report.cautions:
        out["cautions"] = report.cautions
    return out


def _confusion_json(confusion: Confusion, named: NamedJudgments) -> list[dict[str, Any]]:
    return [
        {
            "class": true,
            "shown": float(confusion.shown[k]),
            "answers": {
                answer: {
                    "rate": float(confusion.rate[k, a]),
                    "low": float(confusion.low[k, a]),
                    "high": float(confusion.high[k, a]),
                }
                for a, answer in enumerate(named.answers)
            },
        }
        for k, true in enumerate(named.classes)
    ]


def named_posterior(posterior: Floats, classes: list[str]) -> dict[str, float]:
    """Answer -> probability, the most likely first; with more than ten, the ten best and `other`."""
    order = np.argsort(-posterior, kind="stable")[:MOST_SHOWN]
    out = {classes[k]: float(posterior[k]) for k in order}
    if len(posterior) > MOST_SHOWN:
        out["other"] = max(0.0, 1.0 - sum(out.values()))
    return out


def as_text(report: Report) -> str:
    """The same for people: figures first, then annotators, then the items least sure of."""
    named, result = report.named, report.result
    lines = [
        f"{_count(len(named.judgments), 'judgment')} of {_count(len(named.items), 'item')} by"
        f" {_count(len(named.annotators), 'annotator')}, {result.method}"
        + ("" if result.converged else " (not converged)")
    ]
    if report.accuracy is not None and report.truth is not None:
        lines.append(f"accuracy         {report.accuracy:.4f} on {len(report.truth):,} items with a truth")
    error = report.label_error
    if error.estimate is not None and error.low is not None and error.high is not None:
        kind = "estimated error" if result.method != "majority" else "votes against  "
        lines.append(f"{kind}  {error.estimate:.2%} of answers (95 %: {error.low:.2%} to {error.high:.2%})")
        if result.method != "majority":
            lines.append("                 if annotators err independently of each other; only an audit can tell")
    agreed = report.agreement
    if agreed.alpha is None or agreed.low is None or agreed.high is None:
        lines.append("agreement        not defined: needs items with two answers, and two different answers")
    else:
        lines.append(f"agreement        alpha {agreed.alpha:.3f} (95 %: {agreed.low:.3f} to {agreed.high:.3f})")
    lines += [f"caution          {sentence}" for sentence in report.cautions]
    lines += ["", *_answer_lines(report), "", *_annotator_lines(report), "", *_doubt_lines(report)]
    lines += _confusion_lines(report)
    return "\n".join(lines).rstrip() + "\n"


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + ("" if n == 1 else "s")


def _answer_lines(report: Report) -> list[str]:
    classes = report.named.classes
    counts = np.bincount(report.result.answer[report.result.answer >= 0], minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    shown = [f"{classes[k]} {counts[k]:,}" for k in order[:MOST_SHOWN]]
    rest, none = int(counts[order[MOST_SHOWN:]].sum()), int((report.result.answer < 0).sum())
    shown += [f"{word} {n:,}" for word, n in (("others", rest), ("no answer", none)) if n]
    return ["answers          " + " · ".join(shown)]


def _annotator_lines(report: Report) -> list[str]:
    quality, names = report.result.annotator, report.named.annotators
    order = np.argsort(quality.accuracy, kind="stable")
    shown = [j for j in order if report.flags[j]]
    shown += [j for j in order if not report.flags[j]][: max(0, 2 * report.top - len(shown))]
    wide = max(9, *(len(names[j]) for j in shown))
    lines = [f"{'annotator':<{wide}}  {'n':>7}  accuracy  95 % interval   flags"]
    lines += [
        f"{names[j]:<{wide}}  {quality.n[j]:>7,}  {quality.accuracy[j]:>8.3f}"
        f"  {quality.low[j]:.3f} to {quality.high[j]:.3f}  {', '.join(sorted(report.flags[j]))}".rstrip()
        for j in shown
    ]
    if len(shown) < len(names):
        lines.append(f"and {len(names) - len(shown):,} more accurate")
    return lines


def _doubt_lines(report: Report) -> list[str]:
    named, result = report.named, report.result
    order = np.argsort(-result.risk, kind="stable")[: report.top]
    wide = max(4, *(len(named.items[i]) for i in order))
    lines = ["least sure", f"{'item':<{wide}}  {'n':>4}   risk  answers"]
    for i in order:
        best = list(named_posterior(result.posterior[i], named.classes).items())[:3]
        answers = ", ".join(f"{name} {p:.2f}" for name, p in best)
        tied = " (nobody named one)" if result.answer[i] < 0 else " (tied)" if result.tied[i] else ""
        lines.append(f"{named.items[i]:<{wide}}  {result.n[i]:>4}  {result.risk[i]:.3f}  {answers}{tied}")
    return lines


def _confusion_lines(report: Report) -> list[str]:
    """A table an annotator, in the order of the file: rows are classes, columns the answers given to them."""
    named = report.named
    wide = max(8, *(len(answer) for answer in named.answers))
    lines = []
    for name, confusion in zip(named.annotators, report.confusions, strict=False):
        lines += ["", f"{name}: of each class the share given each answer (95 % interval)"]
        lines.append("".join([f"{'class':<{wide}}  {'shown':>7}", *(f"  {answer:>18}" for answer in named.answers)]))
        for k, true in enumerate(named.classes):
            cells = [
                f"{confusion.rate[k, a]:.2f} ({confusion.low[k, a]:.2f} to {confusion.high[k, a]:.2f})"
                for a in range(len(named.answers))
            ]
            lines.append("".join([f"{true:<{wide}}  {confusion.shown[k]:>7.1f}", *(f"  {cell:>18}" for cell in cells)]))
    return lines
