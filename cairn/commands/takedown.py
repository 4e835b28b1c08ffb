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
    pictures: Annotated[
        list[str] | None, typer.Argument(help="Their SHA-256s or URLs.", metavar="[PICTURE]...", show_default=False)
    ] = None,
    near: Annotated[Path | None, typer.Option(help="A file: all pictures that look like it.")] = None,
    reason: Annotated[str, typer.Option(help="Why; shown here whenever it is refused, and in no release.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and take nothing down.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List what was taken down.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take pictures out of every later release; they are refused when met again and their bytes are not kept.

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
        if pictures:
            raise UsageError("give either pictures or --near FILE, not both")
        if not near.is_file():
            raise UsageError(f"there is no file {near}", hint="give the path of the picture itself")
        results = [take_down(place, near=near.read_bytes(), reason=reason, dry_run=dry_run)]
    elif not pictures:
        raise UsageError("name a SHA-256, a URL, or --near FILE", hint="`cairn takedown --help` has an example")
    else:
        named = [_named(picture) for picture in pictures]  # all of them are looked at before one goes
        results = [take_down(place, sha256=one[0], url=one[1], reason=reason, dry_run=dry_run) for one in named]
    hashes = {sha256 for result in results for sha256 in result.sha256s}
    addresses = {url for result in results for url in result.urls}
    counted = f"{len(hashes)} pictures from {len(addresses)} addresses"
    unknown = [one for one, result in zip(pictures or (), results, strict=False) if not result.sha256s]
    if unknown:
        counted += f"; {len(unknown)} that the store does not hold are refused if they are ever met"
    if dry_run:
        for line in sorted(hashes | addresses):
            finish(line)
        finish(f"would be taken down: {counted}", then="the same command without --dry-run")
        return
    finish(f"taken down: {counted}; they will not enter again", then="cairn takedown --list")


def _named(picture: str) -> tuple[str | None, str | None]:
    """The SHA-256 or the URL."""
    if re.fullmatch(r"[0-9a-f]{64}", picture):
        return picture, None
    if "://" in picture:
        return None, picture
    raise UsageError(f"{picture!r} is neither a SHA-256 nor a URL", hint="a SHA-256 has 64 hex digits")
