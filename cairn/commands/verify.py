"""`cairn verify`: every byte, count, label and split of a release."""

from typing import Annotated

import typer

import dataset_builder
from cairn.commands.workspaces import workspace_if_any
from cairn.console import FAILED, JsonOption, WorkspaceOption, err, finish, print_json, progress


def verify(
    release: Annotated[str, typer.Argument(help="A release's folder, or NAME/N in the workspace.")],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Check every checksum, count, split leak and label of a release against its manifest and the workspace.

    Example: cairn verify vehicles/1
    """
    here = workspace_if_any(workspace)
    path = dataset_builder.find_release(release, here)
    with progress(f"verify {release}") as tell:
        problems = dataset_builder.verify(path, here, tell)
    if json:
        print_json({"release": str(path), "problems": [problem.__dict__ for problem in problems]})
    elif problems:
        for problem in problems:
            err.print(str(problem), markup=False)
        err.print(f"{path}: {len(problems)} problems", markup=False)
        err.print("hint: fetch the named files again from where the release was published", markup=False)
    else:
        finish(f"{path}: every byte, label and split is right", then=f"cairn train {path}")
    if problems:
        raise typer.Exit(FAILED)
