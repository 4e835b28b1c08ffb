"""`cairn takedown`: a picture goes, and is refused when it is met again."""

import re
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from cairn.console import WorkspaceOption, finish, table
from label_store import UsageError, Workspace, take_down
from label_store.models import Takedown


def takedown(
    picture: Annotated[str | None, typer.Argument(help="The picture's SHA-256 or URL.")] = None,
    near: Annotated[Path | None, typer.Option(help="A file: all pictures that look like it.")] = None,
    reason: Annotated[str, typer.Option(help="Why; shown whenever it is refused.")] = "",
    show: Annotated[bool, typer.Option("--list", help="List what was taken down.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take a picture out of every later release; it is refused when met again and its bytes are not kept.

    Example: cairn takedown https://example.org/photo.jpg --reason "the photographer asked"
    """
    place = Workspace.open(workspace)
    if show:
        with place.read() as session:
            rows = [
                (f"{row.at:%Y-%m-%d}", row.sha256 or "", row.url or "", row.phash or "", row.reason)
                for row in session.scalars(select(Takedown).order_by(Takedown.id))
            ]
        table("", ("at", "sha256", "url", "phash", "reason"), rows)
        return
    if near is not None:
        if picture is not None:
            raise UsageError("give either a picture or --near FILE, not both")
        if not near.is_file():
            raise UsageError(f"there is no file {near}", hint="give the path of the picture itself")
        result = take_down(place, near=near.read_bytes(), reason=reason)
    elif picture is None:
        raise UsageError("name a SHA-256, a URL, or --near FILE", hint="`cairn takedown --help` has an example")
    elif re.fullmatch(r"[0-9a-f]{64}", picture):
        result = take_down(place, sha256=picture, reason=reason)
    elif "://" in picture:
        result = take_down(place, url=picture, reason=reason)
    else:
        raise UsageError(f"{picture!r} is neither a SHA-256 nor a URL", hint="a SHA-256 has 64 hex digits")
    finish(
        f"taken down: {len(result.sha256s)} pictures from {len(result.urls)} addresses; they will not enter again",
        then="cairn takedown --list",
    )
