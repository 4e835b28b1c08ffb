"""What every way to collect shares: its options, the run with progress, and what is told of it."""

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.commands.collect_status import reasons_words
from cairn.console import PARTIAL, err, finish, print_json, progress
from label_store import CairnError, Settings, Workspace

if TYPE_CHECKING:
    from collector import CollectOptions, CollectReport, Source

CategoryOption = Annotated[
    str | None, typer.Option("--category", "-c", help="Propose for this category what says no other.")
]
DelayOption = Annotated[
    float | None, typer.Option("--delay", help="Seconds between two requests to one host (else host_delay).", min=0)
]
ProcessesOption = Annotated[
    int | None, typer.Option("--processes", help="Processes that decode pictures (else one a core).", min=0)
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        help="Do not honour: robots, noindex, noimageindex, noai, noimageai, tdmrep or plus. It is recorded.",
    ),
]
RefreshOption = Annotated[
    bool, typer.Option("--refresh", help="Ask also whether pictures of earlier runs have changed.")
]
RetryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--retry",
        metavar="REASON",
        help="Ask again for what earlier runs left out for this reason, as private_address or not_image. Repeatable.",
    ),
]

LimitOption = Annotated[
    int | None, typer.Option(help="Only the first N pictures that the source names; to try it before all of it.", min=1)
]


def options_of(
    delay: float | None,
    processes: int | None,
    ignore: list[str] | None,
    refresh: bool = False,
    retry: list[str] | None = None,
) -> "CollectOptions":
    """What a command's options say; CairnError where the packages of `collect` are not installed."""
    _require_extra()
    from collector import CollectOptions

    return CollectOptions(
        host_delay=delay,
        processes=processes,
        overrides=frozenset(ignore or ()),
        refresh=refresh,
        retry=frozenset(retry or ()),
    )


def settings_of(folder: Path | None) -> Settings:
    """The settings of the workspace in or above `folder`."""
    workspace = Workspace.open(folder)
    workspace.close()
    return workspace.settings


def _require_extra() -> None:
    for name in ("aiohttp", "packaging", "protego", "selectolax"):
        try:
            __import__(name)
        except ImportError as error:
            raise CairnError(
                f"the collector needs {name}, which is not installed",
                hint="pip install 'cairn-dataset[collect]'",
            ) from error


def run(
    source: "Source",
    category: str | None,
    options: "CollectOptions",
    folder: Path | None,
    as_json: bool,
    unusable: str = "rows could not be used",
    limit: int | None = None,
) -> None:
    """Collect with progress, then tell what came; `unusable` says what the source's bad rows are.

    `limit` takes only that many of the source's first candidates.

    Exit 3 where there were some; CairnError where a crawl could not read one page.
    """
    from collector import First, collect
    from collector.progress import kept_progress
    from collector.space import disk_full, is_disk_full

    # What was imported stays for ever: a twentieth of a run went into looking it through for cycles. To look less
    # often as well was tried; each failure leaves a few, which then took 440 MiB in a run of a million.
    gc.freeze()
    if limit is not None:
        source = First(source, limit)
    workspace = Workspace.open(folder)
    try:
        if source.name != "folder" and not workspace.settings.contact:
            err.print("note: set contact in cairn.toml, so that a site's owner can write to you", style="dim")
        with (
            progress(f"collect {source.name}") as show,
            kept_progress(workspace.folder, source.name, show) as kept,
        ):
            report = collect(workspace, source, category=category, options=options, progress=kept)
    except (CairnError, OSError) as error:
        if not is_disk_full(error):
            raise
        raise disk_full(workspace, None if kept.total is None else kept.total - kept.done) from error
    finally:
        workspace.close()
    if as_json:
        print_json(report.as_dict())
    else:
        _tell(report, unusable)
    if report.pages_left_out and not report.pages:
        reasons = report.pages_left_out
        raise CairnError(f"no page could be read: {reasons_words(reasons)}", hint=_remedy(reasons))
    if report.bad_rows:
        raise typer.Exit(PARTIAL)


_ALLOW_HOSTS = "allow_hosts in cairn.toml names private hosts that may be fetched, as host or host:port"


def _remedy(reasons: Mapping[str, int]) -> str:
    if "private_address" in reasons:
        return _ALLOW_HOSTS
    if "robots" in reasons:
        return "the site's robots.txt asks not to be read; ask its owner"
    return "look at the address in a browser, then run the same command again"


def _tell(report: "CollectReport", unusable: str) -> None:
    if report.bad_rows:
        for example in report.bad_row_examples:
            err.print(f"left out: {example}", markup=False)
        err.print(f"{report.bad_rows:,} {unusable}; {report.bad_rows_file} lists them", markup=False)
    if report.pages_left_out and report.pages:
        err.print(f"pages not read: {reasons_words(report.pages_left_out)}", markup=False)
    if report.unknown_categories:
        err.print(
            f"pages whose path names no category of the taxonomy: {reasons_words(report.unknown_categories)};"
            " cairn taxonomy add NAME, or --map",
            markup=False,
        )
    if report.waiting:
        err.print(f"{report.waiting:,} addresses asked to be tried later; run the same command again then")
    if report.without_category:
        err.print(
            f"{report.without_category:,} pictures belong to no category, so nobody will be asked about them:"
            " the same command with --category proposes them for one",
            markup=False,
        )
    if report.nothing_left:
        finish(f"nothing left to collect: {_before(report)}", then="cairn collect status")
        return
    words = f"{report.new_images:,} new images, {report.new_candidates:,} new candidates"
    words += f", {report.bytes / 2**20:,.1f} MiB in {report.seconds:,.1f} s"
    if report.pages:
        words = f"{report.pages:,} pages read, {words}"
    if report.already:
        words += f"; {_before(report)}"
    for label, reasons in (("refused", report.refused), ("failed", report.failed)):
        if reasons:
            words += f"; {label}: {reasons_words(reasons)}"
    if "private_address" in report.refused:
        err.print(f"hint: {_ALLOW_HOSTS}; then the same command with --retry private_address", markup=False)
    finish(words, then="cairn collect status")


def _before(report: "CollectReport") -> str:
    words = f"{report.already:,} addresses were settled before"
    if report.already_left_out:
        left_out = reasons_words(report.already_left_out)
        words += f", of which these brought no picture (--retry REASON asks again): {left_out}"
    return words
