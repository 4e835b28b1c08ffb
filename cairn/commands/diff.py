"""`cairn diff`: what changed between two releases."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

import dataset_builder
from cairn.commands.workspaces import workspace_if_any
from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, table

_SHOWN = 20


def diff(
    a: Annotated[str, typer.Argument(help="The earlier release: a folder, or NAME/N in the workspace.")],
    b: Annotated[str, typer.Argument(help="The later release.")],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tell what changed between two releases: pictures, labels, splits, counts, the recipe.

    Example: cairn diff vehicles/1 vehicles/2
    """
    here = workspace_if_any(workspace)
    found = dataset_builder.diff(dataset_builder.find_release(a, here), dataset_builder.find_release(b, here))
    if json:
        print_json(asdict(found) | {"same": found.same})
        return
    for title, counts in (("splits", found.splits), ("categories", found.categories)):
        rows = [(name, before, after, after - before) for name, (before, after) in counts.items()]
        table(title, (title, found.a, found.b, "change"), rows)
    for title, changes in (("new label", found.relabelled), ("new split", found.moved), ("new group", found.regrouped)):
        for change in changes[:_SHOWN]:
            out.print(f"{title}: {change.sha256[:16]} {change.before} -> {change.after}", markup=False)
        if len(changes) > _SHOWN:
            out.print(f"{title}: {len(changes) - _SHOWN:,} more (--json lists all)", markup=False)
    for reason, count in sorted(Counter(found.gone.values()).items()):
        out.print(f"gone: {count:,} {reason}", markup=False)
    for key, (before, after) in found.recipe.items():
        out.print(f"recipe: {key} = {before!r} -> {after!r}", markup=False)
    finish(
        f"{found.a} -> {found.b}: {len(found.added):,} came, {len(found.gone):,} went,"
        f" {len(found.relabelled):,} have a new label, {len(found.moved):,} another split",
        then=f"cairn verify {b}",
    )
