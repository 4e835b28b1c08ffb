"""All results of one file as tables for people and spreadsheets: a row an item, a row an annotator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from consensus.errors import ConsensusError
from consensus.report import Report

_DIGITS = 6


def answers_table(report: Report) -> pd.DataFrame:
    """item, answer ('' without one), its probability, the second and its probability, n, tied; the truth if known."""
    named, result = report.named, report.result
    rows = []
    for i, item in enumerate(named.items):
        posterior = result.posterior[i]
        best = np.argsort(-posterior, kind="stable")[:2]
        first = int(result.answer[i])
        second = next((int(k) for k in best if k != first), -1)
        rows.append(
            {
                "item": item,
                "answer": named.classes[first] if first >= 0 else "",
                "probability": round(float(posterior[first]), _DIGITS) if first >= 0 else None,
                "second": named.classes[second] if second >= 0 and first >= 0 else "",
                "second_probability": round(float(posterior[second]), _DIGITS) if second >= 0 and first >= 0 else None,
                "n": int(result.n[i]),
                "tied": "yes" if result.tied[i] and first >= 0 else "",
            }
            | ({"truth": named.classes[report.truth[i]] if i in report.truth else ""} if report.truth else {})
        )
    return pd.DataFrame(rows)


def annotators_table(report: Report) -> pd.DataFrame:
    """annotator, n, accuracy with its 95 % interval, flags."""
    quality = report.result.annotator
    return pd.DataFrame(
        {
            "annotator": report.named.annotators,
            "n": quality.n,
            "accuracy": quality.accuracy.round(_DIGITS),
            "low": quality.low.round(_DIGITS),
            "high": quality.high.round(_DIGITS),
            "flags": [" ".join(sorted(flags)) for flags in report.flags],
        }
    )


TABLES: Mapping[str, Callable[[Report], pd.DataFrame]] = {"items": answers_table, "annotators": annotators_table}


def write_table(path: Path, table: pd.DataFrame) -> None:
    """CSV, or Parquet by its ending; whole or not at all. ConsensusError where it cannot be written."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise ConsensusError(f"{path} cannot be written: {error.strerror or error}", "give another place", 2) from error
    finally:
        temporary.unlink(missing_ok=True)
