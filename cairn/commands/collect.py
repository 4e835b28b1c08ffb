"""`cairn collect`: pictures from lists, folders and sites into the workspace, and what came so far."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.commands.collect_plan import yield_
from cairn.commands.collect_preview import preview
from cairn.commands.collect_status import reasons_words, status
from cairn.console import (
    PARTIAL,
    JsonOption,
    WorkspaceOption,
    err,
    finish,
    print_json,
    progress,
)
from label_store import CairnError, Settings, UsageError, Workspace

if TYPE_CHECKING:
    from collector import CollectOptions, CollectReport, Source

app = typer.Typer(
    name="collect",
    no_args_is_help=True,
    help="Collect pictures with their origin. The same command again continues where it stopped.",
)

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
ColOption = typer.Option(help="Name of this column.")
_AS_OTHERS_WRITE = {"token_normalize_func": lambda word: word.replace("_", "-")}
"""--url_col is --url-col: the options of img2dataset are written so."""


@app.command("urls", context_settings=_AS_OTHERS_WRITE)
def urls(
    lists: Annotated[
        list[str],
        typer.Argument(
            help="CSV, TSV, JSONL, JSON, TXT or Parquet, also .gz; a folder of them; here, on the web or s3://.",
            metavar="FILE...",
        ),
    ],
    category: CategoryOption = None,
    url_col: Annotated[str | None, ColOption] = None,
    category_col: Annotated[str | None, ColOption] = None,
    caption_col: Annotated[str | None, ColOption] = None,
    license_col: Annotated[str | None, ColOption] = None,
    author_col: Annotated[str | None, ColOption] = None,
    title_col: Annotated[str | None, ColOption] = None,
    page_col: Annotated[str | None, ColOption] = None,
    query_col: Annotated[str | None, ColOption] = None,
    hash_col: Annotated[
        str | None, typer.Option(help="Column of MD5, SHA-1, SHA-256 or SHA-512 in hex; other bytes are refused.")
    ] = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    refresh: RefreshOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect from lists of addresses, a row each. Exit 3 when rows of a list could not be used.

    Example: cairn collect urls cars.csv --category car --license-col licence
    """
    options = _options(delay, processes, ignore, refresh)
    from collector import Columns, UrlList
    from collector.tables_remote import lists_at_hand

    columns = Columns(
        url=url_col,
        category=category_col,
        caption=caption_col,
        license=license_col,
        author=author_col,
        title=title_col,
        page=page_col,
        query=query_col,
        hash=hash_col,
    )
    with lists_at_hand(lists, _settings(workspace)) as at_hand:
        _collect(UrlList(at_hand, columns), category, options, workspace, as_json)


@app.command("crawl")
def crawl(
    start: Annotated[list[str], typer.Argument(help="Addresses to start from.", metavar="URL...")],
    category: CategoryOption = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="PREFIX=CATEGORY: the category of pages whose path begins so. Repeatable."),
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option(help='TOML whose table [categories] holds "/path/" = "category".')
    ] = None,
    category_from_path: Annotated[
        str | None, typer.Option(help="Pattern whose first group, in a page's path, names the category.")
    ] = None,
    depth: Annotated[int, typer.Option(help="Links followed from a start address.", min=0)] = 3,
    pages: Annotated[int, typer.Option(help="Pages read at most.", min=1)] = 1000,
    within_path: Annotated[
        bool, typer.Option("--within-path", help="Only pages whose path begins as a start address does.")
    ] = False,
    sitemaps: Annotated[bool, typer.Option(help="Read the site's sitemaps.")] = True,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    refresh: RefreshOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect the pictures on a site's pages. Pages of other sites are not followed.

    Example: cairn collect crawl https://example.org/ --map /gallery/cars/=car --map /gallery/dogs/=dog
    """
    from collector import Crawl

    source = Crawl(
        tuple(start),
        category_of=_mapping(mapping or [], map_file),
        category_from_path=category_from_path,
        max_depth=depth,
        max_pages=pages,
        within_path=within_path,
        sitemaps=sitemaps,
    )
    _collect(source, category, _options(delay, processes, ignore, refresh), workspace, as_json)


@app.command("folder")
def folder(
    directory: Annotated[
        Path, typer.Argument(help="Pictures, or tars of them; the first folder under it names the category.")
    ],
    category: CategoryOption = None,
    labels: Annotated[Path | None, typer.Option(help="Table with the columns file and category.")] = None,
    classes: Annotated[
        Path | None, typer.Option(help="Text whose line n, from 0, names the class that KEY.cls in a tar calls n.")
    ] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="Licence of all of them, as an SPDX identifier.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Author of all of them.")] = None,
    processes: ProcessesOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect pictures that are on disk already. Tars are read where they lie, nothing is unpacked.

    Example: cairn collect folder pictures/
    """
    options = _options(None, processes, None)
    from collector import Folder

    _collect(Folder(directory, license_, author, labels, classes), category, options, workspace, as_json)


app.command("status")(status)
app.command("preview")(preview)
app.command("yield")(yield_)


def _options(
    delay: float | None, processes: int | None, ignore: list[str] | None, refresh: bool = False
) -> "CollectOptions":
    _require_collect_extra()
    from collector import CollectOptions

    return CollectOptions(host_delay=delay, processes=processes, overrides=frozenset(ignore or ()), refresh=refresh)


def _settings(folder: Path | None) -> Settings:
    workspace = Workspace.open(folder)
    workspace.close()
    return workspace.settings


def _require_collect_extra() -> None:
    for name in ("aiohttp", "protego", "selectolax"):
        try:
            __import__(name)
        except ImportError as error:
            raise CairnError(
                f"the collector needs {name}, which is not installed",
                hint="pip install 'cairn-dataset[collect]'",
            ) from error


def _collect(
    source: "Source", category: str | None, options: "CollectOptions", folder: Path | None, as_json: bool
) -> None:
    from collector import collect
    from collector.progress import kept_progress
    from collector.space import disk_full, is_disk_full

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
        _tell(report)
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


def _tell(report: "CollectReport") -> None:
    if report.bad_rows:
        for example in report.bad_row_examples:
            err.print(f"left out: {example}", markup=False)
        what = "queries failed" if report.source in ("commons", "openverse") else "rows could not be used"
        err.print(f"{report.bad_rows:,} {what}; {report.bad_rows_file} lists them", markup=False)
    if report.pages_left_out and report.pages:
        err.print(f"pages not read: {reasons_words(report.pages_left_out)}", markup=False)
    if report.waiting:
        err.print(f"{report.waiting:,} addresses asked to be tried later; run the same command again then")
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


def _mapping(pairs: list[str], file: Path | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if file is not None:
        try:
            entries = tomllib.loads(file.read_text(encoding="utf-8")).get("categories")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}", hint='[categories] "/cars/" = "car"') from error
        if not isinstance(entries, dict) or not all(isinstance(value, str) for value in entries.values()):
            raise UsageError(f"{file} has no table [categories] of strings", hint='[categories] "/cars/" = "car"')
        found.update(entries)
    for pair in pairs:
        prefix, equals, category = pair.rpartition("=")
        if not equals or not prefix or not category:
            raise UsageError(f"--map {pair!r} is not PREFIX=CATEGORY", hint="for example --map /gallery/cars/=car")
        found[prefix] = category
    return found


# Last, because it takes this module's `app` and options: the commands that ask search APIs put themselves on `app`.
from cairn.commands import collect_search  # noqa: E402, F401  puts its commands on `app`, which must be there
