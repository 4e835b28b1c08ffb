"""`cairn publish`: a release to a folder or a bucket."""

from typing import Annotated

import typer

import dataset_builder
from cairn.commands.workspaces import workspace_if_any
from cairn.console import JsonOption, WorkspaceOption, finish, print_json, progress


def publish(
    release: Annotated[str, typer.Argument(help="A release's folder, or NAME/N in the workspace.")],
    to: Annotated[str, typer.Argument(metavar="TO_URL", help="A folder, or s3://bucket/prefix.")],
    check: Annotated[bool, typer.Option("--check", help="Only compare what is there with the release.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Copy a release to TO_URL/NAME/N, checking every file there; the manifest goes last, repeating continues.

    Example: cairn publish vehicles/1 s3://datasets/public
    """
    path = dataset_builder.find_release(release, workspace_if_any(workspace))
    with progress(f"publish {release}") as tell:
        done = dataset_builder.publish(path, to, tell, check=check)
    if json:
        print_json(done.__dict__)
    elif check:
        finish(f"{done.url}: all {done.kept:,} files are those of the release")
    else:
        finish(
            f"{done.url}: {done.sent:,} files sent ({done.sent_bytes / 2**20:,.1f} MiB), {done.kept:,} were there",
            then=f"cairn publish {release} {to} --check",
        )
