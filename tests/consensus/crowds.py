"""Small crowds for tests: random judgments of any shape, and campaigns like the demo's."""

import numpy as np
from hypothesis import strategies as st

from consensus import Judgments


@st.composite
def judgments(draw, weights=True, most=24):
    K = draw(st.integers(1, 4))
    L = K + draw(st.integers(0, 1))
    n_items = draw(st.integers(1, 6))
    A = draw(st.integers(1, 5))
    row = st.tuples(st.integers(0, n_items - 1), st.integers(0, A - 1), st.integers(0, L - 1))
    rows = np.array(draw(st.lists(row, max_size=most)), dtype=np.int64).reshape(-1, 3)
    weight = None
    if weights and draw(st.booleans()):
        weight = np.array(
            draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.5]), min_size=len(rows), max_size=len(rows)))
        )
    return Judgments(rows[:, 0], rows[:, 1], rows[:, 2], n_items, A, K, L, weight)


@st.composite
def with_gold(draw, **shape):
    judged = draw(judgments(**shape))
    gold = draw(st.dictionaries(st.integers(0, judged.n_items - 1), st.integers(0, judged.n_classes - 1), max_size=3))
    return judged, gold


def campaign(rng, skills, n_items=700, per_item=4, yes=0.5, n_classes=2, constant=(), random=(), unsure=0.0):
    """(judgments, truth): annotators right with their skill, else any other answer; some that do not look."""
    A, K = len(skills), n_classes
    share = np.full(K, (1.0 - yes) / (K - 1)) if K > 1 else np.ones(1)
    if K > 1:
        share[0] = yes
    truth = rng.choice(K, p=share, size=n_items)
    item = np.repeat(np.arange(n_items), per_item)
    annotator = np.concatenate([rng.choice(A, per_item, replace=False) for _ in range(n_items)])
    right = rng.random(len(item)) < np.asarray(skills)[annotator]
    answer = np.where(right, truth[item], (truth[item] + rng.integers(1, max(K, 2), len(item))) % K)
    for j in random:
        mine = annotator == j
        answer[mine] = rng.integers(K, size=mine.sum())
    for j in constant:
        answer[annotator == j] = 0
    answer[rng.random(len(item)) < unsure] = K
    return Judgments(item, annotator, answer, n_items, A, K, K + 1), truth
