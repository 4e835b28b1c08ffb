"""`python -m consensus FILE`: the consensus of any judgments file, without a workspace."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from consensus.agreement import krippendorff_alpha
from consensus.cautions import cautions
from consensus.confusion import confusion_of
from consensus.errors import ConsensusError
from consensus.files import read_answers, read_judgments, spellings
from consensus.fit import METHODS, fit
from consensus.flags import fit_weighted_down, flags
from consensus.label_error import estimated_label_error
from consensus.report import MOST_SHOWN, Report, as_json, as_text
from consensus.results import TABLES, write_table

_EXAMPLE = """\
example:
  python -m consensus votes.csv --out answers.csv
  python -m consensus votes.csv --truth truth.csv --json

FILE has columns item, annotator, answer (or task, worker, label), and perhaps weight.
Truth and gold files have columns item and answer (or task and truth).
Exit code: 0 done, 1 the data cannot be used, 2 bad usage, 3 done without some rows (named on stderr).
"""


def parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    out = argparse.ArgumentParser(
        prog="python -m consensus",
        description="Who is right: posteriors of items, quality of annotators, and their agreement.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    out.add_argument("file", type=Path, metavar="FILE", help="judgments: CSV, JSON (lines or a list) or Parquet")
    out.add_argument("--truth", type=Path, metavar="FILE", help="true answers, only to measure accuracy")
    out.add_argument("--gold", type=Path, metavar="FILE", help="known answers, used as such")
    out.add_argument("--method", choices=METHODS, default=METHODS[0], help="default: %(default)s")
    out.add_argument("--choices", metavar="A,B,...", help="the answers an item can have; default: all that occur")
    out.add_argument("--unsure", metavar="WORD", action="append", help="an answer that no item has; default: unsure")
    out.add_argument(
        "--confusions", action="store_true", help="also what each annotator takes each class for, with 95 %% intervals"
    )
    out.add_argument("--out", type=Path, metavar="FILE", help="write the answer of every item: CSV or Parquet")
    out.add_argument("--annotators", type=Path, metavar="FILE", help="write the quality of every annotator likewise")
    out.add_argument(
        "--top", type=_from_one, default=MOST_SHOWN, metavar="N", help="least sure items to show; default: %(default)s"
    )
    out.add_argument("--json", action="store_true", help="print one JSON object")
    return out


def _from_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    given = parser().parse_args(arguments)
    try:
        report = consensus_of(given)
        written = [(path, name) for path, name in ((given.out, "items"), (given.annotators, "annotators")) if path]
        for path, name in written:
            write_table(path, TABLES[name](report))
    except ConsensusError as error:
        print(f"error: {error}", file=sys.stderr)
        if error.hint:
            print(f"hint: {error.hint}", file=sys.stderr)
        return error.exit_code
    if given.json:
        json.dump(as_json(report), sys.stdout, ensure_ascii=False, allow_nan=False)
        sys.stdout.write("\n")
        for sentence in report.cautions:
            print(f"caution: {sentence}", file=sys.stderr)
    else:
        sys.stdout.write(as_text(report))
        for path, name in written:
            sys.stdout.write(f"written          all {name} are in {path}\n")
    for sentence in report.named.left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    return 3 if report.named.left_out else 0


def consensus_of(given: argparse.Namespace) -> Report:
    """Read, fit and measure what the arguments name."""
    choices = None
    if given.choices is not None:
        choices = [name.strip() for name in given.choices.split(",") if name.strip()]
        if not choices or len(set(choices)) != len(choices):
            raise ConsensusError(f"--choices {given.choices!r} must name different answers", exit_code=2)
    named = read_judgments(given.file, choices, given.unsure or ("unsure",))
    gold = read_answers(given.gold, named) if given.gold else None
    truth = read_answers(given.truth, named) if given.truth else None
    if given.method == METHODS[0]:
        result = fit_weighted_down(named.judgments, gold).result
    else:
        result = fit(named.judgments, given.method, gold)
    agreement = krippendorff_alpha(named.judgments)
    return Report(
        named=named,
        result=result,
        flags=flags(result, named.judgments),
        agreement=agreement,
        label_error=estimated_label_error(result),
        truth=truth,
        cautions=[
            *cautions(result, named.judgments, agreement, named.answers),
            *spellings(named.answers, "answer"),
            *spellings(named.annotators, "annotator"),
        ],
        top=given.top,
        confusions=[confusion_of(result, named.judgments, j) for j in range(len(named.annotators))]
        if given.confusions
        else [],
    )


def _run() -> int:
    """`main` for a shell: Ctrl-C ends with 130, and a reader that has seen enough is no error."""
    try:
        code = main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tells of it once more at its end
        return 0
    return code


if __name__ == "__main__":
    sys.exit(_run())
