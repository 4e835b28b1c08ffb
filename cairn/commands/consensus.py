"""`cairn consensus`: settle a campaign and show how good its annotators are."""

from dataclasses import asdict
from typing import Annotated

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, table
from label_store import Assessment, Workspace, find_campaign, settle
from label_store.audit import audited_error


def consensus(
    campaign: Annotated[str, typer.Argument(help="The campaign's slug.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="map-dawid-skene, dawid-skene, one-coin, glad, many-classes or majority; METHOD+RUN counts the model"
            " of `cairn feedback RUN` too (else the campaign's own, at first map-dawid-skene)."
        ),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Compute posteriors, annotator quality and agreement of a campaign, and settle its items.

    Example: cairn consensus vehicles
    """
    store = Workspace.open(workspace)
    assessment = settle(store, campaign, method)
    with store.read() as session:
        audited = audited_error(session, find_campaign(session, campaign))
    if json:
        shown = asdict(assessment)
        shown["items"] = len(assessment.items)
        shown["audited"] = asdict(audited) if audited else None
        print_json(shown)
        return
    table(
        "annotators",
        ("name", "judgments", "accuracy", "95 % from", "to", "gold right", "flags"),
        [
            (
                who.name,
                who.n,
                who.accuracy,
                who.low,
                who.high,
                f"{who.gold_right}/{who.gold_n}",
                ", ".join(who.flags),
            )
            for who in assessment.annotators
        ],
    )
    for sentence in assessment.cautions:
        out.print(f"caution: {sentence}", markup=False)
    if assessment.alpha is not None:
        out.print(
            f"agreement: Krippendorff's alpha {assessment.alpha:.3f}"
            f" ({assessment.alpha_low or 0:.3f} to {assessment.alpha_high or 0:.3f})"
        )
    if audited is not None:
        out.print(
            f"error of the labels that people alone give: {audited.estimate:.2%}"
            f" (95 %: {audited.low:.2%} to {audited.high:.2%}), from {audited.judged:,} that reviewers judged at random"
        )
    if assessment.label_error is not None:
        measured = "" if audited else f"; cairn audit {campaign} measures it"
        out.print(
            f"estimated error of settled labels: {assessment.label_error:.2%}"
            f" ({assessment.label_error_low or 0:.2%} to {assessment.label_error_high or 0:.2%}), if people err"
            f" independently of each other{measured}"
        )
    states = assessment.states
    finish(
        f"{campaign}: {states['settled']} settled, {states['disputed']} disputed, {states['open']} open"
        f" from {assessment.judgments} judgments by {assessment.method}",
        then=_next(assessment),
    )


def _next(assessment: Assessment) -> str:
    if not assessment.judgments:
        return f"cairn user invite --campaign {assessment.campaign}; nobody has judged yet"
    if not assessment.states["settled"]:
        return f"more people's judgments, until the stopping rule is met: cairn campaign status {assessment.campaign}"
    return "cairn build NAME"
