"""`python -m train bench MODEL`: how fast a network trains here, what holds it up, and peers in a plain loop."""

import argparse
import json
from pathlib import Path

from train.commands.parsing import Parser
from train.models import MODELS_IN_WORDS, architecture_of


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train bench",
        description="Measure samples/s: the step alone, the loader alone, both, and torchvision's and timm's networks.",
    )
    parser.add_argument("model", nargs="?", default="resnet18", help=MODELS_IN_WORDS)
    parser.add_argument("--data", default="", help="a dataset for loader and end to end (default: generated pictures)")
    parser.add_argument("--size", type=int, help="side of a picture (default 32 in the CIFAR family, else 224)")
    parser.add_argument("--classes", type=int, default=10, help="categories of generated pictures (default 10)")
    parser.add_argument("--batch-size", "--batch", type=int, default=64, help="samples a step (default 64)")
    parser.add_argument("--augment", default="standard", help="as for training (default standard)")
    parser.add_argument("--optimizer", default="sgd", help="as for training (default sgd)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--precision", default="auto", help="auto, fp32, bf16")
    parser.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--cuda-graphs", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--gpu-decode", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--workers", type=int, help="how many processes or threads decode")
    parser.add_argument("--threads", type=int, help="threads of the CPU's arithmetic")
    parser.add_argument("--seconds", type=float, default=6.0, help="of measuring each (default 6)")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure others too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", help="also write the JSON to a file")
    return parser


def main(words: list[str]) -> int:
    """Measure and print."""
    given = make_parser().parse_args(words)
    import torch

    from train.bench import Asked, as_text, bench

    if given.threads:
        torch.set_num_threads(given.threads)
    small = given.model == "article" or architecture_of(given.model).stem == "small"
    names = [name for name in Asked.__dataclass_fields__ if name not in ("model", "size", "rounds")]
    asked = Asked(given.model, given.size or (32 if small else 224), **{name: getattr(given, name) for name in names})
    found = bench(asked)
    if given.out:
        Path(given.out).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1) if given.json else as_text(found))
    return 0
