"""What every way to collect shares: its options, the run with progress, and what is told of it."""

import gc
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


def options_of(
    delay: float | None, processes: int | None, ignore: list[str] | None, refresh: bool = False
) -> "CollectOptions":
    """What a command's options say; CairnError where the packages of `collect` are not installed."""
    _require_extra()
    from collector import CollectOptions

    return CollectOptions(host_delay=delay, processes=processes, overrides=frozenset(ignore or ()), refresh=refresh)


def settings_of(folder: Path | None) -> Settings:
    """The settings of the workspace in or above `folder`."""
    workspace = Workspace.open(folder)
    workspace.close()
    return workspace.settings


def _require_extra() -> None:
    for name in ("aiohttp", "protego", "selectolax"):
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
) -> None:
    """Collect with progress, then tell what came; `unusable` says what the source's bad rows are.

    Exit 3 where there were some; CairnError where a crawl could not read one page.
    """
    from collector import collect
    from collector.progress import kept_progress
    from collector.space import disk_full, is_disk_full

    # What was imported stays for ever: a twentieth of a run went into looking it through for cycles. To look less
    # often as well was tried; each failure leaves a few, which then took 440 MiB in a run of a million.
    gc.freeze()
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
        raise CairnError(f"no page could be read: {reasons_words(report.pages_left_out)}", hint=_remedy(report))
    if report.bad_rows:
        raise typer.Exit(PARTIAL)


def _remedy(report: "CollectReport") -> str:
    if "private_address" in report.pages_left_out:
        return "allow_hosts in cairn.toml names private hosts that may be fetched, as host or host:port"
    if "robots" in report.pages_left_out:
        return "the site's robots.txt asks not to be read; ask its owner"
    return "look at the address in a browser, then run the same command again"


def _tell(report: "CollectReport", unusable: str) -> None:
    if report.bad_rows:
        for example in report.bad_row_examples:
            err.print(f"left out: {example}", markup=False)
        err.print(f"{report.bad_rows:,} {unusable}; {report.bad_rows_file} lists them", markup=False)
    if report.pages_left_out and report.pages:
        err.print(f"pages not read: {reasons_words(report.pages_left_out)}", markup=False)
    if report.waiting:
        err.print(f"{report.waiting:,} addresses asked to be tried later; run the same command again then")
    if report.without_category:
        err.print(
            f"{report.without_category:,} pictures belong to no category, so nobody will be asked about them:"
            " the same command with --category proposes them for one",
            markup=False,
        )
    if report.nothing_left:
        finish(
            f"nothing left to collect: {report.already:,} addresses were settled before", then="cairn collect status"
        )
        return
    words = f"{report.new_images:,} new images, {report.new_candidates:,} new candidates"
    words += f", {report.bytes / 2**20:,.1f} MiB in {report.seconds:,.1f} s"
    if report.already:
        words += f"; {report.already:,} addresses were settled before"
    for label, reasons in (("refused", report.refused), ("failed", report.failed)):
        if reasons:
            words += f"; {label}: {reasons_words(reasons)}"
    finish(words, then="cairn collect status")
