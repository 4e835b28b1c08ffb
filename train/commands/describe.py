"""`python -m train describe NAME`: a network's blocks, layers, parameters and FLOPs."""

import argparse
import json
import re

from train.describe import as_text, describe
from train.models import MODEL_NAMES


def make_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m train describe",
        description="Print a network's blocks, layers, shapes, parameters and FLOPs.",
    )
    parser.add_argument("name", help=f"one of {', '.join(MODEL_NAMES)}")
    parser.add_argument("--size", type=int, help="side of a picture (default 32 in the CIFAR family, else 224)")
    parser.add_argument("--classes", type=int, help="categories (default 10 in the CIFAR family, else 1000)")
    parser.add_argument("--width", type=float, default=1.0, help="factor on every stage's channels")
    parser.add_argument("--small-input", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--json", action="store_true")
    return parser


def main(words: list[str]) -> int:
    """Print the description."""
    asked = make_parser().parse_args(words)
    large = re.fullmatch(r"(resnet|preresnet|plain)(18|34|50|101|152)", asked.name) and not asked.small_input
    found = describe(
        asked.name,
        size=asked.size or (224 if large else 32),
        classes=asked.classes or (1000 if large else 10),
        small_input=asked.small_input,
        width=asked.width,
    )
    print(json.dumps(found.as_json(), indent=1) if asked.json else as_text(found))
    return 0
