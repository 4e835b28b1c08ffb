"""`cairn campaign`: labelling jobs, from making one to taking its judgments out."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cairn.commands.campaign_gold import gold
from cairn.commands.campaign_import import bias, import_, suggest
from cairn.commands.campaign_plan import plan
from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, table
from label_store import UsageError, Workspace, find_campaign
from label_store.models import now

app = typer.Typer(
    help="Labelling jobs: create, gold, plan, status, pause, open, close, export, import, suggest, bias.",
    no_args_is_help=True,
)
SlugArgument = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign's name.")]


@app.command()
def create(
    slug: SlugArgument,
    kind: Annotated[str, typer.Option(help="verify, classify, attributes, boxes or polygons.")],
    category: Annotated[list[str], typer.Option("--category", "-c", help="A category to ask about; repeat.")],
    n: Annotated[int | None, typer.Option("-n", min=1, help="Fixed rule: judgments an item (3).")] = None,
    max_risk: Annotated[
        float | None, typer.Option(help="Risk rule: stop an item at this risk, for instance 0.01.")
    ] = None,
    max_n: Annotated[int, typer.Option(min=1, help="Risk rule: never more judgments than this.")] = 10,
    review_price: Annotated[
        float | None,
        typer.Option(help="Risk rule: what a reviewer's answer costs, in judgments; dearer items go to reviewers."),
    ] = None,
    gold_rate: Annotated[float, typer.Option(help="Share of items with a known answer, shown unmarked.")] = 0.0,
    guideline: Annotated[Path | None, typer.Option(help="Markdown file that annotators read.")] = None,
    title: Annotated[str, typer.Option(help="What annotators see (else the name).")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="Most judgments one person may give.")] = None,
    price: Annotated[float, typer.Option(min=0.0, help="What one judgment costs.")] = 0.0,
    budget: Annotated[
        float | None, typer.Option(min=0.0, help="What all judgments may cost; then nobody is given more.")
    ] = None,
    item_order: Annotated[
        str, typer.Option(help="near_first or near_last: items near settling first or last (auto: as the rule needs).")
    ] = "auto",
    invited_only: Annotated[bool, typer.Option("--invited-only", help="Only for people invited to it.")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="Not for annotators until `cairn campaign open`.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a campaign from the pictures that were collected for its categories.

    Example: cairn campaign create dogs --kind verify -c whippet -c greyhound -n 3
    """
    from annotate_app import create_campaign

    if n is not None and max_risk is not None:
        raise UsageError("give -n for the fixed rule or --max-risk for the risk rule, not both")
    if review_price is not None and max_risk is None:
        raise UsageError("--review-price belongs to the risk rule", hint="give --max-risk too, for instance 0.01")
    if budget is not None and not price:
        raise UsageError("a budget needs to know what a judgment costs", hint="give --price too")
    rule: dict[str, Any] = {"rule": "fixed", "n": n or 3}
    if max_risk is not None:
        rule = {"rule": "risk", "max_risk": max_risk, "max_n": max_n}
        if review_price is not None:
            rule["review_price"] = review_price
    store = Workspace.open(workspace)
    made = create_campaign(
        store,
        slug,
        kind,
        category,
        stopping=rule,
        gold_rate=gold_rate,
        guideline=_text(guideline),
        title=title,
        per_person_limit=limit,
        price_per_judgment=price,
        budget=budget,
        item_order=item_order,
        open_to_all=not invited_only,
        state="draft" if draft else "open",
    )
    if as_json:
        print_json({"id": made.id, "slug": made.slug, "kind": made.kind, "items": made.items})
        return
    if gold_rate:
        out.print(f"nothing is gold yet; give known answers: cairn campaign gold {made.slug} FILE.csv", markup=False)
    finish(
        f"campaign {made.slug} ({made.kind}) has {made.items:,} items to judge",
        then=f"cairn campaign open {made.slug}" if draft else "cairn serve",
    )


