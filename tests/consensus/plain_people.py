"""Plain twins of what is computed about people: loops over judgments, straight from the equations."""

import math

from consensus.pooling import CROWD_PART, FEWEST, MOST, MOST_OWN
from tests.consensus import plain


def others_posterior(result, judged, m):
    """q_i from everybody else's judgments of the item of judgment m (or its gold)."""
    i = int(judged.item[m])
    if result.gold[i] >= 0:
        return [float(k == result.gold[i]) for k in range(judged.n_classes)]
    logs = [math.log(p) for p in result.class_prior]
    for n, (item, j, a, w) in enumerate(plain.rows_of(judged)):
        if item == i and n != m:
            logs = [x + w * math.log(result.confusion[j, k, a]) for k, x in enumerate(logs)]
    top = max(logs)
    return plain.normal([math.exp(x - top) for x in logs])


def skill(result, judged, j, fewest=20):
    """(t, its standard errors from 0, answers compared) of annotator j; no weights of 0."""
    K = judged.n_classes
    mine = [
        m
        for m, (i, who, a, _) in enumerate(plain.rows_of(judged))
        if who == j and a < K and (result.n[i] > 1 or result.gold[i] >= 0)
    ]
    q = {m: others_posterior(result, judged, m) for m in mine}
    n = len(mine)
    if n < fewest:
        return 0.0, 0.0, n
    mean = [sum(q[m][k] for m in mine) / n for k in range(K)]
    V = sum((q[m][k] - mean[k]) ** 2 for m in mine for k in range(K))
    if V <= 0.5:
        return 0.0, 0.0, n
    S = sum(q[m][judged.answer[m]] - mean[judged.answer[m]] for m in mine)
    share = [sum(judged.answer[m] == k for m in mine) / n for k in range(K)]
    guess = plain.normal([max(s, 1e-12) for s in share])
    variance = 0.0
    for m in mine:
        first = sum(guess[k] * (q[m][k] - mean[k]) for k in range(K))
        variance += sum(guess[k] * (q[m][k] - mean[k]) ** 2 for k in range(K)) - first * first
    return S / V, (S / V) / max(math.sqrt(max(variance, 1e-12)) / V, 1e-6), n


def agreement(result, judged, given, predicted):
    """P(the predicted judgment repeats the given one), from everybody but its author."""
    who, answer = int(judged.annotator[predicted]), int(judged.answer[given])
    q = others_posterior(result, judged, predicted)
    return sum(p * result.confusion[who, k, answer] for k, p in enumerate(q))


def learned_strengths(kinds):
    """The two strengths from counts [K][A][right, wrong, ...]."""
    K, A = len(kinds), len(kinds[0])
    c = [[kinds[k][j][0] for j in range(A)] for k in range(K)]
    n = [[sum(kinds[k][j]) for j in range(A)] for k in range(K)]
    R = [sum(c[k]) / max(sum(n[k]), 1e-9) for k in range(K)]
    d = [[c[k][j] - n[k][j] * R[k] for j in range(A)] for k in range(K)]
    pairs = [(k, x) for k in range(K) for x in range(K) if k != x]
    together = sum(n[k][j] * n[x][j] for j in range(A) for k, x in pairs)
    C = max(sum(d[k][j] * d[x][j] for j in range(A) for k, x in pairs) / max(together, 1e-9), 0.0)
    people = sum(any(n[k][j] > 0 for k in range(K)) for j in range(A))
    C *= max(1 - math.sqrt(2 / max(people - 1, 1)), 0.0)
    chance = sum(n[k][j] * R[k] * (1 - R[k]) for j in range(A) for k in range(K))
    m = sum(n[k][j] > 0 for j in range(A) for k in range(K))
    away = sum(d[k][j] ** 2 for j in range(A) for k in range(K))
    V = max(away - chance, 0.0) + chance * math.sqrt(2 / max(m, 1))
    V = max(V / max(sum(max(n[k][j] * (n[k][j] - 1), 0.0) for j in range(A) for k in range(K)), 1e-9), 1e-9)
    crowd = sum(map(sum, c)) / sum(map(sum, n))
    spread = crowd * (1 - crowd)
    worth = min(max(spread / V - 1, FEWEST), MOST)
    own = (spread - C) / max(V - C, 1e-9) - 1
    return max(FEWEST, CROWD_PART * worth), max(1e-9, min(own * min(C / V, 1.0), MOST_OWN))
