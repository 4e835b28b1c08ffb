"""A trained run's out-of-fold predictions back into the campaign whose labels it was trained on.

They are kept, the campaign is settled with the model as one more judge, and what it disputes goes back to people.
"""

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

import consensus
from consensus.candidates import likeliest
from label_store.assessment import Assessment
from label_store.errors import UsageError
from label_store.events import log_event
from label_store.fitting import fit_questions
from label_store.model_opinion import KINDS, MARK, join_opinions, kept_of, parts_of, read_opinion
from label_store.models import Campaign, Category, Item, Prediction
from label_store.questions import questions, read_campaign
from label_store.returning import give_back
from label_store.settle import DEFAULT_METHOD, find_campaign, settle
from label_store.workspace import Workspace

SURE_ENOUGH = 0.05
"""Under a fixed rule, which states no risk, an item is disputed above this one."""
_AT_ONCE = 500
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, eq=False)
class RunPredictions:
    """A run's name, categories (slugs) and float64 [N, K] probabilities of pictures, each by its SHA-256."""

    run: str
    categories: tuple[str, ...]
    sha256: tuple[str, ...]
    probabilities: NDArray[np.float64]


@dataclass(frozen=True)
class Feedback:
    """What came of it: items with predictions, items of the campaign without, items given back, and the consensus."""

    run: str
    predicted: int
    without: int
    elsewhere: int
    """Pictures of the run that are no item of the campaign."""
    returned: tuple[int, ...]
    """Item ids, the most disputed first."""
    assessment: Assessment


def read_run(workspace: Workspace, run: str) -> RunPredictions:
    """`predictions.npz` and the categories of a run: a folder, or a name in the workspace's `runs`.

    Raises UsageError where there is no run, it was trained without `--folds`, or its file is broken.
    """
    folder = Path(run) if (Path(run) / "metrics.json").is_file() else workspace.folder / "runs" / run
    if not (folder / "metrics.json").is_file():
        if (folder / "config.toml").is_file() or (folder / "last.pt").is_file():
            raise UsageError(
                f"the run {run!r} is not finished", hint=f"python -m train --resume --out {folder} goes on with it"
            )
        known = sorted(path.parent.name for path in (workspace.folder / "runs").glob("*/metrics.json"))
        raise UsageError(
            f"there is no finished run {run!r}",
            hint=f"there are {', '.join(known[:8])}" if known else "cairn train NAME/1 --folds 5 --out runs/NAME",
        )
    name = folder.resolve().name
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a judge",
            hint="rename the run's folder: letters, digits, '.', '_', '-', at most 60",
        )
    file = folder / "predictions.npz"
    if not file.is_file():
        raise UsageError(f"{folder} has no predictions.npz", hint="train it with --folds 5")
    try:
        categories = tuple(str(slug) for slug in json.loads((folder / "metrics.json").read_bytes())["categories"])
        with np.load(file, allow_pickle=False) as found:
            sha256, probabilities = found["sha256"], found["probabilities"].astype(np.float64)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UsageError(f"{file} cannot be read: {error}", hint="train the run again with --folds") from error
    whole = probabilities.shape == (len(sha256), len(categories)) and np.isfinite(probabilities).all()
    if not whole or (probabilities < 0).any() or (abs(probabilities.sum(axis=1) - 1) > 1e-3).any():
        raise UsageError(
            f"{file} does not hold probabilities of {len(categories)} categories",
            hint="train the run again with --folds",
        )
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return RunPredictions(name, categories, tuple(sha256.tolist()), probabilities)


def give_feedback(workspace: Workspace, run: str, slug: str, most: int | None = None) -> Feedback:
    """Keep a run's predictions, settle the campaign with them, and give back up to `most` disputed items.

    The same run again replaces its predictions, and gives no item more people than before.
    """
    said = read_run(workspace, run)
    with workspace.read() as session:
        campaign = find_campaign(session, slug)
        if campaign.kind not in KINDS:
            raise UsageError(
                f"the campaign {slug!r} asks for {campaign.kind}, which a classifier does not predict",
                hint="feedback works in campaigns of verify and classify",
            )
        rows, items = _rows(session, campaign, said)
        base = parts_of(campaign.consensus_method or DEFAULT_METHOD)[0]
        campaign_id = campaign.id
    if not rows:
        raise UsageError(
            f"no picture of the run {said.run!r} is an item of the campaign {slug!r}",
            hint="was it trained on a release of this workspace, and of these categories?",
        )
    _keep(workspace, campaign_id, said.run, rows)
    assessment = settle(workspace, slug, f"{base}{MARK}{said.run}")
    with workspace.read() as session:
        campaign = find_campaign(session, slug)
        stopping, disputed = campaign.stopping, _disputed(session, campaign, base, said.run)
    returned = _give_back(workspace, disputed if most is None else disputed[:most], stopping)
    with workspace.write() as session:
        log_event(session, "feedback", f"campaigns:{slug}", run=said.run, predicted=len(rows), returned=len(returned))
    known = {row["item_id"] for row in rows}
    pictures = {sha256 for item_id, (sha256, _) in items.items() if item_id in known}
    return Feedback(
        said.run, len(rows), len(items) - len(rows), len(set(said.sha256) - pictures), tuple(returned), assessment
    )


