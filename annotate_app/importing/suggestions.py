"""A model's answers from a file, as suggestions of a campaign's items: shown to people, counted as nobody's judgment.

Every judgment keeps the suggestion it was given with or without (annotate_app/suggestion_bias.py). A lease of an item
whose suggestion changes knows no more what its holder was shown.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from annotate_app.importing.chunks import ROWS_AT_ONCE, ImportResult, Progress, Told, chunks, lock_items
from annotate_app.importing.files import Wanted, rows_of
from annotate_app.importing.items import Items, Meant, model_name
from annotate_app.importing.pictures import Pictures
from annotate_app.importing.rows import Bad, Row
from annotate_app.turns import lock_suggestions
from label_store import AnswerError, UsageError, Workspace, find_campaign, is_flag, log_event
from label_store.models import Campaign, Item, Lease
from label_store.models.base import Json


def import_suggestions(
    workspace: Workspace,
    slug: str,
    file: Path,
    *,
    model: str = "",
    format: str = "",  # noqa: A002  the option's word
    skip_unknown: bool = False,
    progress: Progress | None = None,
    told: Told | None = None,
) -> ImportResult:
    """Suggest what a file says of its items, in place of what was suggested before; `told` hears of every bad row.

    `model` is the model's name where the file does not tell one (an annotator's column, Label Studio's model_version).
    Of a task with predictions those are taken. Raises UsageError as `import_judgments`.
    """
    with workspace.read() as session:
        campaign = find_campaign(session, slug)
        campaign_id, kind = campaign.id, campaign.kind
    result = ImportResult()
    pictures = Pictures(workspace, campaign_id)
    try:
        rows = rows_of(file, kind, format, Wanted(predictions=True, names_people=False))
        for chunk in chunks(rows, result, progress, told):
            with workspace.write() as session:
                found = find_campaign(session, slug)
                changed, known, bad_rows = _suggest(session, found, pictures, chunk, model, skip_unknown)
            result.accepted += changed
            result.duplicate += known
            for bad in bad_rows:
                result.refuse(bad, told)
    finally:
        pictures.close()
    _log(workspace, campaign_id, "campaign.suggest", file=file.name, model=model, suggested=result.accepted)
    return result


def forget_suggestions(workspace: Workspace, slug: str) -> int:
    """Suggest nothing any more; how many items had a suggestion. What judgments were given with stays with them."""
    with workspace.read() as session:
        campaign_id = find_campaign(session, slug).id
    number = 0
    while True:
        with workspace.write() as session:
            items = session.scalars(
                select(Item.id)
                .where(Item.campaign_id == campaign_id, Item.suggestion.is_not(None))
                .order_by(Item.id)
                .limit(ROWS_AT_ONCE)
            ).all()
            if not items:
                break
            lock_suggestions(session, campaign_id)
            lock_items(session, set(items))
            _put(session, dict.fromkeys(items))
        number += len(items)
    _log(workspace, campaign_id, "campaign.unsuggest", items=number)
    return number


def hide_suggestions(workspace: Workspace, slug: str, share: float, *, person_id: int | None = None) -> None:
    """Hide suggestions from this share of people from now on; always the same ones as long as it stays.

    UsageError when it is no share.
    """
    if not 0 <= share <= 1:
        raise UsageError(f"the share of people without suggestions is from 0 to 1, not {share}")
    with workspace.write() as session:
        campaign = find_campaign(session, slug)
        campaign.suggestions_hidden = share
        log_event(session, "campaign.hide_suggestions", f"campaigns:{campaign.id}", person_id=person_id, share=share)


def _suggest(
    session: Session, campaign: Campaign, pictures: Pictures, rows: Sequence[Row], model: str, skip_unknown: bool
) -> tuple[int, int, list[Bad]]:
    items = Items(session, campaign, pictures, rows, skip_unknown=skip_unknown)
    known, bad = 0, []
    changed: dict[int, dict[str, Any] | None] = {}
    for row in rows:
        try:
            item = items.meant(row)
            suggestion = _suggestion(items, row, item, model)
        except AnswerError as error:
            bad.append(Bad(row.place, str(error)))
            continue
        if changed.get(item.id, item.suggestion) == suggestion:
            known += 1
        else:
            changed[item.id] = suggestion
    lock_suggestions(session, campaign.id)
    lock_items(session, set(changed))
    _put(session, changed)
    return len(changed), known, bad


def _suggestion(items: Items, row: Row, item: Meant, model: str) -> dict[str, Any]:
    answer = items.suggestion(row, item)
    if is_flag(answer):
        raise AnswerError("a flag is no suggestion")
    name = model_name(row.annotator or model)
    return answer | ({"model": name} if name else {})


def _put(session: Session, suggestions: Mapping[int, dict[str, Any] | None]) -> None:
    if not suggestions:
        return
    session.connection().execute(
        update(Item).where(Item.id == bindparam("item")).values(suggestion=bindparam("new", type_=Json)),
        [{"item": item, "new": suggestions[item]} for item in sorted(suggestions)],
    )
    session.execute(
        update(Lease)
        .where(Lease.item_id.in_(suggestions))
        .values(suggestion_shown=None)
        .execution_options(synchronize_session=False)
    )


def _log(workspace: Workspace, campaign_id: int, action: str, **details: Any) -> None:
    with workspace.write() as session:
        log_event(session, action, f"campaigns:{campaign_id}", **details)
