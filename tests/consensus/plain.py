"""The slow plain twins: loops straight from the equations, without a thought for speed."""

import math
from collections import Counter

from consensus.dawid_skene import ANCHOR_RIGHT, DEFAULT_PRIOR, ERROR_STRENGTH_PER_CLASS


def rows_of(judgments):
    weight = [1.0] * len(judgments) if judgments.weight is None else judgments.weight.tolist()
    return list(
        zip(judgments.item.tolist(), judgments.annotator.tolist(), judgments.answer.tolist(), weight, strict=True)
    )


def majority(judgments, gold):
    K = judgments.n_classes
    out = []
    for i in range(judgments.n_items):
        votes = [sum(w for ii, _, a, w in rows_of(judgments) if ii == i and a == k) for k in range(K)]
        total = sum(votes)
        out.append([v / total for v in votes] if total > 0 else [1.0 / K] * K)
        if i in gold:
            out[i] = [float(k == gold[i]) for k in range(K)]
    return out


def dawid_skene(judgments, gold, iterations, prior=DEFAULT_PRIOR):
    """(posterior [I][K], objectives) after so many iterations."""
    K, L, A = judgments.n_classes, judgments.n_answers, judgments.n_annotators
    rows = [row for row in rows_of(judgments) if row[3] > 0]
    total = sum(w for *_, w in rows)
    judged_items = {i for i, *_ in rows}
    judged_annotators = sorted({j for _, j, *_ in rows})
    others = range(K, L)
    # the anchors
    seen = [sum(w for _, _, a, w in rows if a == x) for x in range(L)]
    unsure = [(seen[x] + 0.5) / (total + 0.5 * (L - K) + 0.5) for x in others]
    named = 1.0 - sum(unsure)
    right0 = ANCHOR_RIGHT if K > 1 else 1.0
    R0 = [right0 * named, (1.0 - right0) * named, *unsure]
    E0 = [[0.0 if x == k else 1.0 / (K - 1) for x in range(K)] for k in range(K)]
    s, o, c = prior.strength, prior.own_strength, prior.anchor_weight
    t = prior.error_strength or ERROR_STRENGTH_PER_CLASS * K
    R, E = [list(R0) for _ in range(K)], [list(row) for row in E0]
    OWN = [list(R0) for _ in range(A)]
    q = majority(judgments, gold)
    objectives = []
    for _ in range(iterations):
        N = [[[0.0] * L for _ in range(K)] for _ in range(A)]
        for i, j, a, w in rows:
            for k in range(K):
                N[j][k][a] += w * q[i][k]
        mass = [prior.class_items + sum(q[i][k] for i in judged_items if i not in gold) for k in range(K)]
        p = [m / sum(mass) for m in mass]

        for _ in range(2):
            r, e = personal(N, R, E, OWN, s, o, t)
            R = [geometric([r[j][k] for j in judged_annotators], R0, c) for k in range(K)]
            E = [geometric([e[j][k] for j in judged_annotators], E0[k], c) for k in range(K)]
            OWN = [
                geometric([r[j][k] for k in range(K)], [float(K > 1 or x != 1) for x in range(2 + L - K)], 0.0)
                for j in range(A)
            ]
        r, e = personal(N, R, E, OWN, s, o, t)

        F = 0.0
        for i in range(judgments.n_items):
            mine = [row for row in rows if row[0] == i]
            logs = [sum(w * math.log(chance(r[j][k], e[j][k], k, a)) for _, j, a, w in mine) for k in range(K)]
            if i in gold:
                F += logs[gold[i]]
                continue
            logs = [x + math.log(p[k]) for k, x in enumerate(logs)]
            top = max(logs)
            F += top + math.log(sum(math.exp(x - top) for x in logs))
            q[i] = normal([math.exp(x - top) for x in logs])
        F += prior.class_items * sum(math.log(x) for x in p)
        F -= o * sum(kl(OWN[j], r[j][k]) for j in judged_annotators for k in range(K))
        for k in range(K):
            F -= s * (sum(kl(R[k], r[j][k]) for j in judged_annotators) + c * kl(R[k], R0))
            F -= t * (sum(kl(E[k], e[j][k]) for j in judged_annotators) + c * kl(E[k], E0[k]))
        objectives.append(F)
    return q, objectives


def personal(N, R, E, OWN, s, o, t):
    A, K = len(N), len(R)
    r = [[None] * K for _ in range(A)]
    e = [[None] * K for _ in range(A)]
    for j in range(A):
        for k in range(K):
            wrong = [0.0 if x == k else N[j][k][x] for x in range(K)]
            kinds = [N[j][k][k], sum(wrong), *N[j][k][K:]]
            r[j][k] = normal([n + s * m + o * x for n, m, x in zip(kinds, R[k], OWN[j], strict=True)])
            e[j][k] = normal([n + t * m for n, m in zip(wrong, E[k], strict=True)])
    return r, e


def chance(kinds, wrong, k, a):
    if a == k:
        return kinds[0]
    return kinds[1] * wrong[a] if a < len(wrong) else kinds[2 + a - len(wrong)]


def krippendorff(judgments):
    """alpha from the coincidence matrix, as Krippendorff writes it down."""
    K = judgments.n_classes
    units = {}
    for i, _, a, w in rows_of(judgments):
        if a < K and w > 0:
            units.setdefault(i, []).append(a)
    coincidence = Counter()
    for values in units.values():
        for x, a in enumerate(values):
            for y, b in enumerate(values):
                if x != y:
                    coincidence[a, b] += 1.0 / (len(values) - 1)
    totals = Counter()
    for (a, _), count in coincidence.items():
        totals[a] += count
    n = sum(totals.values())
    expected = sum(totals[a] * totals[b] for a in totals for b in totals if a != b)
    if not expected:
        return None
    observed = sum(count for (a, b), count in coincidence.items() if a != b)
    return 1.0 - (n - 1.0) * observed / expected


def count_distribution(risks):
    """P(number of wrong labels = c), one label after the other."""
    out = [1.0]
    for r in risks:
        out = [
            (out[c] * (1 - r) if c < len(out) else 0.0) + (out[c - 1] * r if c else 0.0) for c in range(len(out) + 1)
        ]
    return out


def normal(values):
    total = sum(values)
    return [v / total for v in values] if total > 0 else [0.0] * len(values)


def geometric(rows, anchor, anchor_weight):
    out = []
    for x, u in enumerate(anchor):
        if u == 0.0:
            out.append(0.0)
            continue
        logs = sum(math.log(row[x]) for row in rows) + anchor_weight * math.log(u)
        out.append(math.exp(logs / (len(rows) + anchor_weight)))
    return normal(out)


def kl(a, b):
    return sum(x * math.log(x / y) for x, y in zip(a, b, strict=True) if x > 0)
