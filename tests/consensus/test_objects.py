import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consensus import ConsensusError
from consensus.objects import FALSE, MISS, STRENGTH, drawings_of, existence, fit_objects
from consensus.objects_matching import best_assignment
from consensus.objects_shapes import LINES, box_iou, fused_box, polygon_iou, weighted_median

gains = st.integers(0, 5).flatmap(
    lambda n: st.integers(0, 5).flatmap(
        lambda m: st.lists(
            st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.9]) | st.floats(0, 1), min_size=m, max_size=m),
            min_size=n,
            max_size=n,
        ).map(lambda rows: np.array(rows, dtype=float).reshape(n, m))
    )
)


@settings(max_examples=200, deadline=None)
@given(gains)
def test_the_assignment_is_scipys(gain):
    from scipy import optimize

    pairs = best_assignment(gain)
    rows, columns = optimize.linear_sum_assignment(-gain)
    assert sum(gain[r, c] for r, c in pairs) == pytest.approx(gain[rows, columns].sum(), abs=1e-9)
    assert len({r for r, _ in pairs}) == len({c for _, c in pairs}) == len(pairs)


def test_overlaps_of_boxes_are_those_of_counted_pixels():
    rng = np.random.default_rng(0)
    boxes = np.column_stack([rng.integers(0, 20, (8, 2)), rng.integers(1, 15, (8, 2))]).astype(float)
    masks = np.zeros((8, 40, 40), dtype=bool)
    for k, (x, y, w, h) in enumerate(boxes.astype(int)):
        masks[k, y : y + h, x : x + w] = True
    plain = [[(a & b).sum() / (a | b).sum() for b in masks] for a in masks]
    np.testing.assert_allclose(box_iou(boxes, boxes), plain, atol=1e-12)


def test_overlaps_of_polygons_with_holes_are_those_of_areas():
    square = [np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=float)]
    moved = [np.array([[5, 0], [15, 0], [15, 10], [5, 10]], dtype=float)]
    holed = [*square, np.array([[2, 2], [2, 8], [8, 8], [8, 2]], dtype=float)]
    triangle = [np.array([[0, 0], [10, 0], [0, 10]], dtype=float)]
    assert polygon_iou(square, square) == pytest.approx(1.0)
    assert polygon_iou(square, moved) == pytest.approx(1 / 3)
    assert polygon_iou(square, holed) == pytest.approx(0.64, abs=0.01)
    assert polygon_iou(square, triangle) == pytest.approx(0.5, abs=0.01)
    assert polygon_iou(square, [np.array([[20, 20], [30, 20], [20, 30]], dtype=float)]) == 0.0
    flat = [np.array([[0, 5], [10, 5], [5, 5]], dtype=float)]
    assert polygon_iou(flat, flat) == 0.0


def plain_polygon_iou(first, second):
    """Line by line, interval by interval."""
    ys = np.concatenate([ring[:, 1] for ring in (first[0], second[0])])
    low, high = ys.min(), ys.max()
    common = union = 0.0
    for line in range(LINES):
        y = low + (line + 0.5) * (high - low) / LINES
        one, other = plain_inside(first, y), plain_inside(second, y)
        both = sum(max(0.0, min(q, s) - max(p, r)) for p, q in one for r, s in other)
        common += both
        union += sum(q - p for p, q in one) + sum(s - r for r, s in other) - both
    return common / union if union > 0 else 0.0


def plain_inside(rings, y):
    found = []
    for ring in rings:
        for (px, py), (qx, qy) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if (py <= y) != (qy <= y):
                found.append(px + (y - py) / (qy - py) * (qx - px))
    found.sort()
    return list(zip(found[::2], found[1::2], strict=True))


rings = st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=9).map(
        lambda points: np.array(points, dtype=float)
    ),
    min_size=1,
    max_size=3,
).map(lambda found: [found[0], *(np.clip(hole, found[0].min(axis=0), found[0].max(axis=0)) for hole in found[1:])])


@settings(max_examples=150, deadline=None)
@given(rings, rings)
def test_overlaps_of_polygons_are_those_of_the_plain_loop(first, second):
    assert polygon_iou(first, second) == pytest.approx(plain_polygon_iou(first, second), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 20), st.sampled_from([0.5, 1.0, 2.0])), min_size=1, max_size=9))
