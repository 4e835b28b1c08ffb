"""Rendered scenes through app, consensus and release to a detector and a segmenter, and their figures on test.

    python benchmarks/heads_end_to_end.py [--images 240] [--seed 0] [--json FILE] [--workspace DIR]

Scenes of up to two shapes are rendered and collected; five simulated people of unlike care draw boxes and polygons
through the annotation app's HTTP interface, three a picture; consensus fuses them; a release is built and verified;
a head of each kind is trained on it. Figures are of its test split: mAP at an IoU of 0.5, and mIoU.
"""

import argparse
import sys
import tempfile
from pathlib import Path

# Run as a script, this folder comes first on the path, and its consensus.py would hide the room `consensus`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]


def main() -> None:
    # Imported here: worker processes import this file anew, and need none of it.
    from benchmarks.heads.chain import Result, run

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0, help="draws the scenes and the people, starts the networks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="keep the workspace (default: a temporary one)")
    given = parser.parse_args()

    def table(result: Result) -> str:
        lines = [
            result.machine,
            f"{result.images:,} scenes, {result.judgments:,} drawings",
            f"released {dict(result.splits)}, left out {dict(result.dropped)}",
            "",
            f"{'head':<10}{'figure':>8}{'test, labels':>14}{'test, truth':>13}   labels against the truth",
        ]
        for task, head in result.heads.items():
            lines.append(
                f"{task:<10}{head.figure:>8}{head.on_labels:>14.3f}{head.on_truth:>13.3f}   consensus "
                f"{head.labels['consensus']:.3f}, one person {head.labels['one_person']:.3f}"
            )
        stages = [f"{name} {spent:.1f} ({result.cpu_seconds[name]:.1f})" for name, spent in result.seconds.items()]
        return "\n".join([*lines, "", f"seconds (CPU seconds): {', '.join(stages)}"])

    with tempfile.TemporaryDirectory(prefix="cairn-heads-") as temporary:
        result = run(
            given.images, given.seed, given.workspace or Path(temporary) / "workspace",
            tell=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
    if given.json:
        given.json.write_text(result.as_json(), encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
