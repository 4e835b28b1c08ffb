"""`cairn duplicates`: groups of near-duplicates in any folders or tars."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

import dataset_builder
from cairn.console import PARTIAL, JsonOption, err, finish, out, print_json, progress
from dataset_builder.fingerprints import HashKind
from label_store.errors import UsageError


def duplicates(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders, tars or pictures.")],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Only what repeats a picture of this folder or tar, or of a list of hashes. Repeat for several."
        ),
    ] = None,
    hash_: Annotated[
        HashKind, typer.Option("--hash", metavar="phash|dhash", help="The perceptual hash that proposes pairs.")
    ] = "phash",
    radius: Annotated[int, typer.Option(min=0, max=16, help="Bits within which two hashes are compared.")] = 8,
    keep: Annotated[
        str, typer.Option(metavar="best|all|N", help="Of a group: the best one stays, all, or so many.")
    ] = "best",
    semantic: Annotated[
        Path | None,
        typer.Option(
            help="Features of the pictures (`python -m train features`): also tell series, frames of one scene."
        ),
    ] = None,
    cosine: Annotated[float, typer.Option(min=0, max=1, help="Likeness of features that makes a series.")] = 0.95,
    workers: Annotated[int, typer.Option(min=1, help="Processes that decode pictures.")] = 2,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures of all groups.")] = None,
    json: JsonOption = False,
) -> None:
    """Find pictures that repeat another: re-encoded, resized, mirrored, turned, slightly cropped or marked.

    Example: cairn duplicates photos --html duplicates.html
    """
    stay = _stay(keep)
    if html is not None:
        import_module("jinja2")  # the page needs it; told before the search, not after
    with progress("duplicates") as tell:
        report = dataset_builder.find_duplicates(
            folders, against or (), hash=hash_, radius=radius, keep=stay, semantic=semantic, cosine=cosine,
            workers=workers, progress=tell,
        )  # fmt: skip
    if html is not None:
        dataset_builder.write_html(report, html)
    if json:
        print_json(report.as_json())
    else:
        for group in report.groups:
            out.print(f"keep {group.keep}", markup=False)
            for member in group.members:
                word = "keep" if member.keep else "    "
                likeness = "   -" if member.similarity is None else f"{member.similarity:.2f}"
                out.print(f"{word} {likeness} {member.path}: {member.why}", markup=False)
        for series in report.series:
            out.print(
                f"series of {len(series.paths)}, cosine {series.cosine:.2f}: {', '.join(series.paths)}", markup=False
            )
        for one in report.unreadable:
            err.print(f"not readable: {one.path}: {one.why}", markup=False)
        repeats = sum(len(group.members) for group in report.groups)
        finish(
            f"{report.images:,} pictures: {repeats:,} repeat another, in {len(report.groups):,} groups;"
            f" {report.left_out:,} could go; {len(report.unreadable):,} not readable"
            + (f"; their pictures are in {html}" if html else ""),
            then=f"open {html}" if html else "the same with --html duplicates.html",
        )
    if report.unreadable:
        raise typer.Exit(PARTIAL)


def _stay(keep: str) -> str | int:
    if keep in ("best", "all"):
        return keep
    if keep.isdecimal() and int(keep) > 0:
        return int(keep)
    raise UsageError(f"--keep is best, all or a number above 0, not {keep!r}", hint="say for instance --keep 2")