def test_the_weighted_median_has_at_most_half_of_the_weight_on_either_side(rows):
    values, weight = np.array([float(r[0]) for r in rows]), np.array([r[1] for r in rows])
    middle = weighted_median(values, weight)
    assert weight[values < middle - 1e-9].sum() <= weight.sum() / 2 + 1e-9
    assert weight[values > middle + 1e-9].sum() <= weight.sum() / 2 + 1e-9


def test_one_wild_box_of_three_moves_nothing_far():
    boxes = np.array([[10, 10, 50, 40], [11, 9, 50, 41], [300, 200, 5, 5]], dtype=float)
    np.testing.assert_allclose(fused_box(boxes, np.ones(3)), [11, 10, 50, 40], atol=2)


def plain_existence(drawn, present, rounds):
    """The EM of the docstring, a cluster and an annotator at a time."""
    C, A = len(drawn), len(drawn[0])
    miss, false, share, p = [MISS] * A, [FALSE] * A, 0.5, []
    objectives = []
    for _ in range(rounds):
        p, unseen, total = [], [], 0.0
        for c in range(C):
            real = false_ = nobody_real = nobody_false = 1.0
            for j in range(A):
                if present[c][j]:
                    real *= 1 - miss[j] if drawn[c][j] else miss[j]
                    false_ *= false[j] if drawn[c][j] else 1 - false[j]
                    nobody_real *= miss[j]
                    nobody_false *= 1 - false[j]
            a = share * real / (1 - nobody_real)
            b = (1 - share) * false_ / (1 - nobody_false)
            p.append(a / (a + b))
            total += math.log(a + b)
            unseen.append((nobody_real / (1 - nobody_real), nobody_false / (1 - nobody_false)))
        for j in range(A):
            total += STRENGTH * (MISS * math.log(miss[j]) + (1 - MISS) * math.log(1 - miss[j]))
            total += STRENGTH * (FALSE * math.log(false[j]) + (1 - FALSE) * math.log(1 - false[j]))
        objectives.append(total + math.log(share) + math.log(1 - share))
        for j in range(A):
            left = [0.0, 0.0]
            drew = [0.0, 0.0]
            for c in range(C):
                if present[c][j]:
                    for kind, q in ((0, p[c]), (1, 1 - p[c])):
                        left[kind] += q * unseen[c][kind] + (0.0 if drawn[c][j] else q)
                        drew[kind] += q if drawn[c][j] else 0.0
            miss[j] = (left[0] + STRENGTH * MISS) / (left[0] + drew[0] + STRENGTH)
            false[j] = (drew[1] + STRENGTH * FALSE) / (left[1] + drew[1] + STRENGTH)
        share = (sum(p) + 1) / (C + 2)
    return p, objectives


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.data())
def test_existence_is_that_of_the_plain_equations_and_its_objective_never_falls(C, A, data):
    present = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=A, max_size=A), min_size=C, max_size=C)))
    present[:, 0] = True
    drawn = present & np.array(
        data.draw(st.lists(st.lists(st.booleans(), min_size=A, max_size=A), min_size=C, max_size=C))
    )
    drawn[np.arange(C), np.where(drawn.any(axis=1), drawn.argmax(axis=1), 0)] = True
    theirs, objectives = plain_existence(drawn.tolist(), present.tolist(), 25)
    assert (np.diff(objectives) >= -1e-9).all()
    np.testing.assert_allclose(existence(drawn, present, 25, -np.inf)[0], theirs, atol=1e-9)


def scene(rng, n_items, people):
    """Answers of people (miss, false per item, jitter) about random boxes, with the truth."""
    truth, answers = [], []
    for item in range(n_items):
        boxes = [np.array([*rng.uniform(0, 900, 2), *rng.uniform(40, 120, 2)]) for _ in range(rng.poisson(2))]
        truth.append(boxes)
        for j, (miss, false, jitter) in enumerate(people):
            drawn = []
            for box in boxes:
                if rng.random() >= miss:
                    size = np.sqrt(box[2] * box[3])
                    sides = np.array([box[0], box[1], box[0] + box[2], box[1] + box[3]]) + rng.normal(
                        0, jitter * size, 4
                    )
                    drawn.append((sides[0], sides[1], sides[2] - sides[0], sides[3] - sides[1]))
            drawn += [(*rng.uniform(0, 900, 2), *rng.uniform(40, 120, 2)) for _ in range(rng.poisson(false))]
            told = [{"category": "car", "x": x, "y": y, "w": w, "h": h} for x, y, w, h in drawn]
            answers.append((item, j, {"boxes": told}))
    return truth, answers


