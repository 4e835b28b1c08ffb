"""`cairn collect status`: what came per category and source, what did not and why, and how long the rest will take."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, table
from label_store import Workspace

if TYPE_CHECKING:
    from collector.progress import RunState
    from collector.status import SourceStatus


def status(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show what came per category and source, what was left out and why, at what rate, and the time left.

    Example: cairn collect status
    """
    from collector.space import size_words
    from collector.status import collect_status

    opened = Workspace.open(workspace)
    try:
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
            f"{row.last_ten_minutes / 600:.1f}/s" if row.last_ten_minutes else "–",
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
        words.append(f"{source.last_ten_minutes / 600:.1f}/s in the last ten minutes")
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


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
