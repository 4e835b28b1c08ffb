"""Very many classes joined into a few groups, so that tests made for confusions run: who guesses still guesses.

Classes are dealt out to GROUPS groups by how often they are answered, the commonest first and back and forth, so that
the groups are about equally common. An answer is then a group. Whoever is right stays right, a guess stays independent
of the item, one answer stays one answer, and a copy stays equal: what each test takes for granted of ordinary people
holds of groups as well. An error between two classes of one group is no longer seen, one in GROUPS of them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consensus.judgments import Ints, Judgments

GROUPS = 10


def groups_of(judgments: Judgments, groups: int = GROUPS) -> Ints:
    """int64 [L]: the group of each answer; answers that are no class stay apart, after the groups."""
    judged = judgments.present()
    K, L = judged.n_classes, judged.n_answers
    groups = min(groups, K)
    used = np.bincount(judged.answer, minlength=L)[:K]
    order = np.argsort(-used, kind="stable")
    there = np.arange(K) % (2 * groups)
    out = np.empty(L, dtype=np.int64)
    out[order] = np.where(there < groups, there, 2 * groups - 1 - there)
    out[K:] = groups + np.arange(L - K)
    return out


def in_groups(judgments: Judgments, group: Ints) -> Judgments:
    """The same judgments with groups for answers."""
    K, L = judgments.n_classes, judgments.n_answers
    n = int(group[:K].max()) + 1
    return replace(judgments, answer=group[judgments.answer], n_classes=n, n_answers=n + L - K)
