"""`cairn init`: make a workspace."""

from pathlib import Path
from typing import Annotated

import typer

from cairn.console import finish
from label_store import Workspace


def init(directory: Annotated[Path, typer.Argument(help="The folder to make a workspace.")] = Path()) -> None:
    """Make a workspace, or raise an existing one to the newest schema.

    Example: cairn init vehicles
    """
    workspace = Workspace.init(directory)
    finish(f"{workspace.folder} is a workspace", then="cairn taxonomy add car")
    workspace.close()
