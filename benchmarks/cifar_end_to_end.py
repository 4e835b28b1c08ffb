"""Real CIFAR-10 pictures with real human judgments through the product's own doors, in one table.

    python benchmarks/cifar_end_to_end.py [--images 2000] [--epochs 8] [--seed 0] [--json FILE] [--workspace DIR]

Serves the pictures on loopback, collects them, replays what people said about them through the annotation app,
computes consensus, builds a release and trains on it. Needs the data folder (CAIRN_DATA) and the test extra.
"""

import argparse
import sys
import tempfile
from pathlib import Path

# Run as a script, this folder comes first on the path, and its consensus.py would hide the room `consensus`.
HERE = Path(__file__).resolve().parent
sys.path[:] = [str(HERE.parent), *(p for p in sys.path if Path(p or ".").resolve() != HERE)]

IMAGES, EPOCHS = 2000, 8


def main() -> None:
    # Imported here: worker processes import this file anew, and need none of it.
    from benchmarks.cifar.pictures import LEAST, MOST, data_folder, missing

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES, help=f"pictures, {LEAST} to {MOST}")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="epochs of each training")
    parser.add_argument("--seed", type=int, default=0, help="draws the pictures and the people, starts the networks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured there")
    parser.add_argument("--workspace", type=Path, metavar="DIR", help="keep the workspace (default: a temporary one)")
    given = parser.parse_args()
    if absent := missing(data_folder()):
        print(f"skipped: {data_folder()} has no {absent[0]}; set CAIRN_DATA to the folder of the real data sets")
        return
    from benchmarks.cifar.chain import run
    from benchmarks.cifar.table import table

    with tempfile.TemporaryDirectory(prefix="cairn-cifar-") as temporary:
        try:
            result = run(
                given.images, given.epochs, given.seed, given.workspace or Path(temporary) / "workspace",
                tell=lambda line: print(line, file=sys.stderr, flush=True),
            )  # fmt: skip
        except Exception as error:
            if not (hint := getattr(error, "hint", None)):
                raise
            print(f"{error}\nhint: {hint}", file=sys.stderr)
            raise SystemExit(getattr(error, "exit_code", 1)) from error
    if given.json:
        given.json.write_text(result.as_json(), encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
