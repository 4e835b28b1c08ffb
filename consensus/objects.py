"""Boxes and polygons of several annotators: which objects exist, how sure that is, and their fused shapes.

Objects of one item are matched across annotators (Hungarian on IoU, from `min_iou` on) into clusters c, which are real
(z_c = 1, a share g of them) or not. An annotator j who judged the item drew it (d_jc = 1) or not:

    P(d_jc = 1 | real) = 1 - miss_j,     P(d_jc = 1 | not real) = false_j

(Dawid & Skene 1979 with two classes; boxes as judgments: Branson, Van Horn & Perona 2017, arXiv:1704.02083). A cluster
is seen only if somebody drew it, so each likelihood is divided by 1 - P(nobody draws it), and the M-step adds the
expected number of unseen clusters, P(nobody) / (1 - P(nobody)) a seen one (Dempster, Laird & Rubin 1977, section 4.2).
Rates have Beta priors of strength 4 around 0.2 (miss) and 0.05 (false).

Shapes are fused by weights 1 / jitter_j^2, jitter_j the root mean square distance of j's sides from the fused ones in
parts of the object's size: the weighted median of each side of a box; of polygons the one that overlaps the others
best. The risk of an item is the chance that its list of objects, those with p of a half or more, is wrong anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consensus.errors import ConsensusError
from consensus.judgments import Floats, Ints
from consensus.objects_matching import best_assignment
from consensus.objects_shapes import Rings, bounding_box, box_iou, fused_box, polygon_iou

MISS, FALSE, STRENGTH = 0.2, 0.05, 4.0
JITTER, JITTER_STRENGTH = 0.05, 5.0
SAME_CATEGORY = 1e-3
_ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Drawings:
    """n objects drawn: item, annotator, category int64 [n] and box float64 [n, 4] (x, y, w, h in pixels).

    seen: int64 [S, 2], who (item, annotator) judged what, also where nothing was drawn. shapes: the polygons of
    which `box` is the bounding box, or None.
    """

    item: Ints
    annotator: Ints
    category: Ints
    box: Floats
    seen: Ints
    n_items: int
    n_annotators: int
    n_categories: int
    shapes: tuple[Rings, ...] | None = None


@dataclass(frozen=True, eq=False)
class FusedObject:
    """One object: p that it exists, category, the share of its drawers (by weight) who say so, shape, drawers."""

    item: int
    p: float
    category: int
    agreed: float
    box: Floats
    shape: Rings | None
    drawn_by: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ObjectsResult:
    """objects sorted by item, the surest first; per annotator float64 [A]: the share of real objects missed, false
    objects an item judged, jitter (parts of an object's size); per item: risk float64 [I], judgments int64 [I]."""

    objects: tuple[FusedObject, ...]
    miss: Floats
    false_per_item: Floats
    jitter: Floats
    risk: Floats
    n: Ints
    real_share: float


def drawings_of(
    answers: Sequence[tuple[int, int, Mapping[str, Any]]], categories: Sequence[str], n_items: int, n_annotators: int
) -> Drawings:
    """From answers (item, annotator, {"boxes": [...]} or {"shapes": [...]}) as the label store keeps them.

    Flags are no judgments. Of an annotator's two answers to one item the last counts. Raises ConsensusError for a
    category that is not one of `categories`, or boxes and shapes mixed.
    """
    number = {name: k for k, name in enumerate(categories)}
    last = {(item, who): answer for item, who, answer in answers if "boxes" in answer or "shapes" in answer}
    rows: list[tuple[int, int, int]] = []
    boxes: list[Floats] = []
    shapes: list[Rings] = []
    for (item, who), answer in sorted(last.items(), key=lambda entry: entry[0]):
        for thing in answer.get("boxes", answer.get("shapes", ())):
            if thing["category"] not in number:
                raise ConsensusError(
                    f"an object has the category {thing['category']!r}, which is none of the campaign's"
                )
            rows.append((item, who, number[thing["category"]]))
            if "rings" in thing:
                shapes.append([np.asarray(ring, dtype=np.float64) for ring in thing["rings"]])
                boxes.append(bounding_box(shapes[-1]))
            else:
                boxes.append(np.array([thing["x"], thing["y"], thing["w"], thing["h"]], dtype=np.float64))
    if shapes and len(shapes) != len(boxes):
        raise ConsensusError("boxes and polygons cannot be fused with each other")
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Drawings(
        table[:, 0],
        table[:, 1],
        table[:, 2],
        np.array(boxes, dtype=np.float64).reshape(-1, 4),
        np.array(sorted(last), dtype=np.int64).reshape(-1, 2),
        n_items,
        n_annotators,
        len(categories),
        tuple(shapes) if shapes else None,
    )


def fit_objects(drawings: Drawings, min_iou: float = 0.5) -> ObjectsResult:
    """Objects, annotators and risks. An item that nobody judged has risk 1."""
    if not 0.0 < min_iou <= 1.0:
        raise ConsensusError(f"a smallest IoU of {min_iou} is not above 0 and up to 1", exit_code=2)
    A = drawings.n_annotators
    judges: list[list[int]] = [[] for _ in range(drawings.n_items)]
    for item, who in drawings.seen.tolist():
        judges[item].append(who)
    jitter = np.full(A, JITTER)
    clusters: list[list[int]] = []
    for _ in range(_ROUNDS):
        clusters = clustered(drawings, min_iou, 1.0 / jitter**2)
        jitter = jitters(drawings, clusters, 1.0 / jitter**2)
    drawn, present = np.zeros((len(clusters), A), dtype=bool), np.zeros((len(clusters), A), dtype=bool)
    for c, members in enumerate(clusters):
        drawn[c, drawings.annotator[members]] = True
        present[c, judges[int(drawings.item[members[0]])]] = True
    present |= drawn
    p, miss, _, share = existence(drawn, present)
    weight = 1.0 / jitter**2
    objects = [_fused(drawings, members, float(p[c]), weight) for c, members in enumerate(clusters)]
    judged = np.bincount(drawings.seen[:, 1], minlength=A)
    false_drawn = (drawn * (1.0 - p)[:, None]).sum(axis=0)
    n = np.bincount(drawings.seen[:, 0], minlength=drawings.n_items).astype(np.int64)
    return ObjectsResult(
        objects=tuple(sorted(objects, key=lambda o: (o.item, -o.p, tuple(o.box)))),
        miss=miss,
        false_per_item=np.divide(false_drawn, judged, out=np.zeros(A), where=judged > 0),
        jitter=jitter,
        risk=_risks(drawings, clusters, p, present, miss, n),
        n=n,
        real_share=share,
    )


def clustered(drawings: Drawings, min_iou: float, weight: Floats) -> list[list[int]]:
    """Positions of the drawings that are one object; one of an annotator at most. In the order of items."""
    out: list[list[int]] = []
    order = np.lexsort((drawings.annotator, drawings.item))
    starts = np.flatnonzero(np.diff(drawings.item[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else []:
        own: dict[int, list[int]] = {}
        for m in rows.tolist():
            own.setdefault(int(drawings.annotator[m]), []).append(m)
        clusters: list[list[int]] = []
        # Who drew most objects first: what others left out is then already there to be matched.
        for who in sorted(own, key=lambda j: (-len(own[j]), j)):
            gain = _gains(drawings, clusters, own[who], weight, min_iou)
            matched = {column: row for row, column in best_assignment(gain)}
            for column, m in enumerate(own[who]):
                if column in matched:
                    clusters[matched[column]].append(m)
                else:
                    clusters.append([m])
        out += clusters
    return out


def _gains(
    drawings: Drawings, clusters: Sequence[list[int]], mine: Sequence[int], weight: Floats, min_iou: float
) -> Floats:
    if not clusters:
        return np.zeros((0, len(mine)))
    fused = np.array([fused_box(drawings.box[c], weight[drawings.annotator[c]]) for c in clusters])
    iou = box_iou(fused, drawings.box[list(mine)])
    if drawings.shapes is not None:
        for row, column in np.argwhere(iou > 0).tolist():
            iou[row, column] = float(
                np.median([polygon_iou(drawings.shapes[m], drawings.shapes[mine[column]]) for m in clusters[row]])
            )
    same = np.array([[(drawings.category[c] == drawings.category[m]).mean() for m in mine] for c in clusters])
    return np.where(iou >= min_iou, iou + SAME_CATEGORY * same, 0.0)


def jitters(drawings: Drawings, clusters: Sequence[list[int]], weight: Floats) -> Floats:
    """float64 [A]: root mean square distance of the sides from the fused ones, pulled to 0.05 as by 5 objects."""
    square, count = np.zeros(drawings.n_annotators), np.zeros(drawings.n_annotators)
    for members in clusters:
        if len(members) < 3:  # with two the middle lies between them, whoever is off
            continue
        box = drawings.box[members]
        fused = fused_box(box, weight[drawings.annotator[members]])
        size = max(float(np.sqrt(fused[2] * fused[3])), 1e-9)
        away = np.column_stack([box[:, :2] - fused[:2], box[:, :2] + box[:, 2:] - fused[:2] - fused[2:]]) / size
        np.add.at(square, drawings.annotator[members], (away * away).mean(axis=1))
        np.add.at(count, drawings.annotator[members], 1.0)
    return np.sqrt((square + JITTER_STRENGTH * JITTER**2) / (count + JITTER_STRENGTH)).clip(1e-3)


def existence(
    drawn: np.ndarray, present: np.ndarray, iterations: int = 200, tolerance: float = 1e-10
) -> tuple[Floats, Floats, Floats, float]:
    """p float64 [C] that each cluster is real, miss and false float64 [A], and the share of clusters that are real.

    drawn, present: bool [C, A], who drew the cluster and who judged its item.
    """
    C, A = drawn.shape
    miss, false, share = np.full(A, MISS), np.full(A, FALSE), 0.5
    p = np.full(C, 0.5)
    before = -np.inf
    for _ in range(iterations):
        log_real, none_real = _log_seen(drawn, present, 1.0 - miss)
        log_false, none_false = _log_seen(drawn, present, false)
        a, b = np.log(share) + log_real, np.log1p(-share) + log_false
        total = np.logaddexp(a, b)
        p = np.exp(a - total)
        prior = MISS * np.log(miss) + (1 - MISS) * np.log1p(-miss) + FALSE * np.log(false)
        objective = float(total.sum() + STRENGTH * (prior + (1 - FALSE) * np.log1p(-false)).sum())
        objective += float(np.log(share) + np.log1p(-share))
        if objective - before <= tolerance * max(1.0, C):
            break
        before = objective
        # Clusters that nobody drew stand behind those seen, and all who looked left them out.
        unseen_real, unseen_false = p * none_real / (1.0 - none_real), (1 - p) * none_false / (1.0 - none_false)
        left_real = (p[:, None] * (present & ~drawn) + unseen_real[:, None] * present).sum(axis=0)
        drew_real = (p[:, None] * drawn).sum(axis=0)
        left_false = ((1 - p)[:, None] * (present & ~drawn) + unseen_false[:, None] * present).sum(axis=0)
        drew_false = ((1 - p)[:, None] * drawn).sum(axis=0)
        miss = (left_real + STRENGTH * MISS) / (left_real + drew_real + STRENGTH)
        false = (drew_false + STRENGTH * FALSE) / (left_false + drew_false + STRENGTH)
        share = float((p.sum() + 1.0) / (C + 2.0))
    return p, miss, false, share


def _log_seen(drawn: np.ndarray, present: np.ndarray, rate: Floats) -> tuple[Floats, Floats]:
    """float64 [C]: log P(who drew it | somebody did), and P(nobody does)."""
    log_left = np.log1p(-rate)
    logs = np.where(drawn, np.log(rate), np.where(present, log_left, 0.0)).sum(axis=1)
    nobody = np.exp((present * log_left).sum(axis=1)).clip(0.0, 1.0 - 1e-12)
    return logs - np.log1p(-nobody), nobody


def _fused(drawings: Drawings, members: list[int], p: float, weight: Floats) -> FusedObject:
    w = weight[drawings.annotator[members]]
    votes = np.bincount(drawings.category[members], weights=w, minlength=drawings.n_categories)
    category = int(votes.argmax())
    shape = None
    box = fused_box(drawings.box[members], w)
    if drawings.shapes is not None:
        shapes = [drawings.shapes[m] for m in members]
        score = [sum(wk * polygon_iou(one, other) for wk, other in zip(w, shapes, strict=True)) for one in shapes]
        shape = shapes[int(np.argmax(score))]
        box = bounding_box(shape)
    return FusedObject(
        item=int(drawings.item[members[0]]),
        p=p,
        category=category,
        agreed=float(votes[category] / votes.sum()),
        box=box,
        shape=shape,
        drawn_by=tuple(sorted(drawings.annotator[members].tolist())),
    )


def _risks(
    drawings: Drawings, clusters: Sequence[list[int]], p: Floats, present: np.ndarray, miss: Floats, n: Ints
) -> Floats:
    log_right = np.where(n > 0, 0.0, -np.inf)
    nobody = np.exp((present * np.log(miss)).sum(axis=1)).clip(0.0, 1.0 - 1e-12)
    for c, members in enumerate(clusters):
        unseen = p[c] * nobody[c] / (1.0 - nobody[c])
        log_right[int(drawings.item[members[0]])] += np.log(max(p[c], 1.0 - p[c])) - unseen
    return np.asarray(-np.expm1(log_right)).clip(0.0, 1.0)


def same_objects(answer: Mapping[str, Any], known: Mapping[str, Any], min_iou: float = 0.5) -> bool:
    """Whether two answers hold the same objects: as many, paired by category and an IoU of `min_iou` or more."""
    categories = sorted({thing["category"] for one in (answer, known) for thing in one.get("boxes", one.get("shapes"))})
    two = drawings_of([(0, 0, answer), (0, 1, known)], categories, 1, 2)
    mine, theirs = np.flatnonzero(two.annotator == 0), np.flatnonzero(two.annotator == 1)
    if len(mine) != len(theirs):
        return False
    iou = box_iou(two.box[mine], two.box[theirs])
    if two.shapes is not None:
        iou = np.array([[polygon_iou(two.shapes[m], two.shapes[t]) for t in theirs] for m in mine])
    same = two.category[mine][:, None] == two.category[theirs][None, :]
    return len(best_assignment(np.where(same & (iou >= min_iou), iou, 0.0))) == len(mine)
