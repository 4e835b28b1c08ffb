"""`cairn collect`: pictures from lists, folders and sites into the workspace, and what came so far."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from cairn.commands.collect_plan import yield_
from cairn.commands.collect_preview import preview
from cairn.commands.collect_run import (
    CategoryOption,
    DelayOption,
    IgnoreOption,
    LimitOption,
    ProcessesOption,
    RefreshOption,
    RetryOption,
    options_of,
    run,
    settings_of,
)
from cairn.commands.collect_search import commons, openverse
from cairn.commands.collect_status import status
from cairn.console import JsonOption, WorkspaceOption
from label_store import UsageError

app = typer.Typer(
    name="collect",
    no_args_is_help=True,
    help="Collect pictures with their origin. The same command again continues where it stopped.",
)

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
    limit: LimitOption = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    retry: RetryOption = None,
    refresh: RefreshOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect from lists of addresses, a row each. Exit 3 when rows of a list could not be used.

    Example: cairn collect urls cars.csv --category car --license-col licence
    """
    options = options_of(delay, processes, ignore, refresh, retry)
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
    with lists_at_hand(lists, settings_of(workspace)) as at_hand:
        run(UrlList(at_hand, columns), category, options, workspace, as_json, limit=limit)


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
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Pages whose address matches are not read, as '/calendar/' or 'sort='. Repeatable."
        ),
    ] = None,
    sitemaps: Annotated[bool, typer.Option(help="Read the site's sitemaps.")] = True,
    limit: LimitOption = None,
    delay: DelayOption = None,
    processes: ProcessesOption = None,
    ignore: IgnoreOption = None,
    retry: RetryOption = None,
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
        skip=tuple(skip or ()),
        sitemaps=sitemaps,
    )
    run(source, category, options_of(delay, processes, ignore, refresh, retry), workspace, as_json, limit=limit)


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
    retry: RetryOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect pictures that are on disk already. Tars are read where they lie, nothing is unpacked.

    Example: cairn collect folder pictures/
    """
    options = options_of(None, processes, None, retry=retry)
    from collector import Folder
    from collector.licenses import is_spdx, spdx

    if license_ is not None and not is_spdx(license_ := spdx(license_)):
        raise UsageError(
            f"--license {license_!r} is no SPDX identifier", hint="for example CC-BY-4.0, CC0-1.0 or LicenseRef-NAME"
        )
    run(Folder(directory, license_, author, labels, classes), category, options, workspace, as_json)


app.command("commons")(commons)
app.command("openverse")(openverse)
app.command("status")(status)
app.command("preview")(preview)
app.command("yield")(yield_)


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
