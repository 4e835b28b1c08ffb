"""`cairn collect preview`: a page of thumbnails, so that a curator sees what a query brings before people are paid."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, print_json, progress
from label_store import CairnError, UsageError, Workspace


def preview(
    category: Annotated[str | None, typer.Option("--category", "-c", help="Only this category.")] = None,
    source: Annotated[str | None, typer.Option(help="Only what this source brought: urls, crawl, folder, …")] = None,
    query: Annotated[str | None, typer.Option(help="Only what this query brought.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The page to write (else collect/preview.html in the workspace).")
    ] = None,
    n: Annotated[int, typer.Option("--n", help="Pictures of each category, at most.", min=1, max=500)] = 60,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a page of thumbnails by category and query, with licences, look-alikes, and what did not come and why.

    Example: cairn collect preview --category car
    """
    from collector.preview import make_preview
    from collector.preview_page import page
    from collector.preview_sample import Only
    from collector.space import size_words

    opened = Workspace.open(workspace)
    try:
        with progress("thumbnails") as show:
            made = make_preview(opened, Only(category, source, query), n, show)
    finally:
        opened.close()
    file = out or opened.folder / "collect" / "preview.html"
    size = _write(file, page(made))
    if as_json:
        print_json(
            {
                "file": str(file),
                "bytes": size,
                "pictures": made.pictures,
                "not_shown": made.not_shown,
                "categories": {one.slug: one.candidates for one in made.categories},
                "categories_not_shown": made.categories_not_shown,
                "left_out": sum(one.addresses for one in made.left_out),
            }
        )
        return
    shown = f"{made.pictures:,} pictures of {len(made.categories):,} categories"
    if made.categories_not_shown:
        shown += f", {made.categories_not_shown:,} more are not shown (--category shows one)"
    finish(f"{file}: {shown}, {size_words(size)}", then="cairn campaign create")


def _write(file: Path, text: str) -> int:
    data = text.encode("utf-8", errors="replace")
    if file.is_dir():
        raise UsageError(f"{file} is a folder", hint="--out takes the name of the page, such as preview.html")
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CairnError(f"{file} cannot be written: {error.strerror}", hint="name another place with --out") from error
    return len(data)
