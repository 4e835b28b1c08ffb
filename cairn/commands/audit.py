"""`cairn audit`: how many labels of a campaign or release are wrong, and what reviewers should judge to know better."""

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json
from label_store import UsageError, Workspace, find_campaign
from label_store.audit import CampaignAudit, audit_campaign, take_reviews
from label_store.models import Campaign, Fetch, Item, Release

_MOST_SHOWN = 10


def audit(
    campaign: Annotated[str, typer.Argument(help="The campaign's slug, or a release as NAME or NAME/N.")],
    width: Annotated[
        float, typer.Option(help="Wanted width of the 95 % interval, as a share: 0.02 is two points.")
    ] = 0.02,
    to_judge: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the items to judge as CSV: item, reviewer, answer, sha256, url."),
    ] = None,
    judged: Annotated[
        Path | None, typer.Option("--judged", help="First take reviewers' answers from such a CSV.")
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Say how many labels of a campaign or release are wrong, from a sample that reviewers judge, and what to judge.

    Without reviewers' answers the number rests on the assumption that people err independently, which makes it
    too small. The sample is drawn by chance within strata of risk; a larger one contains the smaller.
    Example: cairn audit vehicles --width 0.03 --out audit.csv
    """
    store = Workspace.open(workspace)
    if _is_release(store, campaign):
        if to_judge or judged:
            raise UsageError(
                f"{campaign} is a release", hint="reviewers judge items of its campaigns; name one of them"
            )
        _audit_release(store, campaign, json)
        return
    reviews = take_reviews(store, campaign, judged) if judged else None
    with store.read() as session:
        found = audit_campaign(session, find_campaign(session, campaign), width)
    if to_judge is not None:
        _write(to_judge, found, store)
    if json:
        shown = asdict(found)
        if reviews is not None:
            shown["reviews"] = asdict(reviews)
        print_json(shown)
    else:
        for line in told(found, width):
            out.print(line, markup=False)
        for row, reason in reviews.refused[:20] if reviews else ():
            out.print(f"line {row}: {reason}", markup=False)
        if reviews and len(reviews.refused) > 20:
            out.print(f"and {len(reviews.refused) - 20:,} lines more")
        taken = f"; {reviews.accepted:,} answers taken, {reviews.duplicate:,} known already" if reviews else ""
        if reviews and reviews.unfilled:
            taken += f", {reviews.unfilled:,} rows not filled in yet"
        finish(f"{campaign}: {found.labels:,} settled labels{taken}", then=_next(found, to_judge))
    if reviews is not None and reviews.refused:
        raise typer.Exit(3)


def _is_release(store: Workspace, named: str) -> bool:
    with store.read() as session:
        if session.scalar(select(Campaign.id).where(Campaign.slug == named)) is not None:
            return False
        return session.scalar(select(Release.id).where(Release.name == named.partition("/")[0])) is not None


def _audit_release(store: Workspace, named: str, json: bool) -> None:
    """What the release says of its labels, and what reviewers' answers say of them now."""
    from dataset_builder.label_error import error_now
    from dataset_builder.releases import find_release

    manifest, now, judged = error_now(store, find_release(named, store))
    name = f"{manifest.name}/{manifest.version}"
    if json:
        print_json(
            {
                "release": name,
                "label_error": asdict(manifest.label_error) if manifest.label_error else None,
                "now": asdict(now) if now else None,
                "judged": judged,
            }
        )
        return
    for when, error in (("when it was built", manifest.label_error), ("as known now", now)):
        figures = (
            f"{error.estimate:.2%} ({error.low:.2%} to {error.high:.2%}), {error.method}" if error else "no labels"
        )
        out.print(f"label error, {when:<17}  {figures}", markup=False)
    finish(
        f"{name}: {judged:,} of its campaigns' labels are in reviewers' random samples",
        then="cairn audit CAMPAIGN says what to judge for a wanted width",
    )


def told(found: CampaignAudit, width: float) -> list[str]:
    """The audit in sentences."""
    model = found.model
    assert model.estimate is not None
    assert model.low is not None
    assert model.high is not None
    lines = [
        (
            f"estimated error  {model.estimate:.2%} ({model.low:.2%} to {model.high:.2%}) by the judgments alone, if"
            " people err independently of each other: no audit has checked that"
        )
    ]
    if found.audited is not None:
        a = found.audited
        lines = [
            (
                f"label error      {a.estimate:.2%} (95 %: {a.low:.2%} to {a.high:.2%}), from {a.judged:,} labels that"
                f" reviewers judged, {a.corrected:,} of them wrong"
            ),
            f"                 the judgments alone say {model.estimate:.2%}, taking errors as independent",
        ]
        if found.sure_judged:
            right = 1.0 - found.sure_wrong / found.sure_judged
            lines.append(
                f"99 % sure        {found.sure:,} labels; of those, {found.sure_judged:,} were judged and"
                f" {right:.1%} right"
            )
    if found.no_answer:
        lines.append(
            f"no answer        {found.no_answer:,} sampled items were flagged, left unsure, or answered differently by"
            " two reviewers; they do not count, and what is left may be easier"
        )
    more = len(found.to_judge)
    judged = found.audited.judged if found.audited else 0
    lines.append(
        f"for a width of {width:.2%} reviewers judge {judged + more:,} labels in all, {more:,} more"
        if more
        else f"a width of {width:.2%} needs no more judgments"
    )
    if more:
        first = ", ".join(str(i) for i in found.to_judge[:_MOST_SHOWN])
        lines.append(f"items            {first}{f', and {more - _MOST_SHOWN:,} more' if more > _MOST_SHOWN else ''}")
    return lines


def _next(found: CampaignAudit, written: Path | None) -> str:
    if written is not None:
        return f"fill in reviewer and answer, then cairn audit {found.campaign} --judged {written}"
    if found.to_judge:
        return f"cairn audit {found.campaign} --out audit.csv writes the items to judge"
    return f"cairn consensus {found.campaign} takes the reviewers' answers into the labels"


def _write(path: Path, found: CampaignAudit, store: Workspace) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with store.read() as session, temporary.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("item", "reviewer", "answer", "sha256", "url"))
            for start in range(0, len(found.to_judge), 500):
                rows.writerows(_pictures(session, found.to_judge[start : start + 500]))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _pictures(session: Session, items: Sequence[int]) -> list[tuple[int, str, str, str, str]]:
    """Rows to fill in, in the order of `items`, each with what finds its picture: its hash and where it came from."""
    url = select(func.min(Fetch.url)).where(Fetch.image_sha256 == Item.image_sha256).scalar_subquery()
    found = {row[0]: row for row in session.execute(select(Item.id, Item.image_sha256, url).where(Item.id.in_(items)))}
    return [(item, "", "", found[item][1], found[item][2] or "") for item in items]