def _rows(
    session: Session, campaign: Campaign, said: RunPredictions
) -> tuple[list[dict[str, Any]], dict[int, tuple[str, str | None]]]:
    """Rows of `predictions`; and the campaign's items: picture and category."""
    items = {
        row.id: (row.image_sha256, row.slug)
        for row in session.execute(
            select(Item.id, Item.image_sha256, Category.slug)
            .outerjoin(Category, Category.id == Item.category_id)
            .where(Item.campaign_id == campaign.id)
            .order_by(Item.id)
        )
    }
    place = {sha256: n for n, sha256 in enumerate(said.sha256)}
    column = {slug: k for k, slug in enumerate(said.categories)}
    asked = [category.slug for category in campaign.categories]
    rows = []
    for item_id, (sha256, slug) in items.items():
        if sha256 not in place:
            continue
        row = said.probabilities[place[sha256]]
        told = _verified(row, column, slug) if campaign.kind == "verify" else _classified(row, column, asked)
        if told is not None:
            rows.append({"run": said.run, "item_id": item_id, "probabilities": kept_of(told)})
    return rows, items


def _verified(row: NDArray[np.float64], column: Mapping[str, int], slug: str | None) -> dict[str, float] | None:
    if slug is None or slug not in column:
        return None
    yes = float(row[column[slug]])
    return {"no": 1.0 - yes, "yes": yes}


def _classified(row: NDArray[np.float64], column: Mapping[str, int], asked: Sequence[str]) -> dict[str, float] | None:
    """Over the campaign's answers; what the run gives to categories that are not asked for is `none`."""
    told = {slug: float(row[column[slug]]) for slug in asked if slug in column}
    return {**told, "none": max(0.0, 1.0 - sum(told.values()))} if told else None


def _keep(workspace: Workspace, campaign_id: int, run: str, rows: Sequence[dict[str, Any]]) -> None:
    """In one transaction: half of a run's opinion would be another opinion."""
    with workspace.write() as session:
        mine = select(Item.id).where(Item.campaign_id == campaign_id)
        session.execute(delete(Prediction).where(Prediction.run == run, Prediction.item_id.in_(mine)))
        for start in range(0, len(rows), 5000):
            session.execute(insert(Prediction), rows[start : start + 5000])


def _disputed(session: Session, campaign: Campaign, base: str, run: str) -> list[tuple[int, float]]:
    """(item, risk), the riskiest first: the model says otherwise than people, and both together are not sure enough.

    Neither gold nor what a reviewer decided is disputed.
    """
    rule = consensus.StoppingRule.from_json(campaign.stopping)
    bound = rule.max_risk if rule.rule == "risk" else SURE_ENOUGH
    data = read_campaign(session, campaign)
    asked = list(questions(data))
    alone = fit_questions(asked, base)
    together = join_opinions(session, campaign, run, asked, alone)
    decided = {vote.item_id for vote in data.votes if vote.role == "reviewer"}
    found: dict[int, float] = {}
    for question, one, joined in zip(asked, alone, together, strict=True):
        opinion, people, both = read_opinion(session, campaign, run, question), one.result, joined.result
        differs = opinion.covered & (people.answer >= 0) & (likeliest(opinion.probabilities) != people.answer)
        differs &= (people.gold < 0) & (both.risk > bound)
        for position in np.flatnonzero(differs):
            item_id = question.item_ids[int(position)]
            if item_id in decided:
                continue  # also one that a reviewer flagged
            found[item_id] = max(found.get(item_id, 0.0), float(both.risk[position]))
    return sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))


def _give_back(workspace: Workspace, disputed: Sequence[tuple[int, float]], stopping: Mapping[str, Any]) -> list[int]:
    """Two more people for each, before everything else; the riskiest first."""
    returned = []
    for start in range(0, len(disputed), _AT_ONCE):
        with workspace.write() as session:
            risk = dict(disputed[start : start + _AT_ONCE])
            items = session.scalars(select(Item).where(Item.id.in_(risk)).order_by(Item.id).with_for_update())
            for item in items:
                give_back(item, stopping, priority=1 + int(100 * risk[item.id]))
        returned += list(risk)
    return returned
