"""`cairn feedback`: a trained run as one more judge of the campaign whose labels it was trained on."""

from dataclasses import asdict
from typing import Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json
from label_store import Workspace
from label_store.feedback import give_feedback
from label_store.returning import EXTRA


def feedback(
    run: Annotated[str, typer.Argument(help="A run trained with --folds: its folder, or its name in runs/.")],
    campaign: Annotated[str, typer.Argument(help="The campaign's slug; of the kind verify or classify.")],
    most: Annotated[
        int | None, typer.Option("--most", min=0, help="Give back at most so many disputed items (else all).")
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Take a model's out-of-fold predictions as one more judge, and give what it disputes back to people.

    How much the model counts is measured on judgments that were held out; one that adds nothing counts nothing.
    Example: cairn feedback resnet18 vehicles
    """
    found = give_feedback(Workspace.open(workspace), run, campaign, most)
    if json:
        shown = asdict(found)
        shown["assessment"]["items"] = len(found.assessment.items)
        print_json(shown)
        return
    out.print(
        f"{found.predicted:,} items judged by {found.run}, {found.without:,} without a prediction"
        + (f"; {found.elsewhere:,} of its pictures are no items here" if found.elsewhere else ""),
        markup=False,
    )
    states = found.assessment.states
    finish(
        f"{campaign}: {states['settled']} settled, {states['disputed']} disputed, {states['open']} open by"
        f" {found.assessment.method}; {len(found.returned):,} disputed by the model, for {EXTRA} more people each",
        then=f"cairn serve; when people have answered, cairn consensus {campaign}",
    )
