"""`python -m train search DATA [...]`: a search for rates, decay and augmentation on val."""

import sys

from train.commands.parsing import Parser
from train.commands.run import add_settings, config_from


def make_parser() -> Parser:
    """The command's options: those of training, and how many trials."""
    parser = Parser(
        prog="python -m train search",
        description="Search rate, weight decay, warm-up, label smoothing and augmentation; judged on val alone.",
    )
    parser.add_argument("data", help="a release, WebDataset tars, an ImageFolder, CIFAR's files")
    parser.add_argument("--trials", type=int, default=20, help="trials in all, those of an earlier call included")
    parser.add_argument("--out", help="the search's folder (default runs/DATA-MODEL); a search in it goes on")
    add_settings(parser)
    return parser


def main(words: list[str]) -> int:
    """Search, and print the best trial."""
    asked = make_parser().parse_args(words)
    asked.resume = False
    config = config_from(asked)
    from train.search import search

    found = search(config, asked.trials, lambda line: print(line, file=sys.stderr, flush=True))
    print(f"best     trial {found.number}, val accuracy {found.top1:.2%}")
    print(f"trials   {found.finished} finished, {found.stopped} stopped early")
    for name, value in found.settings.items():
        print(f"         {name} {value:.4g}" if isinstance(value, float) else f"         {name} {value}")
    print(f"report   {found.report}")
    return 0
