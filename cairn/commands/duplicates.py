"""`cairn duplicates`: groups of near-duplicates in any folders or tars."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import dataset_builder
from cairn.console import PARTIAL, JsonOption, err, finish, out, print_json, progress


def duplicates(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders, tars or pictures.")],
    against: Annotated[
        list[Path] | None, typer.Option(help="Only what repeats a picture of this folder or tar. Repeat for several.")
    ] = None,
    radius: Annotated[int, typer.Option(min=0, max=16, help="Bits within which two hashes are compared.")] = 8,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode pictures.")] = 2,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures of all groups.")] = None,
    json: JsonOption = False,
) -> None:
    """Find pictures that repeat another: re-encoded, resized, mirrored, turned, slightly cropped or marked.

    Example: cairn duplicates photos --html duplicates.html
    """
    if html is not None:
        import_module("jinja2")  # the page needs it; told before the search, not after
    with progress("duplicates") as tell:
        report = dataset_builder.find_duplicates(folders, against or (), radius=radius, workers=workers, progress=tell)
    if html is not None:
        dataset_builder.write_html(report, html)
    if json:
        print_json(report.as_json())
    else:
        for group in report.groups:
            out.print(f"keep {group.keep}", markup=False)
            for member in group.members:
                lies = "" if member.transform == "identity" else f" {member.transform}"
                out.print(f"     {member.similarity:.2f}{lies} {member.path}", markup=False)
        for one in report.unreadable:
            err.print(f"not readable: {one.path}: {one.why}", markup=False)
        repeats = sum(len(group.members) for group in report.groups)
        finish(
            f"{report.images:,} pictures: {repeats:,} repeat another, in {len(report.groups):,} groups;"
            f" {len(report.unreadable):,} not readable",
            then="" if html else "the same with --html duplicates.html",
        )
    if report.unreadable:
        raise typer.Exit(PARTIAL)
