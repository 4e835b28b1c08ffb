"""`cairn campaign import`, `suggest` and `bias`: answers from files, of people or of a model, and what these do."""

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, progress, table
from label_store import UsageError, Workspace, find_campaign

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


def suggest(
    slug: SlugArgument,
    file: Annotated[
        Path | None, typer.Argument(help="What a model says, in a format that `import` takes (else nothing new).")
    ] = None,
    model: Annotated[str, typer.Option(help="The model's name, where the file does not say.")] = "",
    kind: FormatOption = "",
    skip_unknown: SkipOption = False,
    refused: RefusedOption = None,
    hidden: Annotated[
        float | None, typer.Option(help="Hide suggestions from this share of people, for instance 0.2.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Suggest nothing any more.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show people what a model says of the items: an answer to confirm or correct, counted as nobody's judgment.

    A column annotator, or Label Studio's model_version, is taken as the model's name. Giving the same file twice is
    the same as once, and another one replaces what it says something of.
    Example: cairn campaign suggest dogs predictions.jsonl --model resnet50 --hidden 0.2
    """
    from annotate_app.importing import forget_suggestions, hide_suggestions, import_suggestions

    if file is None and hidden is None and not clear:
        raise UsageError("there is nothing to do", hint="give a file of suggestions, --hidden SHARE, or --clear")
    if file is not None and clear:
        raise UsageError("give a file or --clear, not both", hint="a new file replaces what was suggested before")
    store = Workspace.open(workspace)
    then = f"cairn campaign bias {slug}"
    if clear:
        finish(f"{forget_suggestions(store, slug):,} items have no suggestion any more", then=then)
    if hidden is not None and file is None:
        hide_suggestions(store, slug, hidden)
        finish(f"suggestions of {slug} are hidden from {hidden:.0%} of people", then=then)
    if file is None:
        return
    with _told(file, refused) as told, progress("suggestions") as show:
        result = import_suggestions(
            store, slug, file, model=model, format=kind, skip_unknown=skip_unknown, progress=show, told=told
        )
    if hidden is not None:  # only now: a file that is refused changes nothing
        hide_suggestions(store, slug, hidden)
        out.print(f"suggestions of {slug} are hidden from {hidden:.0%} of people", markup=False)
    _report(file, result, refused, f"{result.accepted:,} items have a new suggestion", then)


def bias(slug: SlugArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say how much suggestions sway people: agreement of those who were shown them, and of those who were not.

    Example: cairn campaign bias dogs
    """
    from annotate_app.suggestion_bias import suggestion_bias

    store = Workspace.open(workspace)
    with store.read() as session:
        found = suggestion_bias(session, find_campaign(session, slug))
    if as_json:
        print_json(found.as_json())
        return
    arms = (("shown", found.shown), ("hidden", found.hidden))
    table(
        "",
        ("suggestions", "people", "judgments", "agree", "from", "to"),
        [(words, arm.people, arm.judgments, arm.agreement, arm.low, arm.high) for words, arm in arms],
    )
    if found.difference is None:
        then = f"cairn campaign suggest {slug} --hidden 0.2"
        finish("what showing does cannot be told before two people on each side have judged", then=then)
        return
    finish(
        f"those who are shown a suggestion agree with it by {100 * found.difference:+.1f} points "
        f"({100 * found.low:+.1f} to {100 * found.high:+.1f}, 95 %)"  # type: ignore[operator]  # with a difference
    )


@contextmanager
def _told(file: Path, refused: Path | None) -> Iterator["Callable[[Bad], None] | None"]:
    """What a bad row is told to. The list of them is there when the import is through: a call that fails leaves an
    earlier list as it was."""
    if refused is None:
        yield None
        return
    if refused.resolve() == file.resolve():
        raise UsageError(f"--refused {refused} is the file to read", hint="name another one")
    unfinished = refused.with_name(f".{refused.name}.{os.getpid()}.tmp")
    try:
        opened = unfinished.open("w", encoding="utf-8", errors="replace", newline="")
    except OSError as error:
        raise UsageError(f"{refused} cannot be written: {error.strerror or error}") from error
    try:
        with opened:
            table = csv.writer(opened)
            table.writerow(("file", "place", "reason"))
            yield lambda bad: table.writerow((file, bad.place, bad.reason))
        unfinished.replace(refused)
    finally:
        unfinished.unlink(missing_ok=True)


def _report(file: Path, result: "ImportResult", refused: Path | None, taken: str, then: str) -> None:
    for bad in result.bad:
        out.print(f"{file.name}, {bad.place}: {bad.reason}", markup=False)
    if result.refused > len(result.bad):
        more = f"and {result.refused - len(result.bad):,} more"
        out.print(more if refused else f"{more}; --refused FILE writes them all", markup=False)
    finish(f"{taken}, {result.duplicate:,} known already, {result.refused:,} refused", then=then)
    if result.refused:
        raise typer.Exit(3)