def test_rates_objects_and_shapes_of_a_simulated_crowd_are_found():
    rng = np.random.default_rng(0)
    people = [(0.05, 0.05, 0.02), (0.1, 0.05, 0.03), (0.4, 0.02, 0.03), (0.1, 1.0, 0.03), (0.1, 0.1, 0.1)]
    truth, answers = scene(rng, 400, people)
    result = fit_objects(drawings_of(answers, ["car"], 400, 5))
    assert result.miss == pytest.approx([0.05, 0.1, 0.4, 0.1, 0.1], abs=0.06)
    assert result.false_per_item == pytest.approx([0.05, 0.05, 0.02, 1.0, 0.1], abs=0.12)
    assert result.jitter.argmax() == 4
    assert result.jitter[:4].max() < 0.05
    kept = [o for o in result.objects if o.p >= 0.5]
    right, iou = 0, []
    for one in kept:
        overlaps = box_iou(one.box[None], np.array(truth[one.item]).reshape(-1, 4))
        if overlaps.size and overlaps.max() >= 0.5:
            right += 1
            iou.append(overlaps.max())
    total = sum(map(len, truth))
    assert right / len(kept) > 0.97
    assert right / total > 0.95
    assert np.mean(iou) > 0.9
    assert sum(o.p for o in result.objects) == pytest.approx(total, rel=0.04)
    wrong = np.zeros(400, dtype=bool)
    for i in range(400):
        mine = [o for o in kept if o.item == i]
        found = [o for o in mine if truth[i] and box_iou(o.box[None], np.array(truth[i])).max() >= 0.5]
        wrong[i] = len(found) != len(mine) or len(found) != len(truth[i])
    assert result.risk.mean() == pytest.approx(wrong.mean(), abs=0.06)
    assert result.risk[wrong].mean() > 2 * result.risk[~wrong].mean()


def test_categories_are_voted_and_polygons_keep_a_shape_that_somebody_drew():
    def told(category, shift):
        ring = [[10 + shift, 10], [60 + shift, 10], [60 + shift, 50], [10 + shift, 50]]
        return {"shapes": [{"category": category, "rings": [ring]}]}

    answers = [(0, 0, told("car", 0)), (0, 1, told("car", 1)), (0, 2, told("bus", 3)), (1, 0, {"shapes": []})]
    result = fit_objects(drawings_of(answers, ["bus", "car"], 3, 4))
    (one,) = result.objects
    assert (one.item, one.category, one.drawn_by) == (0, 1, (0, 1, 2))
    assert one.agreed == pytest.approx(2 / 3, abs=0.05)
    assert one.shape[0][0].tolist() == [11.0, 10.0]
    assert result.risk[2] == 1.0
    assert result.risk[1] < 0.5
    assert result.n.tolist() == [3, 1, 0]


def test_two_objects_side_by_side_stay_two_and_an_annotator_has_one_of_each():
    one, two = (
        {"category": "car", "x": 0, "y": 0, "w": 50, "h": 50},
        {"category": "car", "x": 20, "y": 0, "w": 50, "h": 50},
    )
    answers = [(0, j, {"boxes": [one, two] if j % 2 else [two, one]}) for j in range(4)]
    result = fit_objects(drawings_of(answers, ["car"], 1, 4))
    assert [o.drawn_by for o in result.objects] == [(0, 1, 2, 3)] * 2


def test_nothing_drawn_nobody_asked_and_one_annotator_only_are_no_crash():
    empty = fit_objects(drawings_of([], ["car"], 2, 0))
    assert empty.risk.tolist() == [1.0, 1.0]
    nothing = fit_objects(drawings_of([(0, 0, {"boxes": []}), (0, 1, {"flag": "broken"})], ["car"], 1, 2))
    assert nothing.objects == ()
    assert np.isfinite(nothing.miss).all()
    alone = fit_objects(
        drawings_of([(0, 0, {"boxes": [{"category": "car", "x": 1, "y": 1, "w": 5, "h": 5}]})], ["car"], 1, 1)
    )
    assert 0 < alone.objects[0].p < 1
    with pytest.raises(ConsensusError, match="category"):
        drawings_of([(0, 0, {"boxes": [{"category": "bus", "x": 1, "y": 1, "w": 5, "h": 5}]})], ["car"], 1, 1)
    with pytest.raises(ConsensusError, match="IoU"):
        fit_objects(drawings_of([], ["car"], 1, 1), min_iou=0.0)
