"""What every command shares on the terminal: progress, tables, `--json`, errors as one sentence and a hint."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

ProgressFn = Callable[[int, "int | None", str], None]

WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", "-w", help="The workspace's folder (else CAIRN_WORKSPACE, else upwards from here)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of words.")]

DONE, FAILED, USAGE, PARTIAL, STOPPED = 0, 1, 2, 3, 130
"""Exit codes of every command."""


_ENDLESS = 100_000
"""Columns of a terminal that folds nothing."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f}/s" if task.speed else "", style="dim")


@contextmanager
def progress(label: str) -> Iterator[ProgressFn]:
    """A progress bar with rate and time left on a terminal; elsewhere a line every ten seconds."""
    if not sys.stderr.isatty():
        yield _line_progress(label)
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn(), _Rate(),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(), TextColumn("[dim]{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(label, total=None, note="")

        def show(done: int, total: int | None, note: str) -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield show


def _line_progress(label: str) -> ProgressFn:
    began = last = time.monotonic()
    start, of = 0, None

    def show(done: int, total: int | None, note: str) -> None:
        nonlocal began, last, start, of
        at = time.monotonic()
        if total != of or done < start:  # another part of the work, with a pace of its own
            began, start, of = at, done, total
        if at - last < 10:
            return
        last = at
        rate = (done - start) / max(at - began, 1e-9)
        left = f", {(total - done) / rate:.0f} s left" if total and rate > 0 else ""
        err.print(f"{label}: {done:,}{f'/{total:,}' if total else ''}, {rate:,.1f}/s{left} {note}".rstrip())

    return show


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table whose numbers are right-aligned; a terminal folds its words, a file has every row on one whole line."""
    shown = Table(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) or row[index] is None for row in rows)
        shown.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=numeric)
    for row in rows:
        shown.add_row(*(Text(_cell(value)) for value in row))  # never markup: names and reasons come from outside
    if out.is_terminal:
        out.print(shown)
        return
    whole = out.measure(shown, options=out.options.update(max_width=_ENDLESS)).maximum
    Console(file=out.file, width=whole, highlight=False, emoji=False).print(shown)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def finish(sentence: str, *, then: str = "") -> None:
    """What the command did, and the next command to try."""
    out.print(Text(sentence))
    if then:
        out.print(Text("next: ", style="dim") + Text(then))


def fail(error: BaseException) -> int:
    """Print an error as one sentence and a hint; returns the exit code."""
    sentence = str(error).strip() or type(error).__name__
    err.print(Text("error: ", style="bold red") + Text(sentence))
    hint = getattr(error, "hint", "")
    if hint:
        err.print(Text("hint: ", style="bold") + Text(hint))
    return int(getattr(error, "exit_code", FAILED))


def is_debug() -> bool:
    """Whether tracebacks are wanted (`--debug` or CAIRN_DEBUG)."""
    return bool(os.environ.get("CAIRN_DEBUG"))
