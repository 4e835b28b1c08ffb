"""`cairn campaign plan`: how many judgments, and how much money, a target error needs, told from a pilot."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cairn.console import JsonOption, WorkspaceOption, finish, out, print_json, table
from consensus.planning import Plan, PlannedRule
from label_store import UsageError, Workspace, find_campaign

_FIXED_SHOWN = 10


def plan(
    slug: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A campaign of which some items are judged.")],
    error: Annotated[float, typer.Option(help="The share of wrong labels to stay under.")] = 0.02,
    items: Annotated[int | None, typer.Option(min=1, help="Items to label (else the campaign's).")] = None,
    price: Annotated[float | None, typer.Option(min=0.0, help="What one judgment costs (else the campaign's).")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Say how many judgments and how much money a target error needs, from the judgments there are.

    The pilot's annotators judge simulated items as hard as the pilot's. Where reviewers have audited the pilot,
    the error is scaled to what they found; without, it is a guess that is mostly too low.
    Example: cairn campaign plan dogs --error 0.02
    """
    if not 0.0 < error < 1.0:
        raise UsageError(f"an error of {error} is not between 0 and 1", hint="--error 0.02 is two in a hundred")
    found, campaign_items, its_price = _planned(Workspace.open(workspace), slug)
    count, cost = items or campaign_items, its_price if price is None else price
    best = found.cheapest(error)
    if as_json:
        print_json(
            {
                "campaign": slug,
                "items": count,
                "target": error,
                "audited": found.scale != 1.0,
                "difficulty": found.difficulty,
                "rules": [_as_json(rule, count, cost) for rule in found.rules],
                "cheapest": _as_json(best, count, cost) if best else None,
            }
        )
        return
    shown = [p for p in found.rules if p.rule.rule == "risk" or p.rule.n <= _FIXED_SHOWN]
    money = _right(f"{p.judgments * count * cost:,.2f}" for p in shown)
    errors = _right(f"{p.error:.2%}" for p in shown)
    table(
        "",
        ("rule", "judgments an item", "judgments", "cost", "expected error", ""),
        [
            (_named(p), round(p.judgments, 2), round(p.judgments * count), paid, error, _mark(p, best))
            for p, paid, error in zip(shown, money, errors, strict=True)
        ],
    )
    out.print(
        "the error is scaled to what reviewers found in the pilot"
        if found.scale != 1.0
        else "nobody has audited the pilot: real errors are mostly higher, because people err alike on hard pictures"
    )
    if best is None:
        finish(
            f"no rule up to 15 judgments an item keeps {count:,} labels under {error:.2%} wrong",
            then="a clearer guideline or more careful annotators first; cairn audit measures the error",
        )
        return
    judgments = round(best.judgments * count)
    paid = f", {judgments * cost:,.2f} in money" if cost else ""
    finish(
        f"{_named(best)}: {judgments:,} judgments of {count:,} items{paid} for {best.error:.2%} wrong labels",
        then=f"cairn campaign create NAME {_options(best)}",
    )


def _planned(store: Workspace, slug: str) -> tuple[Plan, int, float]:
    """The plan of the campaign's question with the most judgments, its items, its price of a judgment."""
    from sqlalchemy import func, select

    import consensus
    from consensus.planning import plan_judgments
    from label_store.audit import audited_error
    from label_store.models import Item
    from label_store.questions import questions, read_campaign

    with store.read() as session:
        campaign = find_campaign(session, slug)
        asked = list(questions(read_campaign(session, campaign)))
        ordinary = select(func.count()).where(Item.campaign_id == campaign.id, Item.gold.is_(None))
        count, price = session.scalar(ordinary) or 0, campaign.price_per_judgment
        audit = audited_error(session, campaign)
    if not asked:
        raise UsageError(f"campaign {slug!r} asks nothing yet", hint="give its categories attributes")
    largest = max(asked, key=lambda question: len(question.judgments))
    people = {place: answer for place, answer in largest.gold.items() if place not in largest.decided}
    result = consensus.fit(largest.judgments, gold=people, parents=largest.parents)
    return plan_judgments(result, largest.judgments, audited=audit.estimate if audit else None), count, price


def _named(planned: PlannedRule) -> str:
    rule = planned.rule
    return f"{rule.n} each" if rule.rule == "fixed" else f"risk {rule.max_risk:g}, at most {rule.max_n}"


def _options(planned: PlannedRule) -> str:
    rule = planned.rule
    return f"-n {rule.n}" if rule.rule == "fixed" else f"--max-risk {rule.max_risk:g} --max-n {rule.max_n}"


def _right(cells: Iterable[str]) -> list[str]:
    """Numbers as words, one under the other."""
    every = list(cells)
    wide = max((len(cell) for cell in every), default=0)
    return [cell.rjust(wide) for cell in every]


def _mark(planned: PlannedRule, best: PlannedRule | None) -> str:
    return "cheapest" if planned is best else ""


def _as_json(planned: PlannedRule, count: int, price: float) -> dict[str, Any]:
    rule = asdict(planned.rule)
    kept = ("rule", "n") if planned.rule.rule == "fixed" else ("rule", "max_risk", "max_n")
    return {
        "stopping": {key: rule[key] for key in kept},
        "judgments_per_item": planned.judgments,
        "judgments": round(planned.judgments * count),
        "cost": planned.judgments * count * price,
        "error": planned.error,
    }
