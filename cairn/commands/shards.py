"""`cairn shards`: an ImageFolder into verified shards, and back."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cairn.console import PARTIAL, JsonOption, err, finish, print_json, progress, table
from shards import imagefolder_to_release, open_release, release_to_imagefolder

_SHOWN = 20


def shards(
    folder: Annotated[Path, typer.Argument(help="Class folders, or train, val and test of them; or a release.")],
    out: Annotated[Path, typer.Argument(help="The new folder to write.")],
    bytes_: Annotated[int, typer.Option("--bytes", help="The most bytes of a shard.")] = 268_435_456,
    name: Annotated[str | None, typer.Option(help="The release's name (else OUT's).")] = None,
    json: JsonOption = False,
) -> None:
    """Turn an ImageFolder into a verified release, or a release into an ImageFolder, bytes unchanged.

    Exits 3 when files were left out: broken, links out of FOLDER, or copies of a test picture in train.

    Example: cairn shards photos photos-1
    """
    if (folder / "dataset.json").is_file():
        _back(folder, out, json)
        return
    with progress("shards") as show:
        made = imagefolder_to_release(folder, out, name=name, max_bytes=bytes_, progress=show)
    if json:
        print_json(
            {
                "release": str(made.path),
                "release_id": made.release_id,
                "samples": dict(made.samples),
                "left_out": [asdict(item) for item in made.left_out],
            }
        )
    else:
        if made.left_out:
            rows = [(item.path, item.reason, item.detail) for item in made.left_out[:_SHOWN]]
            table("left out", ("file", "reason", "detail"), rows)
            if len(made.left_out) > _SHOWN:
                err.print(f"... and {len(made.left_out) - _SHOWN} more, all in {made.path / 'dropped.jsonl'}")
        counts = ", ".join(f"{n:,} {split}" for split, n in made.samples.items())
        finish(f"{made.path}: {counts}, verified; release {made.release_id}", then=f"cairn train {made.path}")
    if made.left_out:
        raise typer.Exit(PARTIAL)


def _back(release: Path, out: Path, json: bool) -> None:
    with progress("pictures") as show:
        pictures = release_to_imagefolder(release, out, progress=show)
    if json:
        release_id = open_release(release).release_id
        print_json({"folder": str(out), "release_id": release_id, "pictures": pictures})
    else:
        finish(f"{out}: {pictures:,} pictures of {release}, verified")
