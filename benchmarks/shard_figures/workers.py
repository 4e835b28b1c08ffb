"""A build of many small pictures with two workers and with one: the SHA-256 of every file of both."""

import hashlib
import io
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import insert, select

import imaging
from dataset_builder import build, recipe_from
from label_store import CategorySpec, Origin, Result, Workspace, examined, find_category, put_category, record_all
from label_store.models import Campaign, CampaignCategory, Consensus, Item

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_BATCH = 1000
_CATEGORIES = ("car", "bus")
_WITH_STRUCTURE = 100
"""One picture of so many; the others are nearly plain, which are compared with none: comparing is not measured."""


def measure_workers(work: Path, pictures: int) -> dict[str, Any]:
    """Seconds of each build by the wall, CPU seconds with children's, and whether every file is the same."""
    folder = work / f"workers-{pictures}"
    if not (folder / "cairn.toml").exists():
        _fill(Workspace.init(folder), pictures)
    workspace = Workspace.open(folder)
    recipe = recipe_from({"pixels": {"size": 64, "mode": "square"}, "shards": {"bytes": 8 * 2**20}})
    found: dict[str, Any] = {"pictures": pictures}
    digests = []
    for workers in (2, 1):
        wall, cpu = time.perf_counter(), os.times()
        report = build(workspace, "many/1", recipe, workers=workers)
        used = sum(os.times()[:4]) - sum(cpu[:4])
        found[f"{workers} workers"] = {
            "samples": report.samples,
            "left_out": dict(report.left_out),
            "wall_s": round(time.perf_counter() - wall, 1),
            "cpu_s": round(used, 1),
        }
        digests.append(_digests(report.path))
        shutil.rmtree(report.path)
    return found | {"files": len(digests[0]), "identical": digests[0] == digests[1]}


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _fill(workspace: Workspace, pictures: int) -> None:
    """Drawn pictures like no other, each settled as one of two categories."""
    with workspace.write() as session:
        for name in _CATEGORIES:
            put_category(session, CategorySpec(name=name, definition=name))
        campaign = Campaign(slug="many", kind="verify", stopping={"rule": "fixed", "n": 1}, consensus_version=1)
        session.add(campaign)
        session.flush()
        ids = [find_category(session, name).id for name in _CATEGORIES]
        session.add_all(
            CampaignCategory(campaign_id=campaign.id, category_id=of, position=at) for at, of in enumerate(ids)
        )
        number = campaign.id
    for start in range(0, pictures, _BATCH):
        files = [_picture(seed) for seed in range(start, min(start + _BATCH, pictures))]
        kept = [examined(imaging.describe(data)) for data in files]
        names = workspace.blobs.put_all(files)
        origins = (Origin("urls", f"https://pictures.example/{name}.jpg", license="CC0-1.0") for name in names)
        with workspace.write() as session:
            record_all(session, [Result(origin, one) for origin, one in zip(origins, kept, strict=True)])
            items = [
                {"campaign_id": number, "image_sha256": name, "category_id": ids[at % 2], "state": "settled", "n": 1}
                for at, name in enumerate(names)
            ]
            session.execute(insert(Item), items)
            of = select(Item.id).where(Item.campaign_id == number, Item.image_sha256.in_(names))
            settled = {"version": 1, "state": "settled", "answer": {"value": "yes"}, "n": 1, "risk": 0.01, "at": _AT}
            settled |= {"posterior": {"yes": 0.99, "no": 0.01}, "method": "map-dawid-skene/1"}
            session.execute(insert(Consensus), [settled | {"item_id": item} for item in session.scalars(of)])


def _picture(seed: int) -> bytes:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    if seed % _WITH_STRUCTURE:
        coarse = (coarse // 25 + random.integers(0, 240, 3, dtype=np.uint8)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()