@app.command()
def status(
    slug: Annotated[str | None, typer.Argument(metavar="[CAMPAIGN]", help="One campaign; all without.")] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how far campaigns are.

    Example: cairn campaign status dogs
    """
    from sqlalchemy import select

    from annotate_app import campaign_progress
    from label_store.models import Campaign

    store = Workspace.open(workspace)
    with store.read() as session:
        every = select(Campaign).order_by(Campaign.id)
        found = [find_campaign(session, slug)] if slug else list(session.scalars(every))
        shown = [campaign_progress(session, campaign, now()) for campaign in found]
    if as_json:
        print_json(shown[0].as_json() if slug else [one.as_json() for one in shown])
        return
    table(
        "",
        ("campaign", "kind", "state", "items", "settled", "disputed", "judgments", "of", "agreement"),
        [
            (p.slug, p.kind, p.state, p.items, p.settled, p.disputed, p.judgments, p.judgments_asked, p.alpha)
            for p in shown
        ],
    )
    if slug:
        table(
            "",
            ("annotator", "judgments", "per minute", "gold", "missed"),
            [(a.name, a.judgments, a.pace, a.gold, a.gold_misses) for a in shown[0].annotators],
        )
        if found[0].gold_rate and not shown[0].gold_items:
            wanted = f"{found[0].gold_rate:.0%} of what people are given should be gold, and nothing is"
            out.print(f"{wanted}: cairn campaign gold {slug} FILE.csv", markup=False)
    finish(
        f"{len(shown)} campaign{'' if len(shown) == 1 else 's'}",
        then=f"cairn consensus {slug}" if slug else "cairn campaign create --help",
    )


app.command("plan")(plan)
app.command("gold")(gold)
app.command("import")(import_)
app.command("suggest")(suggest)
app.command("bias")(bias)


@app.command("open")
def open_(slug: SlugArgument, workspace: WorkspaceOption = None) -> None:
    """Open a paused or closed campaign again.

    Example: cairn campaign open dogs
    """
    _set(workspace, slug, "open", "cairn serve")


@app.command()
def pause(slug: SlugArgument, workspace: WorkspaceOption = None) -> None:
    """Hand out no more items for now; answers under way are still taken.

    Example: cairn campaign pause dogs
    """
    _set(workspace, slug, "paused", f"cairn campaign open {slug}")


@app.command()
def close(slug: SlugArgument, workspace: WorkspaceOption = None) -> None:
    """Close a campaign: no more items, no more answers.

    Example: cairn campaign close dogs
    """
    _set(workspace, slug, "closed", f"cairn consensus {slug}")


@app.command()
def crowd(
    slug: SlugArgument,
    platform: Annotated[str, typer.Option(help="prolific or mturk; none ends the link.")] = "prolific",
    items: Annotated[int, typer.Option(min=1, help="How many items each worker judges.")] = 48,
    code: Annotated[str | None, typer.Option(help="Completion code that a worker is told (else one is made).")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="Address of the app as workers reach it (else of `cairn serve`).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Open a campaign to workers of a crowd platform by a link: no password, a completion code at the end.

    Example: cairn campaign crowd dogs --platform prolific --items 48 --base-url https://labels.example.org
    """
    from annotate_app.crowd import PLATFORMS, close_to_crowd, open_to_crowd

    store = Workspace.open(workspace)
    with store.write() as session:
        campaign = find_campaign(session, slug)
        if platform == "none":
            close_to_crowd(session, campaign)
        else:
            secret = open_to_crowd(session, campaign, platform, items, code)
            told = campaign.crowd["code"] if campaign.crowd else ""
    if platform == "none":
        finish(f"the link of campaign {slug} has ended", then=f"cairn campaign status {slug}")
        return
    base = base_url or f"http://{store.settings.serve_host}:{store.settings.serve_port}"
    ids = {
        "prolific": "PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}",
        "mturk": "workerId=${workerId}&assignmentId=${assignmentId}&hitId=${hitId}",
    }
    assert set(ids) == set(PLATFORMS)
    out.print(f"{base.rstrip('/')}/crowd/{secret}?{ids[platform]}", soft_wrap=True, markup=False, highlight=False)
    finish(f"each worker judges {items:,} items and is told {told}", then="cairn serve")


@app.command()
def export(
    slug: SlugArgument,
    file: Annotated[Path | None, typer.Option("--out", "-o", help="Where to (else standard output).")] = None,
    kind: Annotated[
        str, typer.Option("--format", help="jsonl, csv, parquet, label-studio, coco, yolo or voc (else by the ending).")
    ] = "",
    workspace: WorkspaceOption = None,
) -> None:
    """Write the judgments of a campaign: item, annotator, answer and more, a row each.

    Example: cairn campaign export dogs -o dogs.csv
    """
    from annotate_app.exporting import format_for

    kind = kind or (file.suffix.lstrip(".") if file else "") or "jsonl"
    store = Workspace.open(workspace)
    with store.read() as session:
        campaign = find_campaign(session, slug)
    chunks = format_for(kind, campaign.kind).write(store.read, campaign.id)
    if file is None:
        for chunk in chunks:
            sys.stdout.buffer.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        sys.stdout.buffer.flush()
        return
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        with temporary.open("wb") as out_file:
            for chunk in chunks:
                out_file.write(chunk if isinstance(chunk, bytes) else chunk.encode())
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finish(f"the judgments of {slug} are in {file}", then=f"python -m consensus {file}" if kind == "csv" else "")


def _set(workspace: Path | None, slug: str, state: str, then: str) -> None:
    from annotate_app import set_state

    store = Workspace.open(workspace)
    with store.write() as session:
        set_state(session, find_campaign(session, slug), state)
    finish(f"campaign {slug} is {state}", then=then)


def _text(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "give the path of a Markdown file" + ("" if path.is_absolute() else f"; looked in {Path.cwd()}")
        raise UsageError(f"the guideline {path} cannot be read: {error.strerror or error}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the guideline {path} is not text: {error}", hint="give a Markdown file in UTF-8") from error
