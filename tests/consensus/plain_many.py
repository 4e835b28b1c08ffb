"""The slow plain twin of many-classes: EM by loops over items, judgments and classes, straight from the equations."""

import math

from consensus.many_classes import ANCHOR_RIGHT, ANCHOR_WEIGHT, STRENGTH
from consensus.shared_errors import ERROR_STRENGTH, SIBLINGS
from tests.consensus import plain


def beforehand(k, a, parents):
    """s(a | k)."""
    K = len(parents)
    kin = [x for x in range(K) if x != k and parents[x] >= 0 and parents[x] == parents[k]]
    if not kin:
        return 1 / (K - 1)
    return (1 - SIBLINGS) / (K - 1) + (SIBLINGS / len(kin) if a in kin else 0.0)


def many_classes(judged, gold, parents, iterations):
    """(posterior {class: p} of each item, mass of all other classes of each item, objectives)."""
    K, A, n_items = judged.n_classes, judged.n_annotators, judged.n_items
    everything = [row for row in plain.rows_of(judged) if row[3] > 0]
    rows = [row for row in everything if row[2] < K]
    asked = {i for i, *_ in everything}
    of_item = [[row for row in rows if row[0] == i] for i in range(n_items)]
    given = [sum(w for _, j, _, w in rows if j == person) for person in range(A)]
    judges = [j for j in range(A) if given[j] > 0]
    usage = plain.normal([1 + sum(w for *_, a, w in rows if a == k) for k in range(K)])
    q, other = [], [0.0] * n_items
    for i in range(n_items):
        votes = {k: sum(w for *_, a, w in of_item[i] if a == k) for k in sorted({row[2] for row in of_item[i]})}
        q.append({gold[i]: 1.0} if i in gold else {k: v / sum(votes.values()) for k, v in votes.items()})
    share, mean, objectives = [1 / K] * K, ANCHOR_RIGHT, []
    away = [1 - sum(share[k] for k in q[i]) for i in range(n_items)]
    for _ in range(iterations):
        hits = [sum(w * q[i].get(a, 0.0) for i, j, a, w in rows if j == person) for person in range(A)]
        for _ in range(2):
            right = [(h + STRENGTH * mean) / (g + STRENGTH) for h, g in zip(hits, given, strict=True)]
            up, down = (
                math.exp((sum(map(math.log, rates)) + ANCHOR_WEIGHT * math.log(anchor)) / (len(judges) + ANCHOR_WEIGHT))
                for rates, anchor in (
                    ([right[j] for j in judges], ANCHOR_RIGHT),
                    ([1 - right[j] for j in judges], 1 - ANCHOR_RIGHT),
                )
            )
            mean = up / (up + down)
        right = [(h + STRENGTH * mean) / (g + STRENGTH) for h, g in zip(hits, given, strict=True)]
        N = [[0.0] * K for _ in range(K)]
        for i, _, a, w in rows:
            for k, p in q[i].items():
                if k != a:
                    N[k][a] += w * p
        error = [
            [
                (N[k][a] + ERROR_STRENGTH * beforehand(k, a, parents)) / (sum(N[k]) + ERROR_STRENGTH) if a != k else 0.0
                for a in range(K)
            ]
            for k in range(K)
        ]
        free = [i for i in sorted(asked) if i not in gold]
        mass = [1.0] * K
        for i in range(n_items):
            for k in range(K):
                if i not in gold and k in q[i]:
                    mass[k] += q[i][k]
                elif i in free and k not in q[i]:
                    mass[k] += other[i] * share[k] / away[i]
        share = plain.normal(mass)
        away = [max(1 - sum(share[k] for k in q[i]), 0.0) for i in range(n_items)]
        F = sum(math.log(p) for p in share)
        F -= STRENGTH * (
            sum(plain.kl([mean, 1 - mean], [right[j], 1 - right[j]]) for j in judges)
            + ANCHOR_WEIGHT * plain.kl([mean, 1 - mean], [ANCHOR_RIGHT, 1 - ANCHOR_RIGHT])
        )
        for k in range(K):
            others = [a for a in range(K) if a != k]
            F -= ERROR_STRENGTH * plain.kl([beforehand(k, a, parents) for a in others], [error[k][a] for a in others])
        for i in range(n_items):
            chance = {k: 1.0 if i in gold else share[k] for k in q[i]}
            rest = away[i] if i in free else 0.0
            for _, j, a, w in of_item[i]:
                for k in chance:
                    chance[k] *= (right[j] if a == k else (1 - right[j]) * error[k][a]) ** w
                rest *= ((1 - right[j]) * usage[a]) ** w
            total = sum(chance.values()) + rest
            if total > 0:
                q[i], other[i] = {k: c / total for k, c in chance.items()}, rest / total
                F += math.log(total)
        objectives.append(F)
    return q, other, objectives
