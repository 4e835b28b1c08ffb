"""A workspace with one campaign of any number of items, annotators who are signed in, and judgments if wanted.

The rows are what collecting and judging would have written; only the bytes of the pictures are left out.
"""

import hashlib
import json
import os
import random
import shutil
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, text

from annotate_app import add_person
from annotate_app.security.sessions import sign_in
from label_store import CategorySpec, Workspace, put_category, tallies
from label_store.engine import for_writing
from label_store.models import Campaign, CampaignCategory, Image, Item, Judgment, now

SLUG = "million"
PASSWORD = "correct horse battery"
_ROWS_AT_ONCE = 20_000
_TOKENS = "tokens.json"


@dataclass(frozen=True)
class Filled:
    """The workspace, and an API token for each annotator and for one curator."""

    workspace: Workspace
    tokens: tuple[str, ...]
    curator: str


def fill(
    folder: Path, items: int, people: int, judgments: int, *, n: int = 3, database_url: str | None = None
) -> Filled:
    """Make the workspace: a verify campaign with a fixed rule of `n`, `judgments` of them given already.

    Judgments go round: item k is judged by person k mod `people`, then, from the first item on, by the next one.
    """
    workspace = Workspace.init(folder, **({"database_url": database_url} if database_url else {}))
    if database_url:  # the app is another process: it reads it from the workspace's own settings
        with (folder / "cairn.toml").open("a", encoding="utf-8") as settings:
            settings.write(f'database_url = "{database_url}"\n')
    with workspace.write() as session:
        category = put_category(session, CategorySpec(name="Boat", definition="a vessel that floats on water"))
        workers = [add_person(session, f"worker-{k:02}", None) for k in range(people)]
        curator = add_person(session, "cora", None, "curator")
        campaign = Campaign(slug=SLUG, title="A million", kind="verify", stopping={"rule": "fixed", "n": n})
        session.add(campaign)
        session.flush()
        session.add(CampaignCategory(campaign_id=campaign.id, category_id=category.id, position=0))
        ids = [worker.id for worker in workers]
        tokens = [sign_in(session, person, kind="token", at=now(), days=30)[0] for person in [*ids, curator.id]]
    _insert(workspace.engine, Image, _images(items))
    _insert(workspace.engine, Item, _items(items, campaign.id, category.id, judgments))
    _insert(workspace.engine, Judgment, _judgments(items, ids, judgments))
    with workspace.write() as session:
        given = Counter(ids[(k % items + k // items) % people] for k in range(judgments))
        tallies.count(session, {(campaign.id, person, category.id): number for person, number in given.items()})
    with workspace.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return Filled(workspace, tuple(tokens[:-1]), tokens[-1])


def keep(filled: Filled, folder: Path) -> None:
    """Move what was filled there, with its tokens; it is closed."""
    filled.workspace.close()
    tokens = {"tokens": filled.tokens, "curator": filled.curator}
    (filled.workspace.folder / _TOKENS).write_text(json.dumps(tokens), encoding="utf-8")
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(filled.workspace.folder, folder)


def copied(kept: Path, folder: Path) -> Filled:
    """A copy of what was kept, raised to the present schema."""
    shutil.copytree(kept, folder)
    os.sync()
    tokens = json.loads((folder / _TOKENS).read_text(encoding="utf-8"))
    return Filled(Workspace.init(folder), tuple(tokens["tokens"]), tokens["curator"])


def _insert(engine: Engine, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    while chunk := list(islice(rows, _ROWS_AT_ONCE)):
        with for_writing(engine).begin() as connection:
            connection.execute(insert(table), chunk)


def _sha256(k: int) -> str:
    return hashlib.sha256(str(k).encode()).hexdigest()


def _images(items: int) -> Iterator[dict[str, Any]]:
    for k in range(items):
        yield {"sha256": _sha256(k), "bytes": 100_000, "format": "JPEG", "mode": "RGB", "width": 640, "height": 480}


def _items(items: int, campaign_id: int, category_id: int, judgments: int) -> Iterator[dict[str, Any]]:
    for k in range(items):
        yield {
            "id": k + 1,
            "campaign_id": campaign_id,
            "image_sha256": _sha256(k),
            "category_id": category_id,
            "n": judgments // items + (k < judgments % items),
        }


def _judgments(items: int, people: list[int], judgments: int) -> Iterator[dict[str, Any]]:
    dice = random.Random(0)
    at = now() - timedelta(days=7)
    for k in range(judgments):
        turn, item = divmod(k, items)
        moment = at + timedelta(days=7 * k / judgments)
        yield {
            "id": uuid.UUID(int=dice.getrandbits(128), version=4),
            "item_id": item + 1,
            "person_id": people[(item + turn) % len(people)],
            "answer": {"value": "yes" if dice.random() < 0.7 else "no"},
            "answered_at": moment,
            "received_at": moment,
            "active_ms": dice.randrange(300, 3000),
        }
