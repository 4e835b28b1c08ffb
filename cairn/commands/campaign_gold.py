"""`cairn campaign gold`: items whose answer is known, from a table."""

from pathlib import Path
from typing import Annotated

import typer

from cairn.console import WorkspaceOption, finish, out
from label_store import UsageError, Workspace

_SHOWN = 20


def gold(
    slug: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's name.")],
    file: Annotated[Path, typer.Argument(help="CSV with the columns image, answer and, where needed, category.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Make items gold: their answer is known, and they are mixed in unmarked at the campaign's gold rate.

    `image` is the SHA-256 of a picture, `answer` a word or JSON, `category` what is asked where a campaign asks about
    several. Rows that cannot be taken are listed, and the rest is taken (exit 3).
    Example: cairn campaign gold dogs known.csv
    """
    from annotate_app.gold import take_gold

    try:
        table = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read as text: {error}", hint="give a CSV file in UTF-8") from error
    taken = take_gold(Workspace.open(workspace).write, slug, table)
    for line, reason in taken.refused[:_SHOWN]:
        out.print(f"line {line}: {reason}", markup=False)
    if len(taken.refused) > _SHOWN:
        out.print(f"and {len(taken.refused) - _SHOWN:,} more rows")
    finish(
        f"{taken.accepted:,} items are gold in {slug}, {len(taken.refused):,} rows refused",
        then=f"cairn campaign status {slug}",
    )
    if taken.refused:
        raise typer.Exit(3)
