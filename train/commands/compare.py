"""`python -m train compare RUN RUN...`: runs side by side in one HTML file."""

from pathlib import Path

from train.commands.parsing import Parser


def make_parser() -> Parser:
    """The command's options."""
    parser = Parser(
        prog="python -m train compare",
        description="Write one page with the figures of several runs on the same data, and whether they differ.",
    )
    parser.add_argument("runs", nargs="+", help="folders of finished runs")
    parser.add_argument("--out", default="comparison.html", help="the page (default comparison.html)")
    return parser


def main(words: list[str]) -> int:
    """Write the page."""
    asked = make_parser().parse_args(words)
    from train.compare import compare

    print(f"report   {compare([Path(run) for run in asked.runs], Path(asked.out))}")
    return 0
