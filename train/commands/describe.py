"""`python -m train describe NAME`: a network's blocks, layers, parameters and FLOPs."""

import argparse
import json

from train.commands.parsing import Parser
from train.models import MODELS_IN_WORDS, architecture_of


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train describe",
        description="Print a network's blocks, layers, shapes, parameters and FLOPs.",
    )
    parser.add_argument("name", help=MODELS_IN_WORDS)
    parser.add_argument("--size", type=int, help="side of a picture (default 32 in the CIFAR family, else 224)")
    parser.add_argument("--classes", type=int, help="categories (default 10 in the CIFAR family, else 1000)")
    parser.add_argument("--width", type=float, default=1.0, help="factor on every stage's channels")
    parser.add_argument("--small-input", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--json", action="store_true")
    return parser


def main(words: list[str]) -> int:
    """Print the description."""
    asked = make_parser().parse_args(words)
    large = asked.name != "article" and architecture_of(asked.name).stem == "large" and not asked.small_input
    from train.describe import as_text, describe

    found = describe(
        asked.name,
        size=asked.size or (224 if large else 32),
        classes=asked.classes or (1000 if large else 10),
        small_input=asked.small_input,
        width=asked.width,
    )
    print(json.dumps(found.as_json(), indent=1) if asked.json else as_text(found))
    return 0
