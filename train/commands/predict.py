"""`python -m train predict RUN PICTURES`: what a trained network says of a folder of pictures or a list of URLs."""

import csv
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from train.commands.parsing import Parser
from train.sources.pictures import list_pictures, read_pictures

if TYPE_CHECKING:
    from train.saved import Saved

BATCH = 64


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train predict",
        description="Print CSV: picture, category, its probability, and the next best ones.",
    )
    parser.add_argument("run", help="a run's folder, or its best.pt")
    parser.add_argument("pictures", help="a folder, a picture, or a text file with a path or URL a line")
    parser.add_argument("--top", type=int, default=3, help="how many categories of each picture (default 3)")
    parser.add_argument("--json", action="store_true", help="a JSON object a line instead of CSV")
    parser.add_argument("--out", help="write to a file instead of standard output")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--workers", type=int, help="threads that fetch and decode")
    return parser


def main(words: list[str]) -> int:
    """Print answers; pictures that cannot be read are named on standard error, and the exit code is 3."""
    asked = make_parser().parse_args(words)
    from train.device import choose_workers
    from train.saved import open_saved

    saved = open_saved(Path(asked.run), asked.device)
    names = list_pictures(Path(asked.pictures))
    top = max(1, min(asked.top, len(saved.categories)))
    unreadable = 0
    with ExitStack() as stack:
        out = sys.stdout
        if asked.out:
            out = stack.enter_context(Path(asked.out).open("w", encoding="utf-8", newline=""))
        writer = csv.writer(out, lineterminator="\n")
        if not asked.json:
            heads = [f"{what}{number}" for number in range(2, top + 1) for what in ("category_", "probability_")]
            writer.writerow(["picture", "category", "probability", *heads])
        for name, answer in answers(saved, names, choose_workers(asked.workers), top):
            if isinstance(answer, str):
                unreadable += 1
                print(f"skipped: {answer}", file=sys.stderr)
            elif asked.json:
                out.write(json.dumps({"picture": name, "categories": answer}) + "\n")
            else:
                writer.writerow([name, *(x for pair in answer for x in (pair["category"], f"{pair['p']:.4f}"))])
    if unreadable:
        print(f"{unreadable} of {len(names)} pictures could not be read.", file=sys.stderr)
    return 3 if unreadable else 0


def answers(
    saved: "Saved", names: list[str], workers: int, top: int
) -> Iterator[tuple[str, list[dict[str, Any]] | str]]:
    """Each picture's best categories with their calibrated probabilities, or why it could not be read; in order."""
    waiting: list[tuple[str, np.ndarray | str]] = []
    for number, (name, picture) in enumerate(read_pictures(names, workers, saved.side), 1):
        waiting.append((name, picture if isinstance(picture, str) else saved.read(picture)))
        if len(waiting) == BATCH or number == len(names):
            readable = [pixels for _, pixels in waiting if not isinstance(pixels, str)]
            best = iter(guess(saved, np.stack(readable), top) if readable else [])
            for one, pixels in waiting:
                yield one, pixels if isinstance(pixels, str) else next(best)
            waiting = []


def guess(saved: "Saved", pixels: np.ndarray, top: int) -> list[list[dict[str, Any]]]:
    """The best `top` categories of pictures uint8 [B, H, H, 3]."""
    import torch

    from train.metrics import softmax

    with torch.inference_mode():
        logits = saved.model(saved.inputs(torch.from_numpy(pixels))).float().cpu().numpy()
    probability = softmax(logits / np.float32(saved.temperature))
    order = np.argsort(-probability, axis=1, kind="stable")[:, :top]
    return [
        [{"category": saved.categories[k], "p": round(float(p[k]), 6)} for k in ranked]
        for p, ranked in zip(probability, order, strict=True)
    ]
