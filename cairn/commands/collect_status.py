"""`cairn collect status`: what came per category and source, what did not and why, and how long the rest will take."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, table
from label_store import UsageError, Workspace

if TYPE_CHECKING:
    from collector.progress import RunState
    from collector.status import SourceStatus


def status(
    left_out: Annotated[
        Path | None,
        typer.Option("--left-out", metavar="FILE", help="Write every address that brought no picture: CSV."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="With --left-out: only what was left out for this reason.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what came per category and source, what was left out and why, at what rate, and the time left.

    Example: cairn collect status
    """
    from collector.space import size_words
    from collector.status import collect_status, write_left_out

    opened = Workspace.open(workspace)
    try:
        if left_out is None and reason is not None:
            raise UsageError("--reason belongs to --left-out FILE", hint=f"--left-out {reason}.csv --reason {reason}")
        if left_out is not None:
            n = write_left_out(opened, left_out, reason)
            if as_json:
                print_json({"file": str(left_out), "addresses": n})
                return
            finish(f"{n:,} addresses that brought no picture are in {left_out}", then="cairn collect … --retry REASON")
            return
        found = collect_status(opened)
    finally:
        opened.close()
    if as_json:
        print_json(found.as_dict())
        return
    rows = [
        (
            row.category,
            row.source,
            row.candidates,
            row.images,
            _pace(row.last_ten_minutes) or "–",
            reasons_words(row.left_out) or "–",
        )
        for row in found.categories
    ]
    if rows:
        table("", ("category", "source", "candidates", "images", "lately", "left out"), rows)
    for source in found.sources:
        finish(_source_words(source))
    nothing = not found.sources
    finish(
        f"{found.images:,} images, {size_words(found.bytes)}",
        then="cairn collect urls FILE --category C" if nothing else "cairn collect preview",
    )


def reasons_words(counts: Mapping[str, int]) -> str:
    """Counts by reason, the commonest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{reason} {n:,}" for reason, n in ordered)


def _source_words(source: "SourceStatus") -> str:
    words = [f"{source.source}: {source.ok:,} fetched", reasons_words(source.reasons) or "nothing left out"]
    if source.to_try_now:
        words.append(f"{source.to_try_now:,} to be tried again by the next run")
    if source.to_try_again > source.to_try_now and source.next_try_at is not None:
        later = source.to_try_again - source.to_try_now
        words.append(f"{later:,} not before {_clock(source.next_try_at)}")
    if source.last_ten_minutes:
        words.append(f"{_pace(source.last_ten_minutes)} in the last ten minutes")
    if source.run is not None:
        words.append(_run_words(source.run))
    return "; ".join(words)


def _run_words(run: "RunState") -> str:
    if run.state == "done":
        return f"last run ended {_clock(run.at)}"
    total = f" of {run.total:,}" if run.total is not None else ""
    where = f"{run.done:,}{total}"
    if run.state == "stopped":
        left = f", {run.left:,} left" if run.left else ""
        return f"last run stopped {_clock(run.at)} at {where}{left}; the same command continues"
    rate = f", {run.rate:,.1f}/s" if run.rate else ""
    left = f", {_duration(run.seconds_left)} left" if run.seconds_left is not None else ""
    return f"running: {where}{rate}{left}"


def _pace(in_ten_minutes: int) -> str:
    """A rate of the last ten minutes, by the minute where it is less than one a second."""
    if in_ten_minutes >= 600:
        return f"{in_ten_minutes / 600:,.1f}/s"
    return f"{in_ten_minutes / 10:.1f}/min" if in_ten_minutes else ""


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
