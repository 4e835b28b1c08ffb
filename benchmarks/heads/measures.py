"""How near drawings are to what was rendered: objects told right, and the overlap of masks."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sqlalchemy import select

from benchmarks.heads.drawing import KINDS, Objects, Scene
from label_store import Workspace
from label_store.models import Campaign, Item, Judgment
from tests.train.rendered import FULL, NAMES
from train.heads.figures import class_iou, iou, mean_known
from train.heads.labels import boxes_of, mask_of

WHOLE = {"width": FULL, "height": FULL}
Pairs = Iterable[tuple[Objects, Objects]]
"""(what somebody says, the truth) of some pictures."""


def objects_right(pairs: Pairs, least: float = 0.5) -> float:
    """F1 of boxes: a box is right where its category is, at an IoU of `least`, and no other box was there before."""
    hits = drawn = real = 0
    for said, truth in pairs:
        boxes, labels = boxes_of({**WHOLE, **said}, NAMES, FULL)
        true, true_labels = boxes_of({**WHOLE, **truth}, NAMES, FULL)
        overlap = np.where(labels[:, None] == true_labels[None], iou(boxes, true), 0.0)
        drawn, real = drawn + len(boxes), real + len(true)
        while overlap.size and overlap.max() >= least:
            row, column = np.unravel_index(overlap.argmax(), overlap.shape)
            overlap[row], overlap[:, column] = 0.0, 0.0
            hits += 1
    return 2 * hits / (drawn + real)


def masks_right(pairs: Pairs) -> float:
    """mIoU of masks over the categories and nothing, over all pixels of the pictures."""
    size = len(NAMES) + 1
    confusion = np.zeros((size, size), np.int64)
    for said, truth in pairs:
        called, true = (mask_of({**WHOLE, **one}, NAMES, FULL).astype(np.int64) for one in (said, truth))
        confusion += np.bincount((true * size + called).ravel(), minlength=size**2).reshape(size, size)
    found = mean_known(class_iou(confusion))
    assert found is not None
    return found


def people_and_consensus(
    workspace: Workspace, kind: str, settled: Mapping[str, Objects], scenes: Mapping[str, Scene]
) -> dict[str, float]:
    """How right one person is, drawn at random, and what the release says, on the same pictures."""
    measure = objects_right if kind == "boxes" else masks_right
    people = [(answer, scenes[name].truth) for name, answer in judgments(workspace, kind) if name in settled]
    return {
        "one_person": measure(people),
        "consensus": measure((settled[name], scenes[name].truth) for name in settled),
    }


def judgments(workspace: Workspace, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """(SHA-256, answer) of every judgment of the campaign of that kind."""
    with workspace.read() as session:
        rows = session.execute(
            select(Item.image_sha256, Judgment.answer)
            .join(Item, Item.id == Judgment.item_id)
            .join(Campaign, Campaign.id == Item.campaign_id)
            .where(Campaign.kind == kind, Judgment.active)
        )
        return [(sha256, answer) for sha256, answer in rows if KINDS[kind] in answer]
