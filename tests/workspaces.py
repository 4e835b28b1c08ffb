"""Fresh workspaces by copy: the migrations run once a process and not once a test."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from label_store import Workspace


@cache
def _made_once() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cairn-made-once-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    Workspace.init(folder / "workspace").close()
    return folder / "workspace"


def fresh_workspace(folder: Path, **overrides: object) -> Workspace:
    """What `Workspace.init(folder)` makes, opened."""
    shutil.copytree(_made_once(), folder, dirs_exist_ok=True)
    return Workspace.open(folder, **overrides)
