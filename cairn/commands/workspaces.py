"""For commands that work with a workspace and also without one."""

from pathlib import Path

from label_store import NotAWorkspace, Workspace


def workspace_if_any(folder: Path | None) -> Workspace | None:
    """The workspace named or found upwards from here; None where there is none and none was named."""
    try:
        return Workspace.open(folder)
    except NotAWorkspace:
        if folder is not None:
            raise
        return None
