"""Bad annotators planted in simulated crowds: how many are found, how many honest ones are accused.

    python benchmarks/annotators.py [--seeds 20] [--annotators 40] [--out FILE.json]

Each crowd gives 50 judgments a person (copying: 40 of them items that the copied person judged too), five or so a
picture. Honest people are right 75 to 97 % of the time on ordinary pictures. "hard" pictures differ in difficulty
and mislead: half of the errors name the picture's own decoy, so honest people err alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]


from consensus import findings, fit  # noqa: E402  after the path
from consensus.simulate import Items, honest_crowd, simulate, with_planted  # noqa: E402  after the path

KINDS = ("random", "constant", "copying", "fast")
SHARES = (0.05, 0.1, 0.2, 0.3)
EACH = 50
PER_ITEM = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--annotators", type=int, default=40)
    parser.add_argument("--out", type=Path, help="where to write the JSON (default: nowhere)")
    given = parser.parse_args()
    rows = []
    print(f"{given.seeds} crowds of {given.annotators} each; found: planted ones with any flag and with their own")
    for hard in (False, True):
        for K in (2, 5, 10):
            for kind in KINDS:
                if kind == "copying" and K < 5:
                    continue  # with two classes to agree in an error is no surprise
                # Who makes one error in 40 cannot be told from his copy: a second, less accurate crowd shows it.
                for accuracy in ((0.75, 0.97), (0.65, 0.9)) if kind == "copying" else ((0.75, 0.97),):
                    for share in SHARES:
                        rows.append(planted(kind, share, K, hard, given.seeds, given.annotators, accuracy))
                        print(shown(rows[-1]), flush=True)
    print("false alarms among all honest:", false_alarms(rows))
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


def planted(
    kind: str,
    share: float,
    K: int,
    hard: bool,
    seeds: int,
    annotators: int,
    accuracy: tuple[float, float] = (0.75, 0.97),
) -> dict[str, Any]:
    n_bad = max(1, round(share * annotators))
    caught = named = bad = accused = honest = 0
    began = time.process_time()
    for seed in range(seeds):
        crowd = with_planted(honest_crowd(annotators, seed, accuracy=accuracy), kind, n_bad, seed)
        if kind == "copying":
            crowd = [a if a.kind != "copying" else type(a)(**{**a.__dict__, "shared": 0.8}) for a in crowd]
        items = Items(annotators * EACH // PER_ITEM, K, difficulty=1.0 if hard else 0.0, decoy=0.5 if hard else 0.0)
        made = simulate(crowd, items, each=EACH, seed=1000 + seed)
        result = fit(made.judgments)
        found = findings(result, made.judgments, seconds=made.seconds, moment=made.moment)
        flagged = {f.annotator for f in found}
        own = {f.annotator for f in found if f.flag == kind or (f.flag == "constant" and kind == "random")}
        last = set(range(annotators - n_bad, annotators))
        caught, named, bad = caught + len(flagged & last), named + len(own & last), bad + n_bad
        accused, honest = accused + len(flagged - last), honest + annotators - n_bad
    return {
        "kind": kind, "share": share, "classes": K, "hard": hard, "accuracy": accuracy, "crowds": seeds, "planted": bad,
        "found": caught / bad, "found by its own test": named / bad,
        "accused": accused, "honest": honest, "false alarms": accused / honest,
        "cpu seconds a crowd": (time.process_time() - began) / seeds,
    }  # fmt: skip


def false_alarms(rows: list[dict[str, Any]]) -> str:
    accused, honest = sum(r["accused"] for r in rows), sum(r["honest"] for r in rows)
    return f"{accused} of {honest} ({accused / honest:.2%}), all five tests together"


def shown(row: dict[str, Any]) -> str:
    low, high = row["accuracy"]
    return (
        f"K={row['classes']:<3} {'hard ' if row['hard'] else 'plain'} {row['kind']:<9} {row['share']:4.0%}"
        f"  right {low:.2f} to {high:.2f}  found {row['found']:6.1%} (by its own test"
        f" {row['found by its own test']:6.1%})  accused {row['false alarms']:5.2%} of {row['honest']}"
    )


if __name__ == "__main__":
    main()
