"""`cairn campaign import`: judgments that people gave elsewhere, from files."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.console import WorkspaceOption, finish, out, progress
from label_store import UsageError, Workspace

if TYPE_CHECKING:
    from annotate_app.importing import Bad, ImportResult

SlugArgument = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's name.")]
FileArgument = Annotated[
    Path,
    typer.Argument(
        help="CSV, JSONL, Parquet, JSON of Label Studio or COCO; a folder, zip or tar of YOLO's or Pascal VOC's labels."
    ),
]
FormatOption = Annotated[
    str, typer.Option("--format", help="csv, jsonl, parquet, label-studio, coco, yolo or voc (else found out).")
]
SkipOption = Annotated[
    bool, typer.Option("--skip-unknown", help="Leave out objects of categories that the campaign does not ask about.")
]
RefusedOption = Annotated[
    Path | None, typer.Option("--refused", help="Write all rows that cannot be taken to this CSV: file, place, reason.")
]


def import_(
    slug: SlugArgument,
    file: FileArgument,
    kind: FormatOption = "",
    annotator: Annotated[str, typer.Option(help="Who answered, where the file does not say.")] = "",
    role: Annotated[str, typer.Option(help="annotator, reviewer or model, where the file does not say.")] = "annotator",
    skip_unknown: SkipOption = False,
    refused: RefusedOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Take judgments from a file: `item` is an item's number, the SHA-256 of its picture, or the picture's name.

    People who are not known get an account that nobody can sign in to. Giving the same file twice is the
    same as once, so an import that was cut off goes on with the same command. Rows that cannot be taken are listed,
    and the rest is taken (exit 3).
    Example: cairn campaign import dogs old-judgments.csv
    """
    from annotate_app.importing import ImportWish, import_judgments

    store = Workspace.open(workspace)
    wish = ImportWish(kind, annotator, role, skip_unknown)
    with _told(file, refused) as told, progress("judgments") as show:
        result = import_judgments(store, slug, file, wish, progress=show, told=told)
    _report(file, result, refused, f"{result.accepted:,} judgments taken", f"cairn consensus {slug}")


@contextmanager
def _told(file: Path, refused: Path | None) -> Iterator["Callable[[Bad], None] | None"]:
    if refused is None:
        yield None
        return
    try:
        with refused.open("w", encoding="utf-8", errors="replace", newline="") as opened:
            table = csv.writer(opened)
            table.writerow(("file", "place", "reason"))
            yield lambda bad: table.writerow((file, bad.place, bad.reason))
    except OSError as error:
        raise UsageError(f"{refused} cannot be written: {error.strerror or error}") from error


def _report(file: Path, result: "ImportResult", refused: Path | None, taken: str, then: str) -> None:
    for bad in result.bad:
        out.print(f"{file.name}, {bad.place}: {bad.reason}", markup=False)
    if result.refused > len(result.bad):
        more = f"and {result.refused - len(result.bad):,} more"
        out.print(more if refused else f"{more}; --refused FILE writes them all", markup=False)
    finish(f"{taken}, {result.duplicate:,} known already, {result.refused:,} refused", then=then)
    if result.refused:
        raise typer.Exit(3)
