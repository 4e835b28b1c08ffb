"""Slow plain twins of the coefficients of agreement: loops straight from the definitions."""

from collections import Counter

from tests.consensus.plain import rows_of


def units_of(judgments):
    """item -> the classes it was given."""
    units = {}
    for i, _, a, w in rows_of(judgments):
        if a < judgments.n_classes and w > 0:
            units.setdefault(i, []).append(a)
    return units


def krippendorff(judgments, level, values):
    coincidence, totals = Counter(), Counter()
    for given in units_of(judgments).values():
        for x, a in enumerate(given):
            for y, b in enumerate(given):
                if x != y:
                    coincidence[a, b] += 1.0 / (len(given) - 1)
                    totals[a] += 1.0 / (len(given) - 1)

    def distance(a, b):
        if level == "nominal":
            return float(a != b)
        if level == "interval":
            return (values[a] - values[b]) ** 2
        between = sum(totals[g] for g in range(min(a, b), max(a, b) + 1))
        return (between - (totals[a] + totals[b]) / 2) ** 2 if a != b else 0.0

    n = sum(totals.values())
    expected = sum(totals[a] * totals[b] * distance(a, b) for a in totals for b in totals)
    if expected < 1e-9:
        return None
    return 1.0 - (n - 1.0) * sum(c * distance(a, b) for (a, b), c in coincidence.items()) / expected


def fleiss(judgments):
    given = [answers for answers in units_of(judgments).values() if len(answers) >= 2]
    if not given:
        return None
    observed = 0.0
    for answers in given:
        same = sum(answers[x] == answers[y] for x in range(len(answers)) for y in range(len(answers)) if x != y)
        observed += same / (len(answers) * (len(answers) - 1)) / len(given)
    everything = [a for answers in given for a in answers]
    by_chance = sum((everything.count(k) / len(everything)) ** 2 for k in set(everything))
    return None if by_chance > 1 - 1e-9 else (observed - by_chance) / (1 - by_chance)


def cohen(judgments, first, second, power):
    given = {first: {}, second: {}}
    for i, j, a, w in rows_of(judgments):
        if j in given and a < judgments.n_classes and w > 0:
            given[j][i] = a
    both = sorted(set(given[first]) & set(given[second]))
    if not both:
        return None
    n = len(both)

    def weight(a, b):
        return abs(a - b) ** power if a != b else 0

    observed = sum(weight(given[first][i], given[second][i]) for i in both) / n
    expected = sum(weight(given[first][i], given[second][k]) for i in both for k in both) / n**2
    return None if expected == 0 else 1.0 - observed / expected
